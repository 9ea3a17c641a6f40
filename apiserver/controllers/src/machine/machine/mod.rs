//! Machine: follows its bootstrap and infrastructure objects until it is a Node, and takes the Node out of the guest
//! before the rest goes.

mod adopt;
mod deletion;
mod drain;
mod hooks;
mod node;
mod status;
mod validate;
mod volumes;

use super::context::{Context, LOOK_AGAIN, in_namespace_of, is_new, is_paused};
use super::engine::{Key, Next};
use super::error::Error;
use super::guests::Link;
use super::kubeadm_control_plane;
use super::machine_deployment;
use super::replicas::is_deleting;
use super::writes::controller_of;
use guestcluster_types::upstream::capi::{Cluster, Machine, MachineDeployment, MachineSet};
use guestcluster_types::upstream::capv::VSphereMachine;
use guestcluster_types::upstream::kubeadm::{KubeadmConfig, KubeadmControlPlane};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use serde_json::{Map, json};
use std::sync::Arc;
use std::time::Duration;

/// Finalizer of Machines.
pub(crate) const FINALIZER: &str = "machine.cluster.x-k8s.io";

/// So long a Machine may have no status while its objects come to be.
const NEW: Duration = Duration::from_secs(2);

/// Everything that a Machine's state is derived from.
pub(super) struct Parts {
    machine: Arc<Machine>,
    /// Absent if the Cluster is gone, which only happens to Machines that are being deleted.
    cluster: Option<Arc<Cluster>>,
    config: Option<Arc<KubeadmConfig>>,
    infrastructure: Option<Arc<VSphereMachine>>,
    /// To whom these two belong, if not to this Machine.
    strangers: [Option<String>; 2],
    node: Option<Arc<Node>>,
    link: Link,
    /// Whether the owner wants this Machine as it is; none if nobody can say.
    up_to_date: Option<bool>,
}

pub(super) async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, Error> {
    let Some(parts) = dereference(&context, &key) else {
        return Ok(Next::Event);
    };
    let deleting = is_deleting(&*parts.machine);
    if let Some(cluster) = &parts.cluster
        && is_paused(cluster, &parts.machine.metadata)
        && !deleting
    {
        context.machines.tell_paused(&parts.machine, cluster).await?;
        return Ok(Next::Event);
    }
    if deleting {
        return deletion::proceed(&context, &parts).await;
    }
    let Some(cluster) = &parts.cluster else {
        return tell_no_cluster(&context, &parts).await;
    };
    adopt::own(&context, cluster, &parts).await?;
    copy_up(&context, &parts).await?;
    let outcome = node::adapt(&parts).await;
    // What was copied up counts already.
    let Some(parts) = dereference(&context, &key) else {
        return Ok(Next::Event);
    };
    let now = Timestamp::now();
    if is_just_made(&parts, now) {
        return Ok(Next::After(NEW));
    }
    let (status, next) = status::of(&parts, now);
    context
        .machines
        .patch_shared_status(&parts.machine, &parts.machine.status, &status)
        .await?;
    outcome.map(|()| next)
}

/// A Cluster may come yet.
async fn tell_no_cluster(context: &Context, parts: &Parts) -> Result<Next, Error> {
    let machine = &parts.machine;
    if let Some(left) = is_new(&**machine) {
        return Ok(Next::After(left));
    }
    let status = status::without_cluster(parts);
    let objects = &context.machines;
    objects.patch_shared_status(machine, &machine.status, &status).await?;
    Ok(Next::After(LOOK_AGAIN))
}

