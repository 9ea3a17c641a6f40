//! The volumes of a Node that is drained: its VM takes those with it that are still attached, so they are waited for.

use super::drain::pods::claims_that_stay;
use super::node;
use crate::machine::error::Error;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, PersistentVolume};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeSet;

/// Volumes that a message names.
const NAMED: usize = 3;

/// None if no volume is attached that must not be, otherwise which ones are.
pub(super) async fn attached(client: &Client, name: &str, now: Timestamp) -> Result<Option<String>, Error> {
    let node = Api::<Node>::all(client.clone()).get_opt(name).await;
    let Some(node) = node.map_err(Error::guest("reading a Node"))? else {
        return Ok(None);
    };
    // A silent kubelet detaches nothing.
    if node::is_silent(&node) {
        return Ok(None);
    }
    let by_node = names_at(&node);
    let by_attachment = attachments(client, name).await?;
    if by_node.is_empty() && by_attachment.is_empty() {
        return Ok(None);
    }
    let volumes = all::<PersistentVolume>(client, "listing PersistentVolumes").await?;
    let staying = claims_that_stay(client, &node, now).await?;
    Ok(message(&waited_for(&by_node, &by_attachment, &volumes, &staying)))
}

/// What the kubelet and the attach controller say of the Node.
fn names_at(node: &Node) -> BTreeSet<String> {
    let volumes = node
        .status
        .iter()
        .flat_map(|status| status.volumes_attached.iter().flatten());
    volumes.map(|volume| volume.name.clone()).collect()
}

/// Names of the PersistentVolumes that are attached to the Node.
async fn attachments(client: &Client, node: &str) -> Result<BTreeSet<String>, Error> {
    let all = all::<VolumeAttachment>(client, "listing VolumeAttachments").await?;
    let of_node = all.into_iter().filter(|attachment| {
        attachment.spec.node_name == node && attachment.status.as_ref().is_some_and(|status| status.attached)
    });
    Ok(of_node
        .filter_map(|attachment| attachment.spec.source.persistent_volume_name)
        .collect())
}

/// A guest that does not serve the kind has none.
async fn all<K>(client: &Client, action: &'static str) -> Result<Vec<K>, Error>
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    match Api::<K>::all(client.clone()).list(&ListParams::default()).await {
        Ok(list) => Ok(list.items),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(Error::guest(action)(error)),
    }
}

/// Each volume once: by its claim if it has one, else by its own name. Volumes of pods that stay are not waited for.
fn waited_for(
    by_node: &BTreeSet<String>,
    by_attachment: &BTreeSet<String>,
    volumes: &[PersistentVolume],
    staying: &[(String, String)],
) -> BTreeSet<String> {
    let (mut named, mut known_handles, mut known_names) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for volume in volumes {
        let handle = unique_name(volume);
        let at_node = handle.as_ref().is_some_and(|handle| by_node.contains(handle));
        if !at_node && !by_attachment.contains(&volume.name_any()) {
            continue;
        }
        known_handles.extend(handle);
        known_names.insert(volume.name_any());
        let claim = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
        let claim = claim.map(|claim| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            (text(&claim.namespace), text(&claim.name))
        });
        match claim {
            Some(claim) if staying.contains(&claim) => {}
            Some((namespace, name)) => drop(named.insert(format!("PersistentVolumeClaim {namespace}/{name}"))),
            None => drop(named.insert(format!("PersistentVolume {}", volume.name_any()))),
        }
    }
    let unknown = by_node
        .difference(&known_handles)
        .chain(by_attachment.difference(&known_names));
    named.extend(unknown.map(|name| format!("volume {name}")));
    named
}

/// The name under which a Node shows a volume of a CSI driver.
fn unique_name(volume: &PersistentVolume) -> Option<String> {
    let csi = volume.spec.as_ref()?.csi.as_ref()?;
    Some(format!("kubernetes.io/csi/{}^{}", csi.driver, csi.volume_handle))
}

fn message(volumes: &BTreeSet<String>) -> Option<String> {
    if volumes.is_empty() {
        return None;
    }
    let names: Vec<_> = volumes.iter().take(NAMED).map(String::as_str).collect();
    let more = match volumes.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("still attached to the Node: {}{more}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn volume(name: &str, handle: &str, claim: Option<&str>) -> PersistentVolume {
        let claim = claim.map(|name| json!({"namespace": "x", "name": name}));
        let csi = json!({"driver": "d", "volumeHandle": handle});
        serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"csi": csi, "claimRef": claim}})).unwrap()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn attached_volumes_are_named_by_their_claims_and_those_of_daemons_stay() {
        let volumes = [
            volume("a", "1", Some("data")),
            volume("b", "2", Some("of-daemon")),
            volume("c", "3", None),
            volume("d", "4", Some("elsewhere")),
        ];
        let staying = [("x".to_owned(), "of-daemon".to_owned())];
        let at_node = set(&["kubernetes.io/csi/d^1", "kubernetes.io/csi/d^2", "strange"]);
        let attached = set(&["a", "c", "gone"]);
        let expected = set(&[
            "PersistentVolumeClaim x/data",
            "PersistentVolume c",
            "volume strange",
            "volume gone",
        ]);
        assert_eq!(waited_for(&at_node, &attached, &volumes, &staying), expected);
        assert_eq!(waited_for(&set(&[]), &set(&["b"]), &volumes, &staying), set(&[]));
    }

    #[test]
    fn some_are_named() {
        assert_eq!(message(&set(&[])), None);
        let text = message(&set(&["a", "b", "c", "d"])).unwrap();
        assert_eq!(text, "still attached to the Node: a, b, c and 1 more");
    }
}
