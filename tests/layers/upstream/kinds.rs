//! Every kind of upstream's that has a type of ours, with the schema that its fields have.

use guestcluster_types::upstream::{capi, capv, kubeadm, topology, vmoperator};
use kube::Resource;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) struct Kind {
    /// Name of its definition.
    pub(crate) name: String,
    pub(crate) version: String,
    /// Derived from the type, without references.
    pub(crate) schema: Value,
    /// Why the type can't hold an object, if it can't.
    pub(crate) read: fn(Value) -> Result<(), serde_json::Error>,
}

fn kind<K: Resource<DynamicType = ()> + JsonSchema + DeserializeOwned>() -> Kind {
    let settings = SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    Kind {
        name: format!("{}.{}", K::plural(&()), K::group(&())),
        version: K::version(&()).into_owned(),
        schema: settings.into_generator().into_root_schema_for::<K>().into(),
        read: |object| serde_json::from_value::<K>(object).map(drop),
    }
}

pub(crate) fn all() -> Vec<Kind> {
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
        kind::<topology::AvailabilityZone>(),
        kind::<vmoperator::VirtualMachine>(),
        kind::<vmoperator::VirtualMachineClass>(),
        kind::<vmoperator::VirtualMachineService>(),
        kind::<vmoperator::VirtualMachineSetResourcePolicy>(),
    ]
}
