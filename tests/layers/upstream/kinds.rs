//! Every kind of upstream's that has a type of ours, with the schema that its fields have.

use guestcluster_types::upstream::{capi, capv, kubeadm, vmoperator};
use kube::Resource;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

pub(super) struct Kind {
    /// Name of its definition.
    pub(super) name: String,
    pub(super) version: String,
    /// Derived from the type, without references.
    pub(super) schema: Value,
}

fn kind<K: Resource<DynamicType = ()> + JsonSchema>() -> Kind {
    let settings = SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    Kind {
        name: format!("{}.{}", K::plural(&()), K::group(&())),
        version: K::version(&()).into_owned(),
        schema: settings.into_generator().into_root_schema_for::<K>().into(),
    }
}

pub(super) fn all() -> Vec<Kind> {
    vec![
        kind::<capi::Cluster>(),
        kind::<capi::Machine>(),
        kind::<capi::MachineDeployment>(),
        kind::<capi::MachineHealthCheck>(),
        kind::<capi::MachineSet>(),
        kind::<capv::VSphereCluster>(),
        kind::<capv::VSphereMachine>(),
        kind::<capv::VSphereMachineTemplate>(),
        kind::<kubeadm::KubeadmConfig>(),
        kind::<kubeadm::KubeadmConfigTemplate>(),
        kind::<kubeadm::KubeadmControlPlane>(),
        kind::<vmoperator::VirtualMachine>(),
        kind::<vmoperator::VirtualMachineClass>(),
        kind::<vmoperator::VirtualMachineService>(),
        kind::<vmoperator::VirtualMachineSetResourcePolicy>(),
    ]
}
