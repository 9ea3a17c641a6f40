//! The bootstrap and infrastructure objects of a Machine. The Machine is created first and owns them from the start, so
//! a crash in between leaves nothing without an owner: the next reconciliation of the Machine's set makes what is missing.

use super::context::{Context, in_namespace_of};
use super::engine::Key;
use super::error::Error;
use super::replicas::is_deleting;
use super::writes::{MANAGER, controlled_by, owned_by, owner_of};
use guestcluster_types::upstream::capi::{CLUSTER_NAME_LABEL, Cluster, Machine};
use guestcluster_types::upstream::capv::{VSphereMachine, VSphereMachineTemplate};
use guestcluster_types::upstream::kubeadm::{KubeadmConfig, KubeadmConfigSpec, KubeadmConfigTemplate};
use guestcluster_types::upstream::{ContractReference, TemplateMeta};
use kube::api::{ObjectMeta, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeMap;
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
    /// Name of the KubeadmConfigTemplate that it is cloned from, if from one.
    pub(crate) cloned_from: Option<String>,
    /// Annotations of the Machines, which their infrastructure objects have too.
    pub(crate) machine_annotations: BTreeMap<String, String>,
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
        .apply(&infrastructure(machine, templates))
        .await?;
    context.configs.apply(&config(machine, templates)).await
}

/// A template by the name in a reference.
async fn template<K>(context: &Context, namespace: &str, reference: &ContractReference) -> Result<K, Error>
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

/// A template that Machines are about to be cloned from, which the Cluster then owns.
pub(crate) async fn adopted_template<K>(
    context: &Context,
    cluster: &Key,
    reference: &ContractReference,
) -> Result<K, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let template = template::<K>(context, &cluster.namespace, reference).await?;
    if let Some(cluster) = context.clusters.get(cluster) {
        adopt_template(context, &cluster, &template).await?;
    }
    Ok(template)
}

/// Makes the Cluster an owner of a template that its objects are cloned from: who moves or looks at the cluster finds it by that.
async fn adopt_template<K>(context: &Context, cluster: &Cluster, template: &K) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    if owner_of::<Cluster>(template.meta()).is_some() {
        return Ok(());
    }
    let mut owners = template.meta().owner_references.clone().unwrap_or_default();
    owners.extend(owned_by(cluster));
    let meta = template.meta();
    let patch =
        json!({"metadata": {"uid": meta.uid, "resourceVersion": meta.resource_version, "ownerReferences": owners}});
    let api = Api::<K>::namespaced(context.client.clone(), &template.namespace().unwrap_or_default());
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patched = api
        .patch_metadata(&template.name_any(), &params, &Patch::Merge(patch))
        .await;
    patched.map(drop).map_err(Error::api("adopting a template"))
}

fn infrastructure(machine: &Machine, templates: &Templates) -> VSphereMachine {
    let template = &templates.infrastructure;
    let resource = &template.spec.template;
    let mut object = VSphereMachine::new(&machine.spec.infrastructure_ref.name, resource.spec.clone());
    object.spec.provider_id = None;
    object.metadata = metadata(machine, object.name_any(), &resource.metadata);
    let annotations = object.metadata.annotations.get_or_insert_default();
    annotations.extend(templates.machine_annotations.clone());
    annotations.extend(cloned_from::<VSphereMachineTemplate>(&template.name_any()));
    object.metadata.finalizers = Some(vec![VSPHERE_MACHINE_FINALIZER.to_owned()]);
    object
}

fn config(machine: &Machine, templates: &Templates) -> KubeadmConfig {
    let name = machine
        .spec
        .bootstrap
        .config_ref
        .as_ref()
        .map_or_else(|| machine.name_any(), |reference| reference.name.clone());
    let mut object = KubeadmConfig::new(&name, templates.config.clone());
    object.metadata = metadata(machine, name, &templates.config_meta);
    if let Some(template) = &templates.cloned_from {
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.extend(cloned_from::<KubeadmConfigTemplate>(template));
    }
    object
}

fn cloned_from<K: Resource<DynamicType = ()>>(template: &str) -> [(String, String); 2] {
    let kind = format!("{}.{}", K::kind(&()), K::group(&()));
    [
        (CLONED_FROM_NAME.to_owned(), template.to_owned()),
        (CLONED_FROM_KIND.to_owned(), kind),
    ]
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
