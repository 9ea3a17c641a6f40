use guestcluster_credentials::{admission_configuration, audit_policy, authentication_configuration, trust_object};
use guestcluster_types::{EtcdMode, GuestClusterSpec};
use serde_json::{Value, json};

use super::*;
use crate::guest::plan::{MachinePlan, PoolPlan, TEMPLATE_REVISION};

/// A plan for guest `dev` in `team-a`: 3 control-plane nodes, pool `default` of 2, on `version`.
pub(in crate::guest) fn plan(version: &str) -> Plan {
    let spec: GuestClusterSpec = serde_json::from_value(json!({
        "distribution": {"version": "v1.34"},
        "topology": {
            "controlPlane": {"replicas": 3, "vmClass": "guaranteed-small", "storageClass": "gold"},
            "nodePools": [{"name": "default", "replicas": 2, "vmClass": "best-effort-small", "storageClass": "gold"}],
        },
    }))
    .unwrap();
    let machines = MachinePlan {
        version: version.parse().unwrap(),
        image: format!("photon-5-{version}"),
        revision: TEMPLATE_REVISION,
    };
    let pools = spec.topology.node_pools.iter().cloned();
    Plan {
        identity: Identity {
            namespace: "team-a".to_owned(),
            name: "dev".to_owned(),
            uid: "7b1c".to_owned(),
        },
        running: None,
        target: version.parse().unwrap(),
        etcd: EtcdMode::Stacked,
        pools: pools
            .map(|pool| PoolPlan {
                pool,
                machines: machines.clone(),
            })
            .collect(),
        control_plane: machines,
        health_checks: true,
        trust_key: Some("-----BEGIN PUBLIC KEY-----\n".to_owned()),
        spec,
    }
}

