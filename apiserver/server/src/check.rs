//! `guestcluster-apiserver check`: whether a supervisor has all that guest clusters need, seen from outside, as its administrator.

mod address;
mod exposure;
mod finding;
mod kinds;
mod leader;
mod registration;
mod rights;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use tokio::time::timeout;

use self::finding::{Finding, Severity};
use crate::{aggregated::host, layers::Layers};

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is checked.
pub(crate) struct Config {
    /// How to reach the supervisor's kube-apiserver, as an administrator; none for what kubectl would read.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// A context there; none for the current one.
    pub(crate) context: Option<String>,
    /// Which layers run in our server there.
    pub(crate) layers: Layers,
    /// A JSON list in place of lines.
    pub(crate) json: bool,
}

/// Prints what was found on standard output. Fails when something does not work.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(findings(config))?;
    if config.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        print!("{}", finding::lines(&findings));
    }
    let failed = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Failed)
        .count();
    anyhow::ensure!(failed == 0, "{failed} of {} findings are failures", findings.len());
    Ok(())
}

async fn findings(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let client = host::client_of_a_person(config.kubeconfig.as_deref(), config.context.as_deref()).await?;
    let version = timeout(PATIENCE, client.apiserver_version())
        .await
        .context("kube-apiserver does not answer")?
        .context("kube-apiserver can't be asked")?;
    let mut findings = vec![Finding::ok(
        "supervisor",
        format!("kube-apiserver {} answers", version.git_version),
    )];
    findings.extend(in_time("registration", registration::check(&client)).await);
    findings.extend(in_time("leader", leader::check(&client)).await);
    findings.extend(in_time("kinds", kinds::check(&client, config.layers)).await);
    findings.extend(in_time("rights", rights::check(&client, config.layers)).await);
    findings.extend(in_time("address", address::check(&client, config.layers)).await);
    findings.extend(in_time("exposure", exposure::check(&client)).await);
    Ok(findings)
}

/// A check that ends, with what it could not find out as a finding of its own.
async fn in_time(check: &'static str, findings: impl Future<Output = kube::Result<Vec<Finding>>>) -> Vec<Finding> {
    match timeout(PATIENCE, findings).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(error)) => {
            let why = crate::aggregated::failure::reason(&error);
            vec![Finding::failed(check, format!("could not be checked: {why}"))]
        }
        Err(_) => vec![Finding::failed(
            check,
            format!("no answer within {} s", PATIENCE.as_secs()),
        )],
    }
}

/// Nothing if there is no such object or kind.
async fn found<T>(answer: impl Future<Output = kube::Result<T>>) -> kube::Result<Option<T>> {
    match answer.await {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

/// For the hint that most failures have.
fn apply_manifests(layers: Layers) -> String {
    format!("apply what `guestcluster-apiserver manifests --layers {layers}` prints")
}

/// A client for tests of single checks.
#[cfg(test)]
fn nowhere() -> kube::Client {
    let service = tower::service_fn(|_: http::Request<kube::client::Body>| async {
        std::future::pending::<()>().await;
        Ok::<_, tower::BoxError>(http::Response::new(kube::client::Body::empty()))
    });
    kube::Client::new(service, "default")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_supervisor_that_is_silent_is_told_and_not_waited_for() {
        let findings = in_time("leader", leader::check(&nowhere())).await;
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, Severity::Failed);
        assert_eq!(findings[0].detail, "no answer within 30 s");
    }
}
