//! Which pods of a Node must move.

use crate::machine::error::Error;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use std::collections::HashMap;

/// Annotation of pods that the kubelet runs from a file.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// Label of pods that a drain treats in another way: `skip` or `wait-completed`.
const DRAIN_LABEL: &str = "cluster.x-k8s.io/drain";

/// What becomes of a pod when its Node is drained.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// Nothing: it may go with its Node.
    Stays,
    /// It is to be evicted.
    Moves,
    /// Its deletion is under way.
    Ends,
    /// It is waited for until it has done its work.
    Completes,
}

/// `orphan` is a pod whose DaemonSet is gone, `silent` a Node whose kubelet confirms nothing any more.
pub(super) fn fate(pod: &Pod, orphan: bool, silent: bool, now: Timestamp) -> Fate {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let is_done = matches!(phase, Some("Succeeded" | "Failed"));
    let of_daemon = controlling_daemon(pod).is_some() && !orphan;
    if is_done || of_daemon || pod.annotations().contains_key(MIRROR) {
        return Fate::Stays;
    }
    let ends = pod.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    if silent && ends.is_some_and(|end| now.as_second() - end.as_second() > 1) {
        return Fate::Stays;
    }
    match pod.labels().get(DRAIN_LABEL).map(|text| text.to_lowercase()).as_deref() {
        Some("skip") => Fate::Stays,
        Some("wait-completed") => Fate::Completes,
        _ if ends.is_some() => Fate::Ends,
        _ => Fate::Moves,
    }
}

/// The pods of a Node, and of each whether it is left over from a DaemonSet.
pub(super) async fn on_node(client: &Client, node: &Node) -> Result<Vec<(Pod, bool)>, Error> {
    let of_node = ListParams::default().fields(&format!("spec.nodeName={}", node.name_any()));
    let list = match Api::<Pod>::all(client.clone()).list(&of_node).await {
        Ok(list) => list,
        // A guest without pods has nothing to move.
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(Error::guest("listing the Pods of a Node")(error)),
    };
    let mut daemons = HashMap::new();
    let mut pods = Vec::new();
    for pod in list {
        // Whoever serves no field selector returns all.
        if pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) != Some(&node.name_any()) {
            continue;
        }
        let mut orphan = false;
        if let Some(name) = controlling_daemon(&pod) {
            let key = (pod.namespace().unwrap_or_default(), name.to_owned());
            orphan = match daemons.get(&key) {
                Some(orphan) => *orphan,
                None => {
                    let found = exists(client, &key.0, &key.1).await?;
                    daemons.insert(key, !found);
                    !found
                }
            };
        }
        pods.push((pod, orphan));
    }
    pods.sort_by_cached_key(|(pod, _)| super::named(pod));
    Ok(pods)
}

/// Claims of volumes of the pods that stay: their volumes stay too.
pub(in crate::machine::machine) async fn claims_that_stay(
    client: &Client,
    node: &Node,
    now: Timestamp,
) -> Result<Vec<(String, String)>, Error> {
    let pods = on_node(client, node).await?.into_iter();
    let staying = pods.filter(|(pod, orphan)| fate(pod, *orphan, false, now) == Fate::Stays);
    let claims = staying.flat_map(|(pod, _)| {
        let namespace = pod.namespace().unwrap_or_default();
        let volumes = pod.spec.and_then(|spec| spec.volumes).unwrap_or_default();
        let claims = volumes.into_iter().filter_map(|volume| volume.persistent_volume_claim);
        claims.map(move |claim| (namespace.clone(), claim.claim_name))
    });
    Ok(claims.collect())
}

fn controlling_daemon(pod: &Pod) -> Option<&str> {
    let owner = pod
        .owner_references()
        .iter()
        .find(|owner| owner.controller == Some(true))?;
    (owner.kind == "DaemonSet").then_some(owner.name.as_str())
}

async fn exists(client: &Client, namespace: &str, name: &str) -> Result<bool, Error> {
    let found = Api::<DaemonSet>::namespaced(client.clone(), namespace)
        .get_metadata_opt(name)
        .await;
    Ok(found.map_err(Error::guest("reading a DaemonSet"))?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn only_pods_that_can_move_and_do_something_must() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let pod = |metadata: Value, phase: &str| -> Pod {
            serde_json::from_value(json!({"metadata": metadata, "status": {"phase": phase}})).unwrap()
        };
        let running = |metadata: Value| pod(metadata, "Running");
        let owner = |kind: &str| json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": "d", "uid": "u", "controller": true}]});
        let ending = |at: &str| running(json!({"deletionTimestamp": at}));
        let labelled = |how: &str| running(json!({"labels": {DRAIN_LABEL: how}}));
        let cases = vec![
            (running(json!({})), false, false, Fate::Moves),
            (running(owner("ReplicaSet")), false, false, Fate::Moves),
            (pod(json!({}), "Succeeded"), false, false, Fate::Stays),
            (pod(json!({}), "Failed"), false, false, Fate::Stays),
            (running(owner("DaemonSet")), false, false, Fate::Stays),
            (running(owner("DaemonSet")), true, false, Fate::Moves),
            (
                running(json!({"annotations": {MIRROR: "x"}})),
                false,
                false,
                Fate::Stays,
            ),
            (labelled("skip"), false, false, Fate::Stays),
            (labelled("wait-completed"), false, false, Fate::Completes),
            (labelled("else"), false, false, Fate::Moves),
            (ending("2026-01-01T00:01:30Z"), false, false, Fate::Ends),
            (ending("2026-01-01T00:00:30Z"), false, false, Fate::Ends),
            // The kubelet of such a Node never says that they are gone.
            (ending("2026-01-01T00:00:30Z"), false, true, Fate::Stays),
            (ending("2026-01-01T00:01:30Z"), false, true, Fate::Ends),
            (running(json!({})), false, true, Fate::Moves),
        ];
        for (pod, orphan, silent, expected) in cases {
            assert_eq!(fate(&pod, orphan, silent, now), expected, "{pod:?}");
        }
    }
}
