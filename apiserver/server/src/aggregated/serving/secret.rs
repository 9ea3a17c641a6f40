//! The Secret that holds the authorities for all replicas.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use generic_apiserver::serve::tls;
use guestcluster_credentials::x509::CertifiedKey;
use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{Api, Client, api::PostParams};
use tokio::time::{Instant, sleep};

use super::Authorities;
use crate::{
    aggregated::failure::{is_transient, reason},
    roles::{SERVING_SECRET as NAME, SYSTEM_NAMESPACE as NAMESPACE},
};

/// Set by an administrator who wants a new authority; removed when it is made.
const ROTATE: &str = "guestclusters.dev/rotate";
/// When the last step was taken.
const SINCE: &str = "guestclusters.dev/since";
const CURRENT: [&str; 2] = ["ca.crt", "ca.key"];
const NEXT: [&str; 2] = ["next-ca.crt", "next-ca.key"];
const PREVIOUS: &str = "previous-ca.crt";
/// How long the host may take to answer at the start.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait between two tries.
const RETRY: Duration = Duration::from_secs(1);

/// What the Secret holds; the first server makes it. Waits a while for a host that does not answer.
pub(super) async fn read_or_make(client: &Client) -> anyhow::Result<Authorities> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match try_to_read_or_make(client).await {
            Ok(content) => {
                return parse(&content)
                    .with_context(|| format!("Secret {NAMESPACE}/{NAME} can't be used; without it a new one is made"));
            }
            Err(error) if is_transient(&error) && Instant::now() < deadline => sleep(RETRY).await,
            Err(error) => anyhow::bail!(
                "cannot read or make Secret {NAMESPACE}/{NAME} with the serving authority ({}); the manifests have the right to it",
                reason(&error)
            ),
        }
    }
}

async fn try_to_read_or_make(client: &Client) -> kube::Result<Secret> {
    let api = secrets(client);
    if let Some(content) = api.get_opt(NAME).await? {
        return Ok(content);
    }
    let authorities = Authorities::generate(Timestamp::now()).map_err(|error| kube::Error::Service(error.into()))?;
    match api.create(&PostParams::default(), &render(&authorities, None)).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => api.get(NAME).await,
        made => made,
    }
}

/// Writes them as the next version of `found`, or anew where it is gone. Fails when somebody else wrote in between.
pub(super) async fn write(client: &Client, authorities: &Authorities, found: Option<&Secret>) -> kube::Result<Secret> {
    let (api, parameters) = (secrets(client), PostParams::default());
    let content = render(authorities, found);
    match found {
        Some(_) => api.replace(NAME, &parameters, &content).await,
        None => api.create(&parameters, &content).await,
    }
}

/// As it is on the host now.
pub(super) async fn read(client: &Client) -> kube::Result<Option<Secret>> {
    secrets(client).get_opt(NAME).await
}

pub(super) fn secrets(client: &Client) -> Api<Secret> {
    Api::namespaced(client.clone(), NAMESPACE)
}

/// The authorities in a Secret. Errors name what is missing and never what is there.
pub(super) fn parse(content: &Secret) -> anyhow::Result<Authorities> {
    let annotations = content.metadata.annotations.as_ref();
    let annotation = |key: &str| annotations.and_then(|all| all.get(key));
    let since = annotation(SINCE).map(|time| time.parse::<Timestamp>());
    Ok(Authorities {
        current: pair(content, CURRENT)?.with_context(|| format!("{} is missing", CURRENT[0]))?,
        next: pair(content, NEXT)?,
        previous: text(content, PREVIOUS)?,
        since: since.and_then(Result::ok),
        asked: annotation(ROTATE).is_some(),
    })
}

fn pair(content: &Secret, [certificate, key]: [&str; 2]) -> anyhow::Result<Option<CertifiedKey>> {
    let pair = match (text(content, certificate)?, text(content, key)?) {
        (Some(certificate), Some(key)) => CertifiedKey { certificate, key },
        (None, None) => return Ok(None),
        (None, Some(_)) => anyhow::bail!("{key} is there and {certificate} is not"),
        (Some(_), None) => anyhow::bail!("{certificate} is there and {key} is not"),
    };
    // Nobody would trust what it signs; that the two belong together is what this looks at.
    tls::server_config(pair.certificate.as_bytes(), pair.key.as_bytes(), None)
        .with_context(|| format!("{certificate} and {key} are no authority"))?;
    Ok(Some(pair))
}

