//! Clusters, their infrastructure and their control planes.

use guestcluster_types::upstream::{
    capi::Cluster,
    capv::{VSphereCluster, VSphereMachine, VSphereMachineTemplate},
    kubeadm::KubeadmControlPlane,
};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{Row, merge, object};
use crate::machine::world::reference;

/// A cluster of its own, with these changes of the specs of its infrastructure, its control plane and itself.
fn row(name: &str, changes: [&Value; 3], told: &'static str) -> Row {
    let spec = json!({
        "clusterNetwork": {"pods": {"cidrBlocks": ["192.168.0.0/16"]}, "services": {"cidrBlocks": ["10.96.0.0/12"]}, "serviceDomain": "cluster.local"},
        "infrastructureRef": reference::<VSphereCluster>(name), "controlPlaneRef": reference::<KubeadmControlPlane>(name),
    });
    let control_plane = json!({
        "replicas": 1, "version": "v1.34.0", "machineTemplate": {"spec": {"infrastructureRef": reference::<VSphereMachineTemplate>("small-1")}},
        "kubeadmConfigSpec": {"clusterConfiguration": {"encryptionAlgorithm": "ECDSA-P256"}},
    });
    let mut specs = [json!({}), control_plane, spec];
    for (spec, change) in specs.iter_mut().zip(changes) {
        merge(spec, change);
    }
    let [infrastructure, control_plane, spec] = specs;
    let mut all = vec![
        object::<VSphereCluster>(name, infrastructure),
        object::<KubeadmControlPlane>(name, control_plane),
        object::<Cluster>(name, spec),
    ];
    if all[0].data["spec"] == json!({}) {
        all[0].data = json!({});
    }
    for object in all.iter_mut().filter(|_| name.len() <= 63) {
        object
            .labels_mut()
            .insert("cluster.x-k8s.io/cluster-name".to_owned(), name.to_owned());
    }
    Row::new(name, all, told)
}

fn control_planes() -> Vec<(Value, &'static str)> {
    let configuration = |configuration: Value| json!({"kubeadmConfigSpec": {"clusterConfiguration": configuration}});
    let machines = |template: Value| json!({ "machineTemplate": template });
    let surge = |surge: Value| json!({"rollout": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge}}}});
    let external = json!({"endpoints": ["https://127.0.0.1:2379"], "caFile": "/a", "certFile": "/b", "keyFile": "/c"});
    vec![
        (json!({"version": "latest"}), "spec.version is \"latest\": accepted is"),
        (json!({"replicas": 0}), "spec.replicas is 0: accepted is an odd number"),
        (json!({"replicas": 2}), "spec.replicas is 2: accepted is an odd number"),
        (
            machines(json!({"spec": {"infrastructureRef": reference::<VSphereMachineTemplate>("missing-one")}})),
            "VSphereMachineTemplate missing-one",
        ),
        (
            machines(json!({"spec": {"infrastructureRef": reference::<VSphereMachine>("small-1")}})),
            "spec.machineTemplate.spec.infrastructureRef names VSphereMachine small-1 of",
        ),
        (
            machines(json!({"metadata": {"labels": {"tier": "a b"}}})),
            "spec.machineTemplate.metadata.labels[tier] is \"a b\": accepted is",
        ),
        (
            surge(json!("a few")),
            "rollingUpdate.maxSurge is \"a few\": accepted is 0 or 1",
        ),
        (surge(json!(0)), "maxSurge is 0 while spec.replicas is 1"),
        (
            configuration(json!({"encryptionAlgorithm": "ROT13"})),
            "encryptionAlgorithm",
        ),
        (
            configuration(json!({"etcd": {"local": {"dataDir": "/a"}, "external": external}})),
            "clusterConfiguration.etcd has local and external: accepted is one of them",
        ),
        (
            configuration(json!({"certificateValidityPeriodDays": 31, "caCertificateValidityPeriodDays": 30})),
            "certificateValidityPeriodDays is 31: accepted are at most 30",
        ),
        (
            configuration(json!({"apiServer": {"certSANs": ["a b"]}})),
            "spec.clusterConfiguration.apiServer.certSANs[0] is \"a b\": accepted is",
        ),
        (json!({"kubeadmConfigSpec": {"format": "ignition"}}), "spec.format"),
        (
            json!({"kubeadmConfigSpec": {"initConfiguration": {"localAPIEndpoint": {"advertiseAddress": "here"}}}}),
            "advertiseAddress is \"here\": accepted is an IP address",
        ),
        (configuration(json!({ "etcd": { "external": external } })), "-etcd"),
    ]
}

