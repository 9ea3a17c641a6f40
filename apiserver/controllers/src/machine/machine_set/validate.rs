//! What of a MachineSet's spec cannot be done, beyond what its schema refuses. Pure.

use crate::machine::validate::{self, MACHINE_SUFFIX};
use guestcluster_types::upstream::capi::{MachineSet, MachineTemplate};
use guestcluster_types::upstream::capv::VSphereMachineTemplate;
use guestcluster_types::upstream::kubeadm::KubeadmConfigTemplate;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;

/// Why the spec can't be followed, by the field and what is accepted.
pub(super) fn set(set: &MachineSet) -> Result<(), String> {
    validate::name(&set.name_any(), MACHINE_SUFFIX)?;
    template(&set.spec.cluster_name, &set.spec.selector, &set.spec.template)
}

/// The template of a set or a deployment.
pub(crate) fn template(cluster: &str, selector: &LabelSelector, template: &MachineTemplate) -> Result<(), String> {
    let spec = &template.spec;
    if spec.cluster_name != cluster {
        return Err(format!(
            "spec.template.spec.clusterName is \"{}\": accepted is spec.clusterName, \"{cluster}\"",
            spec.cluster_name
        ));
    }
    let Some(config) = &spec.bootstrap.config_ref else {
        return Err(
            "spec.template.spec.bootstrap.configRef names nothing: accepted is a KubeadmConfigTemplate, from which each Machine has bootstrap data of its own"
                .to_owned(),
        );
    };
    validate::reference::<KubeadmConfigTemplate>("spec.template.spec.bootstrap.configRef", config)?;
    validate::reference::<VSphereMachineTemplate>("spec.template.spec.infrastructureRef", &spec.infrastructure_ref)?;
    validate::version("spec.template.spec.version", spec.version.as_deref())?;
    validate::failure_domain("spec.template.spec.failureDomain", spec.failure_domain.as_deref())?;
    validate::meta("spec.template.metadata", &template.metadata)?;
    validate::selector(
        "spec.selector",
        selector,
        "spec.template.metadata",
        &template.metadata.labels,
    )?;
    validate::worker_taints("spec.template.spec.taints", &spec.taints)
}