fn text(content: &Secret, key: &str) -> anyhow::Result<Option<String>> {
    let bytes = content.data.as_ref().and_then(|data| data.get(key));
    let text = bytes.map(|bytes| String::from_utf8(bytes.0.clone()).map_err(|_| anyhow::anyhow!("{key} is no text")));
    text.transpose()
}

/// Keeps labels and annotations of others.
fn render(authorities: &Authorities, found: Option<&Secret>) -> Secret {
    let Authorities {
        current,
        next,
        previous,
        since,
        asked,
    } = authorities;
    let mut data = BTreeMap::new();
    let mut put = |key: &str, text: &str| data.insert(key.to_owned(), ByteString(text.as_bytes().to_vec()));
    for ([certificate, key], pair) in [(CURRENT, Some(current)), (NEXT, next.as_ref())] {
        if let Some(pair) = pair {
            put(certificate, &pair.certificate);
            put(key, &pair.key);
        }
    }
    if let Some(previous) = previous {
        put(PREVIOUS, previous);
    }
    let mut metadata = found.map_or_else(
        || ObjectMeta {
            name: Some(NAME.to_owned()),
            ..ObjectMeta::default()
        },
        |found| found.metadata.clone(),
    );
    metadata.managed_fields = None;
    let annotations = metadata.annotations.get_or_insert_default();
    match since {
        Some(since) => annotations.insert(SINCE.to_owned(), since.to_string()),
        None => annotations.remove(SINCE),
    };
    if !asked {
        annotations.remove(ROTATE);
    }
    Secret {
        metadata,
        data: Some(data),
        type_: found.map_or_else(|| Some("Opaque".to_owned()), |found| found.type_.clone()),
        ..Secret::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let authorities = Authorities::generate(Timestamp::now()).unwrap();
        let step = super::super::authorities::Step::Announce;
        let announced = authorities.clone().after(step, Timestamp::now()).unwrap();
        let undated = Authorities {
            since: None,
            ..announced.clone()
        };
        for authorities in [authorities, announced, undated] {
            let read = parse(&render(&authorities, None)).unwrap();
            assert_eq!(read.bundle(), authorities.bundle());
            assert_eq!((read.since, read.asked), (authorities.since, false));
        }
    }

    #[test]
    fn the_wish_for_a_new_one_and_what_others_wrote_stay_until_it_is_there() {
        let authorities = Authorities::generate(Timestamp::now()).unwrap();
        let mut content = render(&authorities, None);
        let annotations = content.metadata.annotations.get_or_insert_default();
        annotations.extend([
            (ROTATE.to_owned(), "now".to_owned()),
            ("theirs".to_owned(), "1".to_owned()),
        ]);
        let asked = parse(&content).unwrap();
        assert!(asked.asked);
        let still = render(&asked, Some(&content)).metadata.annotations.unwrap();
        assert!(still.contains_key(ROTATE));
        let announced = asked
            .after(super::super::authorities::Step::Announce, Timestamp::now())
            .unwrap();
        let written = render(&announced, Some(&content)).metadata.annotations.unwrap();
        assert!(!written.contains_key(ROTATE) && written["theirs"] == "1");
    }

    #[test]
    fn a_broken_secret_is_told_by_its_keys() {
        let content = render(&Authorities::generate(Timestamp::now()).unwrap(), None);
        for (key, told) in [
            ("ca.key", "ca.crt is there and ca.key is not"),
            ("ca.crt", "ca.key is there and ca.crt is not"),
        ] {
            let mut broken = content.clone();
            broken.data.as_mut().unwrap().remove(key);
            assert_eq!(parse(&broken).unwrap_err().to_string(), told);
        }
        let other = render(&Authorities::generate(Timestamp::now()).unwrap(), None)
            .data
            .unwrap();
        for foreign in [other["ca.key"].clone(), ByteString(b"no key".to_vec())] {
            let mut broken = content.clone();
            broken.data.as_mut().unwrap().insert("ca.key".to_owned(), foreign);
            assert_eq!(
                parse(&broken).unwrap_err().to_string(),
                "ca.crt and ca.key are no authority"
            );
        }
        let empty = Secret::default();
        assert_eq!(parse(&empty).unwrap_err().to_string(), "ca.crt is missing");
    }
}