fn clusters() -> Vec<(Value, &'static str)> {
    let network = |network: Value| json!({ "clusterNetwork": network });
    let blocks = |blocks: Value| json!({ "cidrBlocks": blocks });
    vec![
        (
            json!({"infrastructureRef": reference::<VSphereCluster>("missing-one")}),
            "spec.infrastructureRef",
        ),
        (
            json!({"infrastructureRef": reference::<VSphereMachine>("small-1")}),
            "spec.infrastructureRef",
        ),
        (
            json!({"controlPlaneRef": reference::<KubeadmControlPlane>("missing-one")}),
            "spec.controlPlaneRef",
        ),
        (
            json!({"controlPlaneRef": reference::<VSphereMachine>("small-1")}),
            "spec.controlPlaneRef",
        ),
        (
            network(json!({"pods": blocks(json!(["10.0.0.0/99"]))})),
            "spec.clusterNetwork.pods.cidrBlocks[0] is \"10.0.0.0/99\": must be a block of addresses",
        ),
        (
            network(json!({"services": blocks(json!(["10.96.0.0/12", "10.112.0.0/12"]))})),
            "two blocks must be one of IPv4 and one of IPv6",
        ),
        (
            network(json!({"services": blocks(json!(["192.168.3.0/24"]))})),
            "spec.clusterNetwork.services.cidrBlocks[0] is \"192.168.3.0/24\": overlaps 192.168.0.0/16",
        ),
        (
            network(json!({"serviceDomain": "Cluster Local"})),
            "spec.clusterNetwork.serviceDomain is \"Cluster Local\": must be a DNS name",
        ),
        (network(json!({"apiServerPort": 70_000})), "apiServerPort"),
        (
            json!({"controlPlaneEndpoint": {"host": "https://api", "port": 6443}}),
            "spec.controlPlaneEndpoint.host is \"https://api\": accepted is an IP address",
        ),
    ]
}

pub(super) fn rows() -> Vec<Row> {
    let none = json!({});
    let control_planes = control_planes().into_iter().enumerate();
    let mut rows: Vec<_> = control_planes
        .map(|(index, (change, told))| row(&format!("plane{index:02}"), [&none, &change, &none], told))
        .collect();
    let clusters = clusters().into_iter().enumerate();
    rows.extend(
        clusters.map(|(index, (change, told))| row(&format!("cluster{index:02}"), [&none, &none, &change], told)),
    );
    let host = json!({"controlPlaneEndpoint": {"host": "not a host", "port": 6443}});
    let told = "spec.controlPlaneEndpoint.host is \"not a host\": accepted is an IP address";
    rows.push(row("endpoint", [&host, &none, &none], told));
    let long = "metadata.name has 64 characters: accepted are 63";
    rows.push(row(&format!("long{}", "a".repeat(60)), [&none, &none, &none], long));
    // Nobody's.
    let mut alone = row(
        "alone-plane",
        [&none, &none, &none],
        "no Cluster names it in spec.controlPlaneRef",
    );
    alone.objects.retain(|object| {
        object
            .types
            .as_ref()
            .is_some_and(|types| types.kind == "KubeadmControlPlane")
    });
    rows.push(alone);
    let mut alone = row(
        "alone-cluster",
        [&none, &none, &none],
        "no Cluster names it in spec.infrastructureRef",
    );
    alone.objects.retain(|object| {
        object
            .types
            .as_ref()
            .is_some_and(|types| types.kind == "VSphereCluster")
    });
    rows.push(alone);
    rows
}
