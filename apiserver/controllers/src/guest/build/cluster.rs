//! The Cluster and its infrastructure.

use std::collections::BTreeMap;

use guestcluster_types::{
    GuestClusterSpec, labels, names,
    upstream::{
        ContractReference,
        capi::{Cluster, ClusterNetwork, ClusterSpec, NetworkRanges},
        capv::VSphereCluster,
        kubeadm::KubeadmControlPlane,
    },
};

use super::metadata;
use crate::guest::plan::{Identity, Plan};

pub(super) fn infrastructure(identity: &Identity) -> VSphereCluster {
    VSphereCluster {
        metadata: metadata(identity, &identity.name),
        ..VSphereCluster::default()
    }
}

pub(super) fn cluster(plan: &Plan) -> Cluster {
    named_cluster(&plan.identity, &plan.spec, &plan.control_plane.revision.to_string())
}

/// The Cluster as it was made, but paused. What was recorded on it stays.
pub(super) fn paused(live: &Cluster, identity: &Identity, spec: &GuestClusterSpec) -> Cluster {
    let annotations = live.metadata.annotations.as_ref();
    let revision = annotations
        .and_then(|all| all.get(labels::TEMPLATE_REVISION))
        .cloned()
        .unwrap_or_default();
    let mut cluster = named_cluster(identity, spec, &revision);
    cluster.spec.paused = Some(true);
    cluster
}

fn named_cluster(identity: &Identity, spec: &GuestClusterSpec, revision: &str) -> Cluster {
    let mut metadata = metadata(identity, &identity.name);
    metadata.annotations = Some(annotations(spec, revision));
    let cni = (labels::CNI.to_owned(), spec.settings.network.cni.name.clone());
    metadata.labels.get_or_insert_default().extend([cni]);
    let spec = ClusterSpec {
        // Absent is not the same to server-side apply as false: giving the field up resumes the cluster.
        paused: None,
        cluster_network: network(spec),
        control_plane_ref: Some(ContractReference::to::<KubeadmControlPlane>(&names::control_plane(
            &identity.name,
        ))),
        infrastructure_ref: Some(ContractReference::to::<VSphereCluster>(&identity.name)),
        ..ClusterSpec::default()
    };
    Cluster {
        metadata,
        spec,
        ..Cluster::default()
    }
}

fn network(spec: &GuestClusterSpec) -> ClusterNetwork {
    let network = &spec.settings.network;
    ClusterNetwork {
        services: NetworkRanges {
            cidr_blocks: network.services.cidr_blocks.clone(),
        },
        pods: NetworkRanges {
            cidr_blocks: network.pods.cidr_blocks.clone(),
        },
        service_domain: Some(network.service_domain.clone()),
        ..ClusterNetwork::default()
    }
}

fn annotations(spec: &GuestClusterSpec, revision: &str) -> BTreeMap<String, String> {
    let storage = &spec.settings.storage;
    let classes = (!storage.classes.is_empty()).then(|| (labels::STORAGE_CLASSES, storage.classes.join(",")));
    let default = storage
        .default_class
        .clone()
        .map(|class| (labels::DEFAULT_STORAGE_CLASS, class));
    [Some((labels::TEMPLATE_REVISION, revision.to_owned())), classes, default]
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
