//! `/healthz`, `/livez`, `/readyz`, as kube-apiserver words them.

mod slis;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

use http::{Response, StatusCode};

pub use self::slis::Slis;

use crate::{
    request::Query,
    serve::{Body, answer::plain_text},
};

/// One named health check.
#[derive(Clone)]
pub struct Check {
    name: Arc<str>,
    run: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl Check {
    /// A check that is quick and does not block. Its error goes to the log, and to those who may read the single check.
    pub fn new(name: &str, run: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Check {
        Check {
            name: name.into(),
            run: Arc::new(run),
        }
    }

    /// The checks that every server has: `ping` and `log`, which pass as long as it answers at all.
    pub fn builtin() -> [Check; 2] {
        static BUILTIN: LazyLock<[Check; 2]> =
            LazyLock::new(|| ["ping", "log"].map(|name| Check::new(name, || Ok(()))));
        BUILTIN.clone()
    }

    /// What it checks.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Answers `/<endpoint>` and `/<endpoint>/<check>`; none when there is no check of that name.
pub fn answer<'a>(
    endpoint: &str,
    single: Option<&str>,
    query: &Query,
    mut checks: impl Iterator<Item = &'a Check>,
    slis: &Slis,
) -> Option<Response<Body>> {
    match single.filter(|name| !name.is_empty()) {
        Some(name) => {
            let check = checks.find(|check| *check.name == *name)?;
            Some(answer_single(slis.run(endpoint, check)))
        }
        None => Some(answer_all(endpoint, query, checks, slis)),
    }
}

fn answer_single(outcome: Result<(), String>) -> Response<Body> {
    match outcome {
        Ok(()) => {
            let mut response = plain_text(StatusCode::OK, "ok");
            response.headers_mut().remove(http::header::X_CONTENT_TYPE_OPTIONS);
            response
        }
        Err(reason) => plain_text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("internal server error: {reason}\n"),
        ),
    }
}

fn answer_all<'a>(
    endpoint: &str,
    query: &Query,
    checks: impl Iterator<Item = &'a Check>,
    slis: &Slis,
) -> Response<Body> {
    let mut excluded: BTreeSet<&str> = query.all("exclude").flat_map(|names| names.split(',')).collect();
    excluded.remove("");
    let mut lines = String::new();
    let mut failed = false;
    for check in checks {
        if excluded.remove(&*check.name) {
            let _ = writeln!(lines, "[+]{} excluded: ok", check.name);
        } else if let Err(reason) = slis.run(endpoint, check) {
            tracing::info!(endpoint, check = &*check.name, reason, "health check failed");
            failed = true;
            let _ = writeln!(lines, "[-]{} failed: reason withheld", check.name);
        } else {
            let _ = writeln!(lines, "[+]{} ok", check.name);
        }
    }
    if !excluded.is_empty() {
        let unknown: Vec<String> = excluded.iter().map(|name| format!("{name:?}")).collect();
        let _ = writeln!(
            lines,
            "warn: some health checks cannot be excluded: no matches for {}",
            unknown.join(",")
        );
    }
    if failed {
        return plain_text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("{lines}{endpoint} check failed\n"),
        );
    }
    let verbose = query.has("verbose");
    plain_text(
        StatusCode::OK,
        if verbose {
            format!("{lines}{endpoint} check passed\n")
        } else {
            "ok".to_owned()
        },
    )
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn checks(etcd: Result<(), String>) -> Vec<Check> {
        vec![Check::new("ping", || Ok(())), Check::new("etcd", move || etcd.clone())]
    }

    async fn ask(single: Option<&str>, query: &str, checks: &[Check]) -> (u16, String) {
        let response = answer("readyz", single, &Query::parse(query), checks.iter(), &Slis::default()).unwrap();
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        let is_a_single_ok = single.is_some() && response.status() == 200;
        assert_eq!(
            response.headers().contains_key("x-content-type-options"),
            !is_a_single_ok
        );
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn healthy() {
        let checks = checks(Ok(()));
        assert_eq!(ask(None, "", &checks).await, (200, "ok".into()));
        assert_eq!(ask(Some("etcd"), "", &checks).await, (200, "ok".into()));
        let verbose = "[+]ping ok\n[+]etcd ok\nreadyz check passed\n";
        assert_eq!(ask(None, "verbose", &checks).await, (200, verbose.into()));
    }

    #[tokio::test]
    async fn a_failure_is_always_verbose_and_keeps_its_reason_to_itself() {
        let checks = checks(Err("disk full".into()));
        let text = "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n";
        assert_eq!(ask(None, "", &checks).await, (500, text.into()));
        assert_eq!(
            ask(Some("etcd"), "", &checks).await,
            (500, "internal server error: disk full\n".into())
        );
        assert_eq!(ask(None, "exclude=etcd", &checks).await, (200, "ok".into()));
        let excluded = "[+]ping ok\n[+]etcd excluded: ok\nreadyz check passed\n";
        assert_eq!(
            ask(None, "exclude=etcd&verbose=1", &checks).await,
            (200, excluded.into())
        );
    }

    #[tokio::test]
    async fn unknown_names() {
        let checks = checks(Ok(()));
        assert!(answer("livez", Some("x"), &Query::default(), checks.iter(), &Slis::default()).is_none());
        let (_, text) = ask(None, "verbose&exclude=x", &checks).await;
        assert!(
            text.contains("warn: some health checks cannot be excluded: no matches for \"x\"\n"),
            "{text}"
        );
    }
}
