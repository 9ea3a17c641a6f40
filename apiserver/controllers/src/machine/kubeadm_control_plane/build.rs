//! The Machines of a control plane, and their KubeadmConfigs.

use crate::machine::machine::FINALIZER;
use crate::machine::writes::controlled_by;
use guestcluster_types::names::content_hash;
use guestcluster_types::upstream::ContractReference;
use guestcluster_types::upstream::capi::{
    Bootstrap, CLUSTER_NAME_LABEL, CONTROL_PLANE_LABEL, CONTROL_PLANE_NAME_LABEL, Cluster, Machine, MachineSpec,
};
use guestcluster_types::upstream::capv::VSphereMachine;
use guestcluster_types::upstream::kubeadm::{
    ClusterConfiguration, InitConfiguration, KubeadmConfig, KubeadmConfigSpec, KubeadmControlPlane,
    REMEDIATION_FOR_ANNOTATION,
};
use kube::ResourceExt;
use kube::api::ObjectMeta;

/// Annotation of a Machine: hash of the kubeadm configuration that it was made with. Machines of another maker have
/// none and count as made with the current one.
pub(super) const CONFIG_HASH_ANNOTATION: &str = "guestclusters.dev/kubeadm-config-hash";

/// Tells kubeadm configurations apart.
pub(super) fn config_hash(object: &KubeadmControlPlane) -> String {
    serde_json::to_value(&object.spec.kubeadm_config_spec)
        .as_ref()
        .map(content_hash)
        .unwrap_or_default()
}

/// A Machine of the control plane; its bootstrap and infrastructure objects have its name. `replaces` is the record of the
/// replacement that it came from.
pub(super) fn machine(object: &KubeadmControlPlane, name: &str, replaces: Option<String>) -> Machine {
    let template = &object.spec.machine_template;
    let cluster = cluster_name(object);
    let spec = MachineSpec {
        cluster_name: cluster.clone(),
        bootstrap: Bootstrap {
            config_ref: Some(ContractReference::to::<KubeadmConfig>(name)),
            data_secret_name: None,
        },
        infrastructure_ref: ContractReference::to::<VSphereMachine>(name),
        version: Some(object.spec.version.clone()),
        deletion: template.spec.deletion.clone().or_upstreams_defaults(),
        taints: template.spec.taints.clone(),
        ..MachineSpec::default()
    };
    let mut labels = template.metadata.labels.clone();
    labels.insert(CLUSTER_NAME_LABEL.to_owned(), cluster);
    labels.insert(CONTROL_PLANE_LABEL.to_owned(), String::new());
    labels.insert(CONTROL_PLANE_NAME_LABEL.to_owned(), object.name_any());
    let mut annotations = template.metadata.annotations.clone();
    annotations.insert(CONFIG_HASH_ANNOTATION.to_owned(), config_hash(object));
    annotations.extend(replaces.map(|record| (REMEDIATION_FOR_ANNOTATION.to_owned(), record)));
    let mut machine = Machine::new(name, spec);
    machine.metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: object.namespace(),
        labels: Some(labels),
        annotations: Some(annotations),
        owner_references: Some(controlled_by(object)),
        finalizers: Some(vec![FINALIZER.to_owned()]),
        ..ObjectMeta::default()
    };
    machine
}

/// What kubeadm is told: the first machine begins the cluster, the others join it.
pub(super) fn config(object: &KubeadmControlPlane, begins: bool) -> KubeadmConfigSpec {
    let mut spec = object.spec.kubeadm_config_spec.clone();
    if begins {
        // One that says nothing would be refused: the kind has at least one field in it.
        spec.cluster_configuration
            .take_if(|said| *said == ClusterConfiguration::default());
        spec.init_configuration
            .take_if(|said| *said == InitConfiguration::default());
        spec.join_configuration = None;
    } else {
        spec.cluster_configuration = None;
        spec.init_configuration = None;
        spec.join_configuration
            .get_or_insert_default()
            .control_plane
            .get_or_insert_default();
    }
    spec
}

pub(super) fn cluster_name(object: &KubeadmControlPlane) -> String {
    let owner = crate::machine::writes::owner_of::<Cluster>(&object.metadata);
    owner
        .map(|owner| owner.name.clone())
        .or_else(|| object.labels().get(CLUSTER_NAME_LABEL).cloned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_machine_begins_and_the_others_join_as_control_plane() {
        let object: KubeadmControlPlane = serde_json::from_value(json!({
            "metadata": {"name": "dev-cp", "namespace": "team-a", "uid": "u", "labels": {"cluster.x-k8s.io/cluster-name": "dev"}},
            "spec": {
                "version": "v1.34.0", "machineTemplate": {"spec": {"infrastructureRef": {}}},
                "kubeadmConfigSpec": {
                    "clusterConfiguration": {"apiServer": {"certSANs": ["x"]}},
                    "initConfiguration": {"nodeRegistration": {"name": "n"}},
                    "joinConfiguration": {"nodeRegistration": {"name": "n"}},
                    "files": [{"path": "/a", "content": "b"}],
                },
            },
        }))
        .unwrap();
        let first = serde_json::to_value(config(&object, true)).unwrap();
        assert_eq!(first["clusterConfiguration"], json!({"apiServer": {"certSANs": ["x"]}}));
        assert_eq!(
            (&first["joinConfiguration"], first["files"].as_array().unwrap().len()),
            (&json!(null), 1)
        );
        let bare = KubeadmControlPlane::default();
        assert_eq!(serde_json::to_value(config(&bare, true)).unwrap(), json!({}));
        let other = serde_json::to_value(config(&object, false)).unwrap();
        assert_eq!(
            other["joinConfiguration"],
            json!({"nodeRegistration": {"name": "n"}, "controlPlane": {}})
        );
        assert_eq!(
            (&other["clusterConfiguration"], &other["initConfiguration"]),
            (&json!(null), &json!(null))
        );

        let machine = machine(&object, "dev-cp-x", None);
        assert_eq!(machine.spec.cluster_name, "dev");
        assert_eq!(machine.labels()[CONTROL_PLANE_NAME_LABEL], "dev-cp");
        assert_eq!(machine.annotations()[CONFIG_HASH_ANNOTATION], config_hash(&object));
    }
}
