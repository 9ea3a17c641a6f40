//! Moves the pods of a Node elsewhere: no new ones, and those that can move are evicted.

use super::node;
use crate::machine::error::Error;
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{EvictParams, ListParams};
use kube::{Api, Client, ResourceExt};

/// Evictions at a time.
const CONCURRENCY: usize = 8;
/// Pods that a message names.
const NAMED_PODS: usize = 3;
/// Annotation of pods that the kubelet runs from a file.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Does what can be done; none if no pod is left that must move, otherwise which ones are.
pub(super) async fn proceed(client: &Client, node: &Node) -> Result<Option<String>, Error> {
    node::cordon(client, node).await?;
    let left = movable(client, node).await?;
    if left.is_empty() {
        return Ok(None);
    }
    let mut evictions = Vec::new();
    for pod in left.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
        let api = Api::<Pod>::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
        evictions.push(evict(api, pod.name_any()));
    }
    let evictions = stream::iter(evictions).buffer_unordered(CONCURRENCY);
    let refused = evictions.collect::<Vec<_>>().await.into_iter().flatten().next();
    Ok(Some(message(&left, refused)))
}

async fn movable(client: &Client, node: &Node) -> Result<Vec<Pod>, Error> {
    let on_node = ListParams::default().fields(&format!("spec.nodeName={}", node.name_any()));
    match Api::<Pod>::all(client.clone()).list(&on_node).await {
        Ok(list) => Ok(list
            .items
            .into_iter()
            .filter(|pod| must_move(pod, &node.name_any()))
            .collect()),
        // A guest without pods has nothing to move.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(Error::guest("listing the Pods of a Node")(error)),
    }
}

/// Pods of DaemonSets come back, static ones cannot move, and finished ones do nothing.
fn must_move(pod: &Pod, node: &str) -> bool {
    let on_node = pod
        .spec
        .as_ref()
        .is_some_and(|spec| spec.node_name.as_deref() == Some(node));
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let stays =
        pod.annotations().contains_key(MIRROR) || pod.owner_references().iter().any(|owner| owner.kind == "DaemonSet");
    on_node && !stays && !matches!(phase, Some("Succeeded" | "Failed"))
}

/// Why the eviction was refused, if it was.
async fn evict(api: Api<Pod>, name: String) -> Option<String> {
    match api.evict(&name, &EvictParams::default()).await {
        Err(kube::Error::Api(status)) if !status.is_not_found() => Some(status.message.clone()),
        _ => None,
    }
}

fn message(left: &[Pod], refused: Option<String>) -> String {
    let name = |pod: &Pod| format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    let mut text = format!("{} Pods have not moved yet: ", left.len());
    text.push_str(&left.iter().take(NAMED_PODS).map(name).collect::<Vec<_>>().join(", "));
    if left.len() > NAMED_PODS {
        text.push_str(", ...");
    }
    if let Some(refused) = refused {
        text.push_str(": ");
        text.push_str(&refused);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(metadata: Value, phase: &str) -> Pod {
        let object =
            json!({"metadata": metadata, "spec": {"nodeName": "n", "containers": []}, "status": {"phase": phase}});
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn only_pods_that_can_move_and_do_something_must() {
        let daemon = json!({"name": "a", "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u"}]});
        assert!(must_move(&pod(json!({"name": "a"}), "Running"), "n"));
        assert!(!must_move(&pod(json!({"name": "a"}), "Running"), "other"));
        assert!(!must_move(&pod(json!({"name": "a"}), "Succeeded"), "n"));
        assert!(!must_move(&pod(daemon, "Running"), "n"));
        assert!(!must_move(
            &pod(json!({"name": "a", "annotations": {MIRROR: "x"}}), "Running"),
            "n"
        ));
    }

    #[test]
    fn the_message_names_some_pods_and_what_refuses() {
        let pods: Vec<_> = (0..5)
            .map(|n| pod(json!({"name": format!("p{n}"), "namespace": "x"}), "Running"))
            .collect();
        let text = message(&pods, Some("it would violate the disruption budget".to_owned()));
        assert_eq!(
            text,
            "5 Pods have not moved yet: x/p0, x/p1, x/p2, ...: it would violate the disruption budget"
        );
    }
}
