//! The APIService: who it trusts must be who serves here.

use std::{pin::pin, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::StreamExt as _;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    runtime::{WatchStreamExt as _, watcher, watcher::Event},
};
use serde_json::{Value, json};

use crate::roles::{API_SERVICE, SERVER};

/// Pause before a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Keeps `spec.caBundle` of the APIService at this CA certificate (PEM), whoever changes it, for ever. That the object does not
/// exist, or can't be written, is told in the log, and tried again.
pub(super) async fn keep(client: Client, ca: Vec<u8>) {
    let api: Api<APIService> = Api::all(client);
    let only = watcher::Config::default().fields(&format!("metadata.name={API_SERVICE}"));
    let mut events = pin!(watcher(api.clone(), only).default_backoff());
    let mut exists = false;
    let mut pending = None;
    loop {
        let event = match pending {
            None => events.next().await,
            // A newer version of the object replaces the write that failed.
            Some(_) => match tokio::time::timeout(RETRY, events.next()).await {
                Ok(event) => event,
                Err(_) => {
                    pending = write(&api, pending).await;
                    continue;
                }
            },
        };
        match event {
            Some(Ok(Event::Apply(found) | Event::InitApply(found))) => {
                exists = true;
                pending = write(&api, found.spec.as_ref().and_then(|spec| correction(spec, &ca))).await;
            }
            Some(Ok(Event::Init)) => exists = false,
            Some(Ok(Event::InitDone)) if exists => {}
            Some(Ok(Event::InitDone | Event::Delete(_))) => {
                pending = None;
                tracing::warn!("APIService {API_SERVICE} does not exist: apply what `{SERVER} manifests` prints");
            }
            Some(Err(error)) => tracing::warn!(%error, "watching APIService {API_SERVICE}"),
            None => return,
        }
    }
}

/// The patch that makes the APIService trust `ca`, and nothing but it.
fn correction(spec: &APIServiceSpec, ca: &[u8]) -> Option<Value> {
    let is_right = spec.ca_bundle.as_ref().is_some_and(|bundle| bundle.0 == ca);
    if is_right && spec.insecure_skip_tls_verify != Some(true) {
        return None;
    }
    Some(json!({"spec": {"caBundle": BASE64_STANDARD.encode(ca), "insecureSkipTLSVerify": null}}))
}

/// Writes the patch; what is left to write afterwards is the answer.
async fn write(api: &Api<APIService>, patch: Option<Value>) -> Option<Value> {
    let patch = patch?;
    let parameters = PatchParams {
        field_manager: Some(SERVER.to_owned()),
        ..PatchParams::default()
    };
    match api.patch(API_SERVICE, &parameters, &Patch::Merge(&patch)).await {
        Ok(_) => {
            tracing::info!("APIService {API_SERVICE} trusts this server's certificate");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "caBundle of APIService {API_SERVICE} could not be written, trying again");
            Some(patch)
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    #[test]
    fn only_another_trust_is_corrected() {
        let spec = |bundle: Option<&str>, insecure| APIServiceSpec {
            ca_bundle: bundle.map(|text| ByteString(text.as_bytes().to_vec())),
            insecure_skip_tls_verify: insecure,
            ..APIServiceSpec::default()
        };
        assert_eq!(correction(&spec(Some("ours"), None), b"ours"), None);
        for wrong in [spec(None, None), spec(Some("old"), None), spec(None, Some(true))] {
            let patch = correction(&wrong, b"ours").unwrap();
            assert_eq!(patch["spec"]["caBundle"], "b3Vycw==");
        }
    }
}
