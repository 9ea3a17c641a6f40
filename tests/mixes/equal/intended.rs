//! Differences that are meant, and why.

use std::collections::BTreeSet;

/// Kind and what a place must contain beside it, and the reason.
const INTENDED: &[(&str, &str, &str)] = &[
    (
        "KubeadmConfig ",
        ".spec.joinConfiguration.discovery.bootstrapToken.",
        "our layer writes the token into the bootstrap data alone: whoever may read a KubeadmConfig could join a node by it",
    ),
    (
        "KubeadmConfig ",
        ".spec.clusterConfiguration.",
        "what our layer adds to the spec it adds to the bootstrap data alone, so the object says what was asked for",
    ),
    (
        "KubeadmControlPlane ",
        "conditions[EtcdClusterHealthy]",
        "nobody looks after an external etcd here; upstream says Unknown for ever",
    ),
    (
        "KubeadmControlPlane ",
        ".metadata.annotations.guestclusters.dev/last-deleted-machine",
        "names of Machines follow from it, so that none comes back; upstream's are of chance",
    ),
    (
        "Machine {Machine of dev-cp}",
        ".spec.readinessGates",
        "our layer asks the guest's API server itself and not the Pods that show its programs",
    ),
    (
        "Machine {Machine of dev-cp}",
        "PodHealthy]",
        "our layer asks the guest's API server itself and not the Pods that show its programs",
    ),
    (
        "Machine {Machine of dev-cp}",
        "conditions[NodeKubeadmLabelsAndTaintsSet]",
        "a readiness gate of upstream's; our layer sets what kubeadm would have set",
    ),
    (
        "Machine {Machine of dev-cp}",
        ".metadata.annotations.guestclusters.dev/kubeadm-config-hash",
        "our layer tells by it that a Machine is of another configuration; upstream compares with the KubeadmConfig",
    ),
    (
        "Machine {Machine of dev-cp}",
        "/kcp-cleanup",
        "upstream's hook to take a member out of an etcd that it manages before its VM goes; our VM layer does that",
    ),
    (
        "Machine {",
        ".metadata.labels.node.cluster.x-k8s.io/esxi-host",
        "upstream also writes it, empty, where the VM layer names no host",
    ),
    ("Node {", "esxi-host", "the same, as it travels to the Node"),
    (
        "Node {",
        ".metadata.annotations.cluster.x-k8s.io/labels-from-machine",
        "the same, as the Node lists it",
    ),
    (
        "MachineSet ",
        ".metadata.annotations.cluster.x-k8s.io/disable-machine-create",
        "a switch between two of upstream's controllers",
    ),
    (
        "Secret dev-kubeconfig",
        ".metadata.annotations.machine.cluster.x-k8s.io/certificates-expiry",
        "our layer renews the kubeconfig by it without reading the Secret; upstream reads it at each look",
    ),
    (
        "Secret {Machine of dev-",
        ".metadata.annotations.guestclusters.dev/bootstrap-token-id",
        "our layer refreshes the token by it, as the KubeadmConfig does not have it",
    ),
    (
        "VSphereCluster ",
        "conditions[ServiceDiscoveryReady]",
        "the supervisor's address in each guest, for add-ons that ask the supervisor, which guests of ours don't have",
    ),
    (
        "VSphereCluster ",
        "conditions[ProviderServiceAccountsReady]",
        "the same add-ons' rights on the supervisor",
    ),
    (
        "VSphereMachineTemplate ",
        ".status.capacity",
        "for an autoscaler that scales from zero, which guests don't have",
    ),
];

/// Which of them a place is one of, if of any.
pub fn found(place: &str) -> Option<usize> {
    INTENDED
        .iter()
        .position(|(kind, part, _)| place.starts_with(kind) && place.contains(part))
}

/// Those that are not among these: they would hide what comes to differ there.
pub fn never_met(met: &BTreeSet<usize>) -> Vec<String> {
    let all = INTENDED.iter().enumerate().filter(|(index, _)| !met.contains(index));
    all.map(|(_, (kind, part, _))| format!("{kind}{part}")).collect()
}