fn dereference(context: &Context, key: &Key) -> Option<Parts> {
    let machine = context.machines.get(key)?;
    let cluster_key = in_namespace_of(&*machine, &machine.spec.cluster_name);
    let config = machine
        .spec
        .bootstrap
        .config_ref
        .as_ref()
        .filter(|reference| reference.is::<KubeadmConfig>());
    let infrastructure = Some(&machine.spec.infrastructure_ref).filter(|reference| reference.is::<VSphereMachine>());
    let infrastructure =
        infrastructure.and_then(|reference| context.vsphere_machines.get(&key.sibling(&reference.name)));
    let config = config.and_then(|reference| context.configs.get(&key.sibling(&reference.name)));
    let uid = machine.metadata.uid.as_deref();
    let node_of = |id: &str| context.guests.node(&cluster_key, id);
    let known = |name: &str| context.guests.node_named(&cluster_key, name);
    let node = machine.spec.provider_id.as_deref().and_then(node_of);
    Some(Parts {
        cluster: context.clusters.get(&cluster_key),
        strangers: [
            config.as_deref().and_then(|object| adopt::stranger(object, uid)),
            infrastructure
                .as_deref()
                .and_then(|object| adopt::stranger(object, uid)),
        ],
        config: config.filter(|object| adopt::stranger(&**object, uid).is_none()),
        infrastructure: infrastructure.filter(|object| adopt::stranger(&**object, uid).is_none()),
        node: node.or_else(|| machine.status.node_ref.as_ref().and_then(|node| known(&node.name))),
        link: context.guests.link(&cluster_key),
        up_to_date: is_up_to_date(context, &machine),
        machine,
    })
}

fn is_up_to_date(context: &Context, machine: &Machine) -> Option<bool> {
    if let Some(owner) = controller_of::<MachineSet>(&machine.metadata) {
        let set = context.sets.get(&in_namespace_of(machine, &owner.name))?;
        let Some(owner) = controller_of::<MachineDeployment>(&set.metadata) else {
            return Some(true);
        };
        let deployment = context.deployments.get(&in_namespace_of(machine, &owner.name))?;
        return Some(machine_deployment::is_up_to_date(&deployment, &set));
    }
    let owner = controller_of::<KubeadmControlPlane>(&machine.metadata)?;
    let control_plane = context.control_planes.get(&in_namespace_of(machine, &owner.name))?;
    Some(kubeadm_control_plane::is_up_to_date(context, &control_plane, machine))
}

/// Whether the Machine's own objects are still on their way, which is not worth a status.
fn is_just_made(parts: &Parts, now: Timestamp) -> bool {
    let (machine, config, infrastructure) = (&parts.machine, &parts.config, &parts.infrastructure);
    let silent = config.as_ref().is_none_or(|config| config.status.conditions.is_empty())
        || infrastructure
            .as_ref()
            .is_none_or(|object| object.status.conditions.is_empty());
    let age = machine
        .creation_timestamp()
        .map_or(i64::MAX, |created| now.as_second() - created.0.as_second());
    machine.status.conditions.is_empty() && silent && age < i64::try_from(NEW.as_secs()).unwrap_or_default()
}

/// Takes over what the bootstrap and infrastructure objects found out.
async fn copy_up(context: &Context, parts: &Parts) -> Result<(), Error> {
    let (machine, mut spec) = (&parts.machine, Map::new());
    let ready = parts
        .config
        .as_ref()
        .filter(|config| config.status.initialization.data_secret_created == Some(true));
    if let Some(name) = ready.and_then(|config| config.status.data_secret_name.as_ref())
        && machine.spec.bootstrap.data_secret_name.as_ref() != Some(name)
    {
        spec.insert("bootstrap".to_owned(), json!({ "dataSecretName": name }));
    }
    let provisioned = parts
        .infrastructure
        .as_ref()
        .filter(|object| object.status.initialization.provisioned == Some(true));
    if let Some(id) = provisioned.and_then(|object| object.spec.provider_id.as_ref())
        && machine.spec.provider_id.as_ref() != Some(id)
    {
        spec.insert("providerID".to_owned(), json!(id));
    }
    if spec.is_empty() {
        return Ok(());
    }
    context.machines.patch_spec(machine, spec.into()).await
}

/// The Machine's guest.
fn cluster_key(machine: &Machine) -> Key {
    Key::new(&machine.namespace().unwrap_or_default(), &machine.spec.cluster_name)
}
