//! Asks for the eviction of one pod.

use super::named;
use http::{Request, header::CONTENT_TYPE};
use k8s_openapi::api::core::v1::Pod;
use kube::core::Status;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

/// The pod's name, and why its eviction was refused, if it was. `grace` is the time that the pod gets to end, in seconds;
/// none leaves it its own.
pub(super) async fn evict(client: &Client, pod: Pod, grace: Option<u32>) -> (String, Option<String>) {
    let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
    let body = eviction(&namespace, &name, grace).to_string().into_bytes();
    let request = Request::post(format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction"))
        .header(CONTENT_TYPE, "application/json")
        .body(body);
    let refused = match request {
        Ok(request) => match client.request::<Value>(request).await {
            Ok(_) => None,
            Err(kube::Error::Api(status)) => (!status.is_not_found()).then(|| reason(&status)),
            Err(error) => Some(crate::retries::summary(&error)),
        },
        Err(error) => Some(error.to_string()),
    };
    (named(&pod), refused)
}

/// kube's own eviction writes the options under a name that no API server reads.
fn eviction(namespace: &str, name: &str, grace: Option<u32>) -> Value {
    let mut eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace},
    });
    if let Some(seconds) = grace {
        eviction["deleteOptions"] = json!({ "gracePeriodSeconds": seconds });
    }
    eviction
}

/// What the API server says, with the cause: that names the disruption budget.
fn reason(status: &Status) -> String {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let causes: Vec<_> = causes
        .map(|cause| cause.message.as_str())
        .filter(|text| !text.is_empty())
        .collect();
    if causes.is_empty() {
        return status.message.clone();
    }
    format!("{} {}", status.message, causes.join("; "))
}
