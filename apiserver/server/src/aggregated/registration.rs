//! The APIService: who it trusts must be who serves here.

use std::{pin::pin, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::StreamExt as _;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    runtime::{WatchStreamExt as _, watcher, watcher::Event},
};
use serde_json::{Value, json};
use tokio::{sync::watch, time::sleep};

use super::serving::Authorities;
use crate::roles::{API_SERVICE, SERVER};

/// Pause before a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Keeps `spec.caBundle` of the APIService at the authorities of the moment, whoever changes it, for ever. That the object does
/// not exist, or can't be written, is told in the log, and tried again.
pub(super) async fn keep(client: Client, mut authorities: watch::Receiver<Arc<Authorities>>) {
    let api: Api<APIService> = Api::all(client);
    let only = watcher::Config::default().fields(&format!("metadata.name={API_SERVICE}"));
    let mut events = pin!(watcher(api.clone(), only).default_backoff());
    let mut found: Option<APIServiceSpec> = None;
    loop {
        let bundle = authorities.borrow_and_update().bundle();
        let mut failed = false;
        if let Some(patch) = found.as_ref().and_then(|spec| correction(spec, bundle.as_bytes())) {
            match write(&api, &patch).await {
                Some(written) => found = written.spec,
                None => failed = true,
            }
        }
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(Event::Apply(object) | Event::InitApply(object))) => found = object.spec,
                Some(Ok(Event::Init)) => found = None,
                Some(Ok(Event::InitDone)) if found.is_some() => {}
                Some(Ok(Event::InitDone | Event::Delete(_))) => {
                    found = None;
                    tracing::warn!("APIService {API_SERVICE} does not exist: apply what `{SERVER} manifests` prints");
                }
                Some(Err(error)) => tracing::warn!(%error, "watching APIService {API_SERVICE}"),
                None => return,
            },
            changed = authorities.changed() => if changed.is_err() {
                return;
            },
            () = sleep(RETRY), if failed => {}
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

/// Writes the patch; the object afterwards, or none when it could not be written.
async fn write(api: &Api<APIService>, patch: &Value) -> Option<APIService> {
    let parameters = PatchParams {
        field_manager: Some(SERVER.to_owned()),
        ..PatchParams::default()
    };
    let written = api.patch(API_SERVICE, &parameters, &Patch::Merge(patch)).await;
    match &written {
        Ok(_) => tracing::info!("APIService {API_SERVICE} trusts this server's certificate"),
        Err(error) => {
            tracing::warn!(%error, "caBundle of APIService {API_SERVICE} could not be written, trying again");
        }
    }
    written.ok()
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
