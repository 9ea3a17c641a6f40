//! From a plan to the objects of Cluster API: pure, and it can't fail.

mod cluster;
mod control_plane;
mod guest_files;
mod pool;

use std::collections::BTreeMap;

use guestcluster_types::{
    GuestClusterSpec, labels, names,
    upstream::{
        capi::{Cluster, MachineDeployment, MachineHealthCheck},
        capv::{
            VSphereCluster, VSphereMachineSpec, VSphereMachineTemplate, VSphereMachineTemplateResource,
            VSphereMachineTemplateSpec,
        },
        kubeadm::{KubeadmConfigTemplate, KubeadmControlPlane, NodeRegistration},
    },
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::plan::{Identity, Plan};

/// The container runtime of all images.
const CRI_SOCKET: &str = "unix:///var/run/containerd/containerd.sock";

/// All objects of one guest, in the order in which they are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Desired {
    pub(super) infrastructure: VSphereCluster,
    pub(super) machine_templates: Vec<VSphereMachineTemplate>,
    pub(super) control_plane: KubeadmControlPlane,
    pub(super) cluster: Cluster,
    pub(super) config_templates: Vec<KubeadmConfigTemplate>,
    pub(super) deployments: Vec<MachineDeployment>,
    pub(super) health_checks: Vec<MachineHealthCheck>,
}

/// The objects of a guest.
pub(super) fn build(plan: &Plan) -> Desired {
    let control_plane = control_plane::build(plan);
    let pools: Vec<_> = plan
        .pools
        .iter()
        .map(|pool| pool::build(&plan.identity, pool))
        .collect();
    let mut desired = Desired {
        infrastructure: cluster::infrastructure(&plan.identity),
        machine_templates: vec![control_plane.template],
        control_plane: control_plane.control_plane,
        cluster: cluster::cluster(plan),
        config_templates: vec![],
        deployments: vec![],
        health_checks: vec![control_plane.health_check],
    };
    for pool in pools {
        desired.machine_templates.push(pool.machine_template);
        desired.config_templates.push(pool.config_template);
        desired.deployments.push(pool.deployment);
        desired.health_checks.push(pool.health_check);
    }
    if !plan.health_checks {
        desired.health_checks.clear();
    }
    desired
}

/// A Cluster that only stops: everything else stays as it is.
pub(super) fn paused(live: &Cluster, identity: &Identity, spec: &GuestClusterSpec) -> Cluster {
    cluster::paused(live, identity, spec)
}

/// Metadata of an object of the guest. No owner: a GuestCluster may live in another store, and its loss must delete nothing.
fn metadata(identity: &Identity, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(identity.namespace.clone()),
        labels: Some(guest_labels(identity)),
        ..ObjectMeta::default()
    }
}

fn guest_labels(identity: &Identity) -> BTreeMap<String, String> {
    let pairs = [
        (labels::GUEST_UID, &identity.uid),
        (labels::CLUSTER_NAME, &identity.name),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value.clone())).into()
}

/// Size of the machines of a control plane or pool.
struct Size<'a> {
    vm_class: &'a str,
    storage_class: &'a str,
}

/// The template of the VMs of `user`. It can't be changed once it exists, so its name says its content.
fn machine_template(identity: &Identity, user: &str, size: &Size<'_>, image: &str) -> VSphereMachineTemplate {
    let spec = VSphereMachineSpec {
        image_name: image.to_owned(),
        class_name: size.vm_class.to_owned(),
        storage_class: Some(size.storage_class.to_owned()),
        ..VSphereMachineSpec::default()
    };
    let content = json!({"imageName": image, "className": size.vm_class, "storageClass": size.storage_class});
    let template = VSphereMachineTemplateResource {
        spec,
        ..VSphereMachineTemplateResource::default()
    };
    VSphereMachineTemplate {
        metadata: metadata(identity, &names::template(user, &content)),
        spec: VSphereMachineTemplateSpec { template },
        ..VSphereMachineTemplate::default()
    }
}

fn node_registration() -> NodeRegistration {
    NodeRegistration {
        cri_socket: Some(CRI_SOCKET.to_owned()),
        ..NodeRegistration::default()
    }
}

#[cfg(test)]
pub(super) mod tests;
