//! Whether the kinds that a guest is made of can be read. Pure.

use guestcluster_types::conditions::{READY, reasons};

use super::{mirror::Knowledge, mirrors::Needed, plan::Blocked};
use crate::watching::Unavailable;

/// What stands in the way of writing anything for any guest. What is missing is news as soon as it comes.
pub(super) fn readiness(needed: &[Needed]) -> Result<(), Blocked> {
    if let Some(message) = forbidden(needed) {
        return Err(blocked(reasons::RIGHT_MISSING, message));
    }
    if let Some(message) = not_served(needed) {
        return Err(blocked(reasons::KIND_MISSING, message));
    }
    if is_unread(needed) {
        let names: Vec<_> = kinds(needed, |knowledge| *knowledge == Knowledge::None).collect();
        let message = format!("not read yet: {}", names.join(", "));
        return Err(blocked(reasons::UNKNOWN, message));
    }
    Ok(())
}

/// The same for removing a guest. A kind that is not served at all has no objects that could be left; one that is served at
/// another version has.
pub(super) fn readiness_to_remove(needed: &[Needed]) -> Result<(), Blocked> {
    let matters = |one: &&Needed| !matches!(&one.knowledge, Knowledge::Lost(Unavailable::NotServed { served, .. }) if served.is_empty());
    let needed: Vec<_> = needed.iter().filter(matters).cloned().collect();
    readiness(&needed)
}

/// Whether a kind was neither read nor refused so far, which passes by itself.
pub(super) fn is_unread(needed: &[Needed]) -> bool {
    needed.iter().any(|one| one.knowledge == Knowledge::None)
}

fn blocked(reason: &'static str, message: String) -> Blocked {
    Blocked {
        condition: READY,
        reason,
        message,
        object: None,
        terminal: false,
    }
}

fn kinds(needed: &[Needed], is_such: impl Fn(&Knowledge) -> bool) -> impl Iterator<Item = &str> {
    needed
        .iter()
        .filter(move |one| is_such(&one.knowledge))
        .map(|one| one.kind.as_str())
}

fn forbidden(needed: &[Needed]) -> Option<String> {
    let refusals: Vec<_> = needed
        .iter()
        .filter_map(|one| match &one.knowledge {
            Knowledge::Lost(Unavailable::Forbidden { message }) => Some(message.as_str()),
            _ => None,
        })
        .collect();
    let all = refusals.join("; ");
    (!refusals.is_empty()).then(|| format!("a right of the controller is missing, apply its ClusterRole again: {all}"))
}

fn not_served(needed: &[Needed]) -> Option<String> {
    let mut groups: Vec<(&str, &str, &[String], Vec<&str>)> = vec![];
    for one in needed {
        let Knowledge::Lost(Unavailable::NotServed { wanted, served }) = &one.knowledge else {
            continue;
        };
        match groups
            .iter_mut()
            .find(|(_, known, at, _)| known == wanted && at == served)
        {
            Some((.., kinds)) => kinds.push(&one.kind),
            None => groups.push((&one.group, wanted, served, vec![&one.kind])),
        }
    }
    let parts: Vec<_> = groups
        .iter()
        .map(|(group, wanted, served, kinds)| {
            let kinds = kinds.join(", ");
            let provider = provider(group);
            if served.is_empty() {
                format!("{kinds} (install {provider}'s CRDs, {wanted})")
            } else {
                let served = served.join(", ");
                format!("{kinds} at {wanted}, only at {served} (upgrade {provider})")
            }
        })
        .collect();
    (!parts.is_empty()).then(|| format!("this supervisor does not serve {}", parts.join("; ")))
}

/// Who brings the kinds of a group.
fn provider(group: &str) -> &'static str {
    match group {
        "cluster.x-k8s.io" => "Cluster API",
        "controlplane.cluster.x-k8s.io" => "Cluster API's kubeadm control-plane provider",
        "bootstrap.cluster.x-k8s.io" => "Cluster API's kubeadm bootstrap provider",
        "vmware.infrastructure.cluster.x-k8s.io" => "Cluster API's vSphere provider",
        _ => "guestcluster-apiserver",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(kind: &str, group: &str, knowledge: Knowledge) -> Needed {
        Needed {
            kind: kind.to_owned(),
            group: group.to_owned(),
            knowledge,
        }
    }

    fn missing(group: &str, served: &[&str]) -> Knowledge {
        Knowledge::Lost(Unavailable::NotServed {
            wanted: format!("{group}/v1beta2"),
            served: served.iter().map(|&version| version.to_owned()).collect(),
        })
    }

    const CAPI: &str = "cluster.x-k8s.io";
    const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io";

    #[test]
    fn missing_kinds_are_named_with_what_to_install() {
        let all = [
            needed("Cluster", CAPI, missing(CAPI, &[])),
            needed("Machine", CAPI, missing(CAPI, &[])),
            needed("KubeadmConfigTemplate", BOOTSTRAP, missing(BOOTSTRAP, &["v1beta1"])),
            needed("GuestClusterRelease", "guestclusters.dev", Knowledge::None),
        ];
        let blocked = readiness(&all).unwrap_err();
        assert_eq!(blocked.reason, "KindNotServed");
        assert_eq!(
            blocked.message,
            "this supervisor does not serve Cluster, Machine (install Cluster API's CRDs, cluster.x-k8s.io/v1beta2); \
             KubeadmConfigTemplate at bootstrap.cluster.x-k8s.io/v1beta2, only at v1beta1 \
             (upgrade Cluster API's kubeadm bootstrap provider)"
        );
    }

    #[test]
    fn a_missing_right_is_named() {
        let message = "clusters.cluster.x-k8s.io is forbidden: User \"x\" cannot list resource \"clusters\"".to_owned();
        let lost = Knowledge::Lost(Unavailable::Forbidden { message });
        for all in [
            vec![needed("Cluster", CAPI, lost.clone())],
            vec![
                needed("Machine", CAPI, missing(CAPI, &[])),
                needed("Cluster", CAPI, lost),
            ],
        ] {
            let blocked = readiness(&all).unwrap_err();
            assert_eq!(blocked.reason, "RightMissing");
            assert!(
                blocked.message.contains("cannot list resource \"clusters\""),
                "{}",
                blocked.message
            );
            assert_eq!(readiness_to_remove(&all).unwrap_err().reason, "RightMissing");
        }
    }

    #[test]
    fn what_can_have_no_objects_does_not_keep_a_guest() {
        let gone = needed("Cluster", CAPI, missing(CAPI, &[]));
        let complete = needed("Machine", CAPI, Knowledge::Complete);
        assert!(readiness_to_remove(&[gone.clone(), complete.clone()]).is_ok());
        let other = needed("Machine", CAPI, missing(CAPI, &["v1beta1"]));
        assert_eq!(readiness_to_remove(&[gone, other]).unwrap_err().reason, "KindNotServed");
        let unread = needed("Cluster", CAPI, Knowledge::None);
        assert_eq!(
            readiness_to_remove(&[unread, complete.clone()]).unwrap_err().reason,
            "NotYetKnown"
        );
        assert!(readiness(&[complete]).is_ok());
    }
}