/// Cluster, control plane and a pool's template of a guest with everything that a user can ask for, for tests of the layer below.
pub(crate) fn with_everything(version: &str, etcd: EtcdMode) -> (Cluster, KubeadmControlPlane, KubeadmConfigTemplate) {
    let mut plan = plan(version);
    plan.etcd = etcd;
    let pool = &mut plan.pools[0].pool;
    pool.labels = [("example.com/tier", "web"), ("team", "a")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    pool.taints = serde_json::from_value(json!([
        {"key": "dedicated", "value": "web", "effect": "NoSchedule"}, {"key": "spot", "effect": "PreferNoSchedule"},
        {"key": "spot", "effect": "NoExecute"},
    ]))
    .unwrap();
    let mut desired = build(&plan);
    (
        desired.cluster,
        desired.control_plane,
        desired.config_templates.remove(0),
    )
}

fn json_of(object: &impl serde::Serialize) -> Value {
    serde_json::to_value(object).unwrap()
}

#[test]
fn the_control_plane_is_as_cluster_api_wants_it() {
    let desired = build(&plan("v1.34.2"));
    assert_eq!(
        json_of(&desired.control_plane),
        json!({
            "apiVersion": "controlplane.cluster.x-k8s.io/v1beta2", "kind": "KubeadmControlPlane",
            "metadata": {"name": "dev-cp", "namespace": "team-a",
                "labels": {"guestclusters.dev/guest-uid": "7b1c", "cluster.x-k8s.io/cluster-name": "dev"}},
            "spec": {
                "replicas": 3, "version": "v1.34.2",
                "machineTemplate": {
                    "metadata": {"labels": {"guestclusters.dev/guest-uid": "7b1c", "cluster.x-k8s.io/cluster-name": "dev"}},
                    "spec": {
                        "infrastructureRef": {"apiGroup": "vmware.infrastructure.cluster.x-k8s.io",
                            "kind": "VSphereMachineTemplate", "name": "dev-cp-dpmpl4pzk6"},
                        "deletion": {"nodeDrainTimeoutSeconds": 0},
                    },
                },
                "kubeadmConfigSpec": {
                    "clusterConfiguration": {
                        "encryptionAlgorithm": "ECDSA-P256",
                        "apiServer": {
                            "extraArgs": [
                                {"name": "admission-control-config-file", "value": "/etc/kubernetes/guestclusters/admission.yaml"},
                                {"name": "authentication-config", "value": "/etc/kubernetes/guestclusters/authentication.yaml"},
                                {"name": "audit-log-path", "value": "/var/log/kubernetes/audit/audit.log"},
                                {"name": "audit-log-maxage", "value": "30"},
                                {"name": "audit-log-maxbackup", "value": "9"},
                                {"name": "audit-log-maxsize", "value": "100"},
                                {"name": "audit-policy-file", "value": "/etc/kubernetes/guestclusters/audit-policy.yaml"},
                            ],
                            "extraVolumes": [{"name": "guestclusters", "hostPath": "/etc/kubernetes/guestclusters",
                                "mountPath": "/etc/kubernetes/guestclusters", "readOnly": true, "pathType": "Directory"},
                                {"name": "audit-log", "hostPath": "/var/log/kubernetes/audit",
                                    "mountPath": "/var/log/kubernetes/audit", "pathType": "DirectoryOrCreate"}],
                        },
                    },
                    "initConfiguration": {"nodeRegistration": {"criSocket": "unix:///var/run/containerd/containerd.sock"}},
                    "joinConfiguration": {"nodeRegistration": {"criSocket": "unix:///var/run/containerd/containerd.sock"}},
                    "files": [
                        {"path": "/etc/kubernetes/guestclusters/trust-key.pem", "owner": "root:root", "permissions": "0644",
                            "content": "-----BEGIN PUBLIC KEY-----\n"},
                        {"path": "/etc/kubernetes/guestclusters/authentication.yaml", "owner": "root:root", "permissions": "0644",
                            "content": authentication_configuration::first(34)},
                        {"path": "/etc/kubernetes/guestclusters/admission.yaml", "owner": "root:root", "permissions": "0644",
                            "content": admission_configuration::render()},
                        {"path": "/etc/kubernetes/guestclusters/audit-policy.yaml", "owner": "root:root", "permissions": "0644",
                            "content": audit_policy::render()},
                    ],
                },
                "rollout": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
            },
        })
    );
    assert_eq!(
        json_of(&desired.machine_templates[0]),
        json!({
            "apiVersion": "vmware.infrastructure.cluster.x-k8s.io/v1beta2", "kind": "VSphereMachineTemplate",
            "metadata": {"name": "dev-cp-dpmpl4pzk6", "namespace": "team-a",
                "labels": {"guestclusters.dev/guest-uid": "7b1c", "cluster.x-k8s.io/cluster-name": "dev"}},
            "spec": {"template": {"spec": {
                "imageName": "photon-5-v1.34.2", "className": "guaranteed-small", "storageClass": "gold"}}},
        })
    );
}

#[test]
fn the_cluster_says_where_everything_is() {
    let mut plan = plan("v1.34.2");
    plan.spec.settings.storage =
        serde_json::from_value(json!({"classes": ["gold", "tin"], "defaultClass": "tin"})).unwrap();
    let desired = build(&plan);
    assert_eq!(
        json_of(&desired.cluster),
        json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
            "metadata": {"name": "dev", "namespace": "team-a",
                "labels": {"guestclusters.dev/guest-uid": "7b1c", "cluster.x-k8s.io/cluster-name": "dev", "guestclusters.dev/cni": "antrea"},
                "annotations": {"guestclusters.dev/template-revision": "4", "guestclusters.dev/storage-classes": "gold,tin",
                    "guestclusters.dev/default-storage-class": "tin"}},
            "spec": {
                "clusterNetwork": {"pods": {"cidrBlocks": ["192.168.0.0/16"]}, "services": {"cidrBlocks": ["10.96.0.0/12"]},
                    "serviceDomain": "cluster.local"},
                "controlPlaneRef": {"apiGroup": "controlplane.cluster.x-k8s.io", "kind": "KubeadmControlPlane", "name": "dev-cp"},
                "infrastructureRef": {"apiGroup": "vmware.infrastructure.cluster.x-k8s.io", "kind": "VSphereCluster", "name": "dev"},
            },
        })
    );
    assert!(
        json_of(&desired.infrastructure).get("spec").is_none(),
        "CAPV refuses an empty spec"
    );
}

