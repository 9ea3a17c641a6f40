//! What must be so of the control plane before a set makes Machines: workers are never newer than it, and nothing joins a
//! control plane that is being upgraded. Pure.

use guestcluster_types::upstream::ContractReference;
use guestcluster_types::upstream::capi::MachineSet;
use guestcluster_types::upstream::kubeadm::{KubeadmConfigTemplate, KubeadmControlPlane};
use guestcluster_types::version::KubernetesVersion;
use kube::ResourceExt;

/// Annotation of a MachineSet: which of the checks are left out, separated by commas, or `All`.
const SKIP: &str = "machineset.cluster.x-k8s.io/skip-preflight-checks";
const STABLE: &str = "ControlPlaneIsStable";
const KUBERNETES_SKEW: &str = "KubernetesVersionSkew";
const KUBEADM_SKEW: &str = "KubeadmVersionSkew";
/// So many minors a kubelet may be behind its API server.
const OLDEST: u64 = 3;

/// What Machines of the set would have to wait for, if anything.
///
/// Unlike upstream's, a set may make Machines while the control plane comes up for the first time: their bootstrap data
/// waits for it.
pub(super) fn hold(set: &MachineSet, control_plane: &KubeadmControlPlane) -> Option<String> {
    let checked = |check: &str| {
        let skipped = set.annotations().get(SKIP).map_or("", String::as_str);
        !skipped
            .split(',')
            .map(str::trim)
            .any(|word| word == check || word == "All")
    };
    let wanted: KubernetesVersion = control_plane.spec.version.parse().ok()?;
    let running = control_plane.status.versions.iter();
    let mut running = running.filter_map(|count| count.version.parse::<KubernetesVersion>().ok());
    if checked(STABLE)
        && let Some(older) = running.find(|running| *running < wanted)
    {
        return Some(waits(
            STABLE,
            &format!("the control plane is upgraded from {older} to {wanted}"),
        ));
    }
    let version: KubernetesVersion = set.spec.template.spec.version.as_ref()?.parse().ok()?;
    let (ours, theirs) = ((version.major(), version.minor()), (wanted.major(), wanted.minor()));
    if checked(KUBERNETES_SKEW) {
        if ours > theirs {
            return Some(waits(
                KUBERNETES_SKEW,
                &format!("{version} is newer than the control plane's {wanted}"),
            ));
        }
        if ours.0 == theirs.0 && ours.1 + OLDEST < theirs.1 {
            let what = format!("{version} is more than {OLDEST} minors older than the control plane's {wanted}");
            return Some(waits(KUBERNETES_SKEW, &what));
        }
    }
    let config = set.spec.template.spec.bootstrap.config_ref.as_ref();
    let by_kubeadm = config.is_some_and(ContractReference::is::<KubeadmConfigTemplate>);
    if checked(KUBEADM_SKEW) && by_kubeadm && ours != theirs {
        let what = format!("kubeadm of {version} joins only a control plane of the same minor, which is {wanted}");
        return Some(waits(KUBEADM_SKEW, &what));
    }
    None
}

fn waits(check: &str, what: &str) -> String {
    format!("{what} (preflight check {check})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(version: Option<&str>, skip: &str) -> MachineSet {
        serde_json::from_value(json!({
            "metadata": {"name": "s", "annotations": {SKIP: skip}},
            "spec": {"clusterName": "dev", "selector": {}, "template": {"spec": {
                "clusterName": "dev", "version": version, "infrastructureRef": {},
                "bootstrap": {"configRef": ContractReference::to::<KubeadmConfigTemplate>("c")},
            }}},
        }))
        .unwrap()
    }

    fn control_plane(wanted: &str, running: &[&str]) -> KubeadmControlPlane {
        let running: Vec<_> = running
            .iter()
            .map(|version| json!({"version": version, "replicas": 1}))
            .collect();
        serde_json::from_value(json!({
            "metadata": {"name": "cp"},
            "spec": {"version": wanted, "machineTemplate": {"spec": {"infrastructureRef": {}}}},
            "status": {"versions": running},
        }))
        .unwrap()
    }

    #[test]
    fn workers_follow_the_control_plane_and_are_never_newer() {
        let skew_and_kubeadm = "KubernetesVersionSkew, KubeadmVersionSkew";
        let cases = [
            // The set's version, checks that are skipped, the control plane's wanted and running versions, and the check that holds.
            (Some("v1.34.2"), "", "v1.34.1", vec!["v1.34.1"], None),
            (Some("v1.34.2"), "", "v1.34.1", vec![], None),
            (None, "", "v1.34.1", vec!["v1.34.1"], None),
            (Some("v1.35.0"), "", "v1.35.0", vec!["v1.34.1", "v1.35.0"], Some(STABLE)),
            (None, "", "v1.35.0", vec!["v1.34.1"], Some(STABLE)),
            (Some("v1.35.0"), STABLE, "v1.35.0", vec!["v1.34.1"], None),
            (Some("v1.35.0"), "", "v1.34.0", vec!["v1.34.0"], Some(KUBERNETES_SKEW)),
            (Some("v1.30.0"), "", "v1.34.0", vec!["v1.34.0"], Some(KUBERNETES_SKEW)),
            (Some("v1.33.0"), "", "v1.34.0", vec!["v1.34.0"], Some(KUBEADM_SKEW)),
            (Some("v1.33.0"), KUBEADM_SKEW, "v1.34.0", vec!["v1.34.0"], None),
            (Some("v1.35.0"), skew_and_kubeadm, "v1.34.0", vec!["v1.34.0"], None),
            (Some("v1.35.0"), "All", "v1.34.0", vec!["v1.33.0"], None),
            // Nothing can be said of what is no version.
            (Some("nonsense"), "", "v1.34.0", vec!["v1.34.0"], None),
            (Some("v1.34.0"), "", "nonsense", vec![], None),
        ];
        for (version, skip, wanted, running, expected) in cases {
            let found = hold(&set(version, skip), &control_plane(wanted, &running));
            match expected {
                None => assert_eq!(found, None, "{version:?} {skip} {wanted} {running:?}"),
                Some(check) => assert!(
                    found.as_ref().is_some_and(|found| found.contains(check)),
                    "{version:?} {skip} {wanted} {running:?}: {found:?}"
                ),
            }
        }
    }
}
