//! Annotations by which others stop a Machine's deletion until they are done.

use guestcluster_types::upstream::capi::Machine;
use kube::ResourceExt;

/// Begin of annotations that stop it before the Node is drained.
pub(super) const PRE_DRAIN: &str = "pre-drain.delete.hook.machine.cluster.x-k8s.io";
/// Begin of annotations that stop it before the VM goes.
pub(super) const PRE_TERMINATE: &str = "pre-terminate.delete.hook.machine.cluster.x-k8s.io";

/// Which hooks of the kind are set, if any.
pub(super) fn set(machine: &Machine, kind: &str) -> Option<String> {
    let keys = machine.annotations().keys().filter(|key| key.starts_with(kind));
    let keys: Vec<_> = keys.map(String::as_str).collect();
    (!keys.is_empty()).then(|| format!("whoever set them removes the annotations: {}", keys.join(", ")))
}
