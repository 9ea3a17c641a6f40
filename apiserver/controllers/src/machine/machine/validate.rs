//! What of a Machine's spec cannot be done, beyond what its schema refuses. Pure.

use crate::machine::validate;
use guestcluster_types::upstream::capi::MachineSpec;
use guestcluster_types::upstream::capv::VSphereMachine;
use guestcluster_types::upstream::kubeadm::KubeadmConfig;

/// Why there are no bootstrap data, by the field and what is accepted.
pub(super) fn bootstrap(spec: &MachineSpec) -> Result<(), String> {
    validate::bootstrap::<KubeadmConfig>("spec.bootstrap", &spec.bootstrap)?;
    validate::version("spec.version", spec.version.as_deref())
}

/// Why there is no VM, by the field and what is accepted.
pub(super) fn infrastructure(spec: &MachineSpec) -> Result<(), String> {
    validate::reference::<VSphereMachine>("spec.infrastructureRef", &spec.infrastructure_ref)?;
    validate::failure_domain("spec.failureDomain", spec.failure_domain.as_deref())
}
