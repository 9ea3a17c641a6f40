//! The bootstrap and infrastructure objects of a Machine. The Machine is created first and owns them from the start, so
//! a crash in between leaves nothing without an owner: the next reconciliation of the Machine's set makes what is missing.

use super::context::{Context, in_namespace_of};
use super::error::Error;
use super::replicas::is_deleting;
use super::writes::controlled_by;
use guestcluster_types::upstream::capi::{CLUSTER_NAME_LABEL, Machine};
use guestcluster_types::upstream::capv::{VSphereMachine, VSphereMachineTemplate};
use guestcluster_types::upstream::kubeadm::{KubeadmConfig, KubeadmConfigSpec};
use guestcluster_types::upstream::{ContractReference, TemplateMeta};
use kube::api::ObjectMeta;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Finalizer of VSphereMachines.
pub(crate) const VSPHERE_MACHINE_FINALIZER: &str = "vspheremachine.infrastructure.cluster.x-k8s.io";
/// Annotation of a clone: name of its template.
pub(crate) const CLONED_FROM_NAME: &str = "cluster.x-k8s.io/cloned-from-name";
/// Annotation of a clone: kind and group of its template.
const CLONED_FROM_KIND: &str = "cluster.x-k8s.io/cloned-from-groupkind";

/// What the children of a set's Machines are made from.
pub(crate) struct Templates {
    /// The bootstrap object.
    pub(crate) config: KubeadmConfigSpec,
    /// Its labels and annotations.
    pub(crate) config_meta: TemplateMeta,
    /// The infrastructure object.
    pub(crate) infrastructure: VSphereMachineTemplate,
}

/// Whether the Machine still needs a child that does not exist.
pub(crate) fn are_missing(context: &Context, machine: &Machine) -> bool {
    if is_deleting(machine) || machine.status.initialization.infrastructure_provisioned == Some(true) {
        return false;
    }
    let key = |reference: &ContractReference| in_namespace_of(machine, &reference.name);
    let config = machine.spec.bootstrap.config_ref.as_ref();
    config.is_some_and(|reference| context.configs.get(&key(reference)).is_none())
        || context
            .vsphere_machines
            .get(&key(&machine.spec.infrastructure_ref))
            .is_none()
}

/// Creates the Machine's bootstrap and infrastructure objects, if they do not exist.
pub(crate) async fn create(context: &Context, machine: &Machine, templates: &Templates) -> Result<(), Error> {
    context
        .vsphere_machines
        .apply(&infrastructure(machine, &templates.infrastructure))
        .await?;
    context
        .configs
        .apply(&config(machine, &templates.config_meta, &templates.config))
        .await
}

/// A template by the name in a reference.
pub(crate) async fn template<K>(context: &Context, namespace: &str, reference: &ContractReference) -> Result<K, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    if !reference.is::<K>() {
        let (kind, name) = (&reference.kind, &reference.name);
        return Err(Error::Invalid(format!(
            "{kind} {name}: this layer clones only {}",
            K::kind(&())
        )));
    }
    let template = Api::<K>::namespaced(context.client.clone(), namespace)
        .get_opt(&reference.name)
        .await;
    template.map_err(Error::api("reading a template"))?.ok_or_else(|| {
        let (kind, name) = (&reference.kind, &reference.name);
        Error::Invalid(format!("{kind} {name} does not exist"))
    })
}

fn infrastructure(machine: &Machine, template: &VSphereMachineTemplate) -> VSphereMachine {
    let resource = &template.spec.template;
    let mut object = VSphereMachine::new(&machine.spec.infrastructure_ref.name, resource.spec.clone());
    object.spec.provider_id = None;
    object.metadata = metadata(machine, object.name_any(), &resource.metadata);
    let annotations = object.metadata.annotations.get_or_insert_default();
    let kind = format!(
        "{}.{}",
        VSphereMachineTemplate::kind(&()),
        VSphereMachineTemplate::group(&())
    );
    annotations.insert(CLONED_FROM_NAME.to_owned(), template.name_any());
    annotations.insert(CLONED_FROM_KIND.to_owned(), kind);
    object.metadata.finalizers = Some(vec![VSPHERE_MACHINE_FINALIZER.to_owned()]);
    object
}

fn config(machine: &Machine, meta: &TemplateMeta, spec: &KubeadmConfigSpec) -> KubeadmConfig {
    let name = machine
        .spec
        .bootstrap
        .config_ref
        .as_ref()
        .map_or_else(|| machine.name_any(), |reference| reference.name.clone());
    let mut object = KubeadmConfig::new(&name, spec.clone());
    object.metadata = metadata(machine, name, meta);
    object
}

fn metadata(machine: &Machine, name: String, meta: &TemplateMeta) -> ObjectMeta {
    let mut labels = meta.labels.clone();
    // As upstream does: a child has its Machine's labels, which also tell control plane and pool.
    labels.extend(machine.labels().clone());
    labels.insert(CLUSTER_NAME_LABEL.to_owned(), machine.spec.cluster_name.clone());
    ObjectMeta {
        name: Some(name),
        namespace: machine.namespace(),
        labels: Some(labels),
        annotations: Some(meta.annotations.clone()).filter(|all| !all.is_empty()),
        owner_references: Some(controlled_by(machine)),
        ..ObjectMeta::default()
    }
}
