//! The Machines of a set.

use crate::machine::machine::FINALIZER;
use crate::machine::writes::controlled_by;
use guestcluster_types::upstream::ContractReference;
use guestcluster_types::upstream::capi::{CLUSTER_NAME_LABEL, Machine, MachineSet, SET_NAME_LABEL};
use guestcluster_types::upstream::capv::VSphereMachine;
use guestcluster_types::upstream::kubeadm::KubeadmConfig;
use kube::ResourceExt;
use kube::api::ObjectMeta;

/// A Machine of the set; its bootstrap and infrastructure objects have its name.
pub(super) fn machine(set: &MachineSet, name: &str) -> Machine {
    let template = &set.spec.template;
    let mut machine = Machine::new(name, template.spec.clone());
    machine.spec.cluster_name.clone_from(&set.spec.cluster_name);
    machine.spec.deletion = machine.spec.deletion.or_upstreams_defaults();
    machine.spec.bootstrap.config_ref = Some(ContractReference::to::<KubeadmConfig>(name));
    machine.spec.infrastructure_ref = ContractReference::to::<VSphereMachine>(name);
    let mut labels = template.metadata.labels.clone();
    labels.insert(CLUSTER_NAME_LABEL.to_owned(), set.spec.cluster_name.clone());
    labels.insert(SET_NAME_LABEL.to_owned(), set.name_any());
    machine.metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: set.namespace(),
        labels: Some(labels),
        annotations: Some(template.metadata.annotations.clone()).filter(|all| !all.is_empty()),
        owner_references: Some(controlled_by(set)),
        finalizers: Some(vec![FINALIZER.to_owned()]),
        ..ObjectMeta::default()
    };
    machine
}
