//! The rights of the layers, one by one.

use serde_json::Value;

use super::{BOOTSTRAP, CAPI, CAPV, CONTROL_PLANE, OURS, READ, TOPOLOGY, VM_OPERATOR, named_rule, rule};
use crate::catalogue::SIM_CONFIG_MAP;

const KEEP: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// What the guest layer needs.
pub(super) fn guest() -> Vec<Value> {
    vec![
        rule(&[OURS], &["guestclusters"], &["get", "list", "watch", "patch"]),
        rule(&[OURS], &["guestclusters/status"], &["get", "patch"]),
        rule(&[OURS], &["guestclusterreleases"], READ),
        rule(
            &[CAPI],
            &["clusters", "machinedeployments", "machinehealthchecks"],
            KEEP,
        ),
        rule(&[CAPI], &["machines", "machinesets"], READ),
        rule(&[CONTROL_PLANE], &["kubeadmcontrolplanes"], KEEP),
        rule(&[BOOTSTRAP], &["kubeadmconfigtemplates"], KEEP),
        rule(&[CAPV], &["vsphereclusters", "vspheremachinetemplates"], KEEP),
        rule(&[CAPV], &["vspheremachines"], READ),
        rule(
            &[VM_OPERATOR],
            &["virtualmachines", "virtualmachineservices", "virtualmachineclasses"],
            READ,
        ),
        rule(&["storage.k8s.io"], &["storageclasses"], READ),
        rule(&[TOPOLOGY], &["availabilityzones"], READ),
        // The certificates of an etcd that Cluster API does not manage.
        rule(&[""], &["secrets"], &["get", "create"]),
        rule(&["", "events.k8s.io"], &["events"], &["create", "patch"]),
    ]
}

/// What the machine layer needs.
pub(super) fn machine() -> Vec<Value> {
    let status = &["get", "patch"];
    vec![
        rule(
            &[CAPI],
            &["clusters", "machines", "machinesets", "machinedeployments"],
            KEEP,
        ),
        rule(
            &[CAPI],
            &[
                "clusters/status",
                "machines/status",
                "machinesets/status",
                "machinedeployments/status",
            ],
            status,
        ),
        rule(&[CAPI], &["machinehealthchecks"], &["get", "list", "watch", "patch"]),
        rule(&[CAPI], &["machinehealthchecks/status"], status),
        rule(&[CONTROL_PLANE], &["kubeadmcontrolplanes"], KEEP),
        rule(&[CONTROL_PLANE], &["kubeadmcontrolplanes/status"], status),
        rule(&[BOOTSTRAP], &["kubeadmconfigs", "kubeadmconfigtemplates"], KEEP),
        rule(&[BOOTSTRAP], &["kubeadmconfigs/status"], status),
        rule(
            &[CAPV],
            &["vsphereclusters", "vspheremachines", "vspheremachinetemplates"],
            KEEP,
        ),
        rule(&[CAPV], &["vsphereclusters/status", "vspheremachines/status"], status),
        rule(
            &[VM_OPERATOR],
            &[
                "virtualmachines",
                "virtualmachineservices",
                "virtualmachinesetresourcepolicies",
            ],
            KEEP,
        ),
        // Where machines can run.
        rule(&[TOPOLOGY], &["availabilityzones"], READ),
        // list and watch for metadata alone: which Secrets exist. RBAC has no finer word for it.
        rule(&[""], &["secrets"], KEEP),
        // The lock that lets one machine begin a cluster.
        rule(&[""], &["configmaps"], &["get", "create", "patch"]),
        rule(&["", "events.k8s.io"], &["events"], &["create", "patch"]),
    ]
}

/// What the VM layer needs.
pub(super) fn vm() -> Vec<Value> {
    let machines = [
        "virtualmachines",
        "virtualmachineservices",
        "virtualmachinesetresourcepolicies",
    ];
    let status = [
        "virtualmachines/status",
        "virtualmachineservices/status",
        "virtualmachinesetresourcepolicies/status",
    ];
    vec![
        rule(&[VM_OPERATOR], &machines, &["get", "list", "watch", "patch"]),
        rule(&[VM_OPERATOR], &status, &["get", "patch"]),
        rule(
            &[VM_OPERATOR],
            &[
                "virtualmachineclasses",
                "virtualmachineimages",
                "clustervirtualmachineimages",
            ],
            READ,
        ),
        rule(&["storage.k8s.io"], &["storageclasses"], READ),
        rule(&[TOPOLOGY], &["availabilityzones"], READ),
        rule(&[""], &["secrets"], &["get"]),
        rule(&["", "events.k8s.io"], &["events"], &["create", "patch"]),
    ]
}

/// The delays and faults of the simulated VMs.
pub(super) fn vm_in_system_namespace() -> Vec<Value> {
    vec![named_rule("", "configmaps", &[SIM_CONFIG_MAP], READ)]
}

/// The keys of guests.
pub(super) fn guest_in_system_namespace() -> Vec<Value> {
    vec![rule(&[""], &["secrets"], &["get", "create", "delete"])]
}
