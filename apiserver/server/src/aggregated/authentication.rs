//! Who may speak for whom, as the host says it in a ConfigMap: the front proxy's CA and names, and the CA of its clients.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use futures::StreamExt as _;
use generic_apiserver::authn::{Authenticator, ClientCertificates, Replaceable, RequestHeader, RequestHeaderConfig};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::failure::{is_transient, reason};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";
/// How long the host may take to answer at the start.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait between two tries.
const RETRY: Duration = Duration::from_secs(1);

/// The host's configuration of authentication, in force as long as this lives.
pub(crate) struct Delegated {
    trusted: ArcSwap<Trusted>,
    authenticator: Arc<Replaceable>,
}

/// The content of the ConfigMap, as far as it is used.
#[derive(Debug, PartialEq, Eq)]
struct Trusted {
    /// PEM; empty where the host knows no client certificates.
    client_ca: Vec<u8>,
    request_header: RequestHeaderConfig,
}

impl Delegated {
    /// Reads the ConfigMap, waiting a while for a host that does not answer yet. Fails when it is not readable or not
    /// usable: without it nobody could be trusted.
    pub(crate) async fn read(client: &Client) -> anyhow::Result<Delegated> {
        let content = read_patiently(client).await.map_err(anyhow::Error::msg).with_context(|| {
            format!(
                "cannot read ConfigMap {NAMESPACE}/{NAME}, which says whom to trust (Role extension-apiserver-authentication-reader there lets the server read it)"
            )
        })?;
        Delegated::new(&content).with_context(|| format!("ConfigMap {NAMESPACE}/{NAME} is not usable"))
    }

    fn new(content: &ConfigMap) -> anyhow::Result<Delegated> {
        let trusted = Trusted::parse(content)?;
        let authenticator = Replaceable::new();
        authenticator.replace(trusted.authenticators()?);
        Ok(Delegated {
            trusted: ArcSwap::from_pointee(trusted),
            authenticator,
        })
    }

    /// Finds users by the front proxy's headers, then by client certificate; always as the ConfigMap says it last.
    pub(crate) fn authenticator(&self) -> Arc<dyn Authenticator> {
        self.authenticator.clone()
    }

    /// Every CA whose client certificates may be known (PEM), for the hint in the TLS handshake.
    pub(crate) fn client_cas(&self) -> Vec<u8> {
        let trusted = self.trusted.load();
        let mut pem = trusted.request_header.ca_pem.clone();
        pem.push(b'\n');
        pem.extend(&trusted.client_ca);
        pem
    }

    /// Follows the ConfigMap until `stop`, and calls `changed` after each change. What is not usable is logged, and the last
    /// good content stays in force.
    pub(crate) async fn follow(
        self: Arc<Self>,
        client: Client,
        changed: impl Fn(&Self) + Send,
        stop: CancellationToken,
    ) {
        let following = async {
            let contents = watcher(
                config_maps(client),
                watcher::Config::default().fields(&format!("metadata.name={NAME}")),
            );
            let mut contents = std::pin::pin!(contents.default_backoff());
            while let Some(event) = contents.next().await {
                match event {
                    Ok(watcher::Event::Apply(content) | watcher::Event::InitApply(content)) => {
                        self.take(&content, &changed);
                    }
                    Ok(watcher::Event::Delete(_)) => {
                        tracing::warn!("ConfigMap {NAMESPACE}/{NAME} is gone; its last content stays in force");
                    }
                    Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
                    Err(error) => {
                        tracing::warn!(%error, "ConfigMap {NAMESPACE}/{NAME} cannot be followed; trying again");
                    }
                }
            }
        };
        stop.run_until_cancelled(following).await;
    }

    fn take(&self, content: &ConfigMap, changed: &impl Fn(&Self)) {
        let usable = Trusted::parse(content).and_then(|trusted| {
            let authenticators = trusted.authenticators()?;
            Ok((trusted, authenticators))
        });
        match usable {
            Ok((trusted, _)) if trusted == **self.trusted.load() => {}
            Ok((trusted, authenticators)) => {
                self.trusted.store(Arc::new(trusted));
                self.authenticator.replace(authenticators);
                tracing::info!("ConfigMap {NAMESPACE}/{NAME} changed; its new content is in force");
                changed(self);
            }
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "ConfigMap {NAMESPACE}/{NAME} is not usable; its last good content stays in force"
            ),
        }
    }
}

impl Trusted {
    fn parse(content: &ConfigMap) -> anyhow::Result<Trusted> {
        static NOTHING: BTreeMap<String, String> = BTreeMap::new();
        let data = content.data.as_ref().unwrap_or(&NOTHING);
        let text = |key: &str| data.get(key).map(|text| text.as_bytes().to_vec());
        let request_header = RequestHeaderConfig {
            ca_pem: text("requestheader-client-ca-file").context(
                "requestheader-client-ca-file is missing: kube-apiserver runs without the aggregation layer (--requestheader-client-ca-file)",
            )?,
            allowed_names: names(data, "requestheader-allowed-names")?,
            username_headers: names(data, "requestheader-username-headers")?,
            uid_headers: names(data, "requestheader-uid-headers")?,
            group_headers: names(data, "requestheader-group-headers")?,
            extra_header_prefixes: names(data, "requestheader-extra-headers-prefix")?,
        };
        Ok(Trusted {
            client_ca: text("client-ca-file").unwrap_or_default(),
            request_header,
        })
    }

    /// In the order in which they are asked.
    fn authenticators(&self) -> anyhow::Result<Vec<Arc<dyn Authenticator>>> {
        let front_proxy = RequestHeader::new(self.request_header.clone())?;
        let mut authenticators: Vec<Arc<dyn Authenticator>> = vec![Arc::new(front_proxy)];
        if !self.client_ca.is_empty() {
            let clients = ClientCertificates::new(&self.client_ca).context("client-ca-file")?;
            authenticators.push(Arc::new(clients));
        }
        Ok(authenticators)
    }
}

/// A list of names, which the ConfigMap holds as JSON; empty if it is missing.
fn names(data: &BTreeMap<String, String>, key: &str) -> anyhow::Result<Vec<String>> {
    let Some(text) = data.get(key) else {
        return Ok(Vec::new());
    };
    serde_json::from_str(text).with_context(|| format!("{key} is not a JSON list of strings"))
}

/// Tries again while the host can't be reached; the error is the last one, in words.
async fn read_patiently(client: &Client) -> Result<ConfigMap, String> {
    let config_maps = config_maps(client.clone());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = timeout_at(deadline, config_maps.get(NAME)).await;
        match answer.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))? {
            Ok(content) => return Ok(content),
            Err(error) if is_transient(&error) && Instant::now() + RETRY < deadline => {
                tracing::info!(error = reason(&error), "the host does not answer yet");
                sleep(RETRY).await;
            }
            Err(error) => return Err(reason(&error)),
        }
    }
}

fn config_maps(client: Client) -> Api<ConfigMap> {
    Api::namespaced(client, NAMESPACE)
}

#[cfg(test)]
mod tests;