#[test]
fn a_pool_is_a_deployment_with_labels_taints_and_a_rollout() {
    let mut plan = plan("v1.34.2");
    plan.pools[0].pool = serde_json::from_value(json!({
        "name": "default", "replicas": 5, "vmClass": "best-effort-small", "storageClass": "gold", "failureDomain": "zone-1",
        "labels": {"shop": "yes", "tier": "web", "node-role.kubernetes.io/shop": ""},
        "taints": [{"key": "gpu", "value": "a", "effect": "NoSchedule"}],
        "rollout": {"maxSurge": "25%", "maxUnavailable": 1, "drainTimeoutSeconds": 60},
    }))
    .unwrap();
    let desired = build(&plan);
    let deployment = json_of(&desired.deployments[0]);
    let spec = &deployment["spec"];
    assert_eq!(deployment["metadata"]["name"], "dev-default");
    assert_eq!(
        deployment["metadata"]["labels"]["guestclusters.dev/node-pool"],
        "default"
    );
    assert_eq!(
        deployment["metadata"]["annotations"],
        json!({"guestclusters.dev/template-revision": "4"})
    );
    assert_eq!((&spec["clusterName"], &spec["replicas"]), (&json!("dev"), &json!(5)));
    assert_eq!(
        spec["rollout"]["strategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}})
    );
    let selected = json!({"cluster.x-k8s.io/cluster-name": "dev", "cluster.x-k8s.io/deployment-name": "dev-default"});
    assert_eq!(spec["selector"]["matchLabels"], selected);
    let labels = spec["template"]["metadata"]["labels"].as_object().unwrap();
    assert!(
        selected
            .as_object()
            .unwrap()
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    );
    assert_eq!(labels["node-role.kubernetes.io/shop"], "");
    let machine = &spec["template"]["spec"];
    assert_eq!(
        (&machine["version"], &machine["failureDomain"]),
        (&json!("v1.34.2"), &json!("zone-1"))
    );
    assert_eq!(machine["deletion"], json!({"nodeDrainTimeoutSeconds": 60}));
    let config = json_of(&desired.config_templates[0]);
    assert_eq!(machine["bootstrap"]["configRef"]["name"], config["metadata"]["name"]);
    assert_eq!(
        config["spec"]["template"]["spec"]["joinConfiguration"]["nodeRegistration"],
        json!({
            "criSocket": "unix:///var/run/containerd/containerd.sock",
            "kubeletExtraArgs": [{"name": "node-labels", "value": "shop=yes,tier=web"}],
            "taints": [{"key": "gpu", "value": "a", "effect": "NoSchedule"}],
        })
    );
}

#[test]
fn a_replica_changes_no_template_and_a_class_changes_one() {
    let names = |plan: &Plan| -> Vec<_> {
        let desired = build(plan);
        let machines = desired
            .machine_templates
            .iter()
            .map(|template| template.metadata.name.clone());
        machines
            .chain(
                desired
                    .config_templates
                    .iter()
                    .map(|template| template.metadata.name.clone()),
            )
            .collect()
    };
    let before = plan("v1.34.2");
    let mut scaled = before.clone();
    scaled.pools[0].pool.replicas = 9;
    scaled.spec.topology.control_plane.replicas = 5;
    assert_eq!(names(&before), names(&scaled));
    let mut resized = before.clone();
    resized.pools[0].pool.vm_class = "guaranteed-large".to_owned();
    let changed = names(&before)
        .into_iter()
        .zip(names(&resized))
        .filter(|(left, right)| left != right);
    assert_eq!(changed.count(), 1);
}

#[test]
fn etcd_outside_is_a_member_beside_each_machine() {
    let mut plan = plan("v1.34.2");
    plan.etcd = EtcdMode::External;
    let external =
        json_of(&build(&plan).control_plane)["spec"]["kubeadmConfigSpec"]["clusterConfiguration"]["etcd"].clone();
    assert_eq!(external["external"]["endpoints"], json!(["https://127.0.0.1:2379"]));
    assert_eq!(external.as_object().unwrap().len(), 1);
}

#[test]
fn health_checks_only_where_the_kind_is_served() {
    let mut plan = plan("v1.34.2");
    let names: Vec<_> = build(&plan)
        .health_checks
        .iter()
        .map(|check| check.metadata.name.clone().unwrap())
        .collect();
    assert_eq!(names, ["dev-cp", "dev-default"]);
    plan.health_checks = false;
    assert!(build(&plan).health_checks.is_empty());
}

#[test]
fn every_object_is_labelled_and_owned_by_nobody() {
    let desired = build(&plan("v1.34.2"));
    let mut all = vec![
        json_of(&desired.infrastructure),
        json_of(&desired.control_plane),
        json_of(&desired.cluster),
    ];
    all.extend(desired.machine_templates.iter().map(json_of));
    all.extend(desired.config_templates.iter().map(json_of));
    all.extend(desired.deployments.iter().map(json_of));
    all.extend(desired.health_checks.iter().map(json_of));
    assert_eq!(all.len(), 9);
    for object in all {
        assert_eq!(
            object["metadata"]["labels"]["guestclusters.dev/guest-uid"], "7b1c",
            "{object}"
        );
        assert!(
            object["metadata"].get("ownerReferences").is_none() && object.get("status").is_none(),
            "{object}"
        );
    }
}

#[test]
fn a_pause_changes_nothing_else() {
    let plan = plan("v1.34.2");
    let live = build(&plan).cluster;
    let paused = paused(&live, &plan.identity, &plan.spec);
    assert_eq!(paused.spec.paused, Some(true));
    let resumed = Cluster {
        spec: guestcluster_types::upstream::capi::ClusterSpec {
            paused: None,
            ..paused.spec.clone()
        },
        ..paused
    };
    assert_eq!(resumed, live);
}

/// An upgrade of this program rolls no guest: each revision brings its own part, and only that.
#[test]
fn what_control_plane_nodes_have_on_their_disk_follows_the_recorded_revision() {
    let made_with = |revision| {
        let mut plan = plan("v1.34.2");
        plan.control_plane.revision = revision;
        build(&plan).control_plane.spec.kubeadm_config_spec
    };
    let paths = |revision| -> Vec<_> { made_with(revision).files.into_iter().map(|file| file.path).collect() };
    let flags = |revision| {
        let api_server = made_with(revision).cluster_configuration.unwrap().api_server;
        api_server.map_or(0, |api_server| api_server.component.extra_args.len())
    };
    let (key, authentication, admission, audit) = (
        "/etc/kubernetes/guestclusters/trust-key.pem",
        "/etc/kubernetes/guestclusters/authentication.yaml",
        "/etc/kubernetes/guestclusters/admission.yaml",
        "/etc/kubernetes/guestclusters/audit-policy.yaml",
    );
    let all = [key, authentication, admission, audit].map(str::to_owned);
    assert_eq!((paths(1), flags(1)), (vec![], 0));
    assert_eq!((paths(2), flags(2)), (all[..1].to_vec(), 0));
    assert_eq!((paths(3), flags(3)), (all[..3].to_vec(), 2));
    assert_eq!((paths(4), flags(4)), (all.to_vec(), 7));
}

/// The very texts that revisions were made with: one that differed would roll every guest that has it.
#[test]
fn a_revision_stays_what_it_was() {
    let hash = |revision| {
        let mut plan = plan("v1.34.2");
        plan.control_plane.revision = revision;
        let spec = build(&plan).control_plane.spec.kubeadm_config_spec;
        trust_object::hash(&json_of(&spec).to_string())
    };
    let known = [
        "sha256:08d0677b5772ed556e5325c655b82d1a105070e14a6b669eca9b5402cb589cff",
        "sha256:c847df80944730a7aa8830abc262c97807d3bbb276a520778ec2e90ef1509e1c",
    ];
    assert_eq!([hash(3), hash(4)], known, "a change needs a new revision");
    assert_eq!(TEMPLATE_REVISION, 4, "its hash stands above");
}

#[test]
fn kube_apiserver_gets_the_form_that_its_version_reads() {
    let first = |version: &str| {
        let files = build(&plan(version)).control_plane.spec.kubeadm_config_spec.files;
        files[1].content.clone().unwrap()
    };
    assert!(first("v1.33.4").contains("apiVersion: apiserver.config.k8s.io/v1beta1\n"));
    assert!(first("v1.34.2").contains("apiVersion: apiserver.config.k8s.io/v1\n"));
    assert!(!first("v1.34.2").contains("jwt"), "nobody has a token yet");
}
