//! The control plane: its machines and how kubeadm makes them.

use std::collections::BTreeMap;

use guestcluster_types::{
    EtcdMode, labels, names,
    upstream::{
        ContractReference, TemplateMeta,
        capi::{HealthChecks, MachineDeletionSpec, MachineHealthCheck, MachineHealthCheckSpec, UnhealthyCondition},
        capv::VSphereMachineTemplate,
        kubeadm::{
            CERTIFICATES_EXPIRY_ANNOTATION, ClusterConfiguration, ControlPlaneMachineSpec, ControlPlaneMachineTemplate,
            ControlPlaneRollingUpdate, ControlPlaneRollout, ControlPlaneRolloutStrategy, Etcd, ExternalEtcd,
            InitConfiguration, JoinConfiguration, KubeadmConfigSpec, KubeadmControlPlane, KubeadmControlPlaneSpec,
        },
    },
};
use k8s_openapi::apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString};

use super::{Size, guest_files, guest_labels, machine_template, metadata, node_registration};
use crate::guest::plan::{Identity, Plan};

/// How long a node may take to appear before its machine counts as failed: slow hardware included.
const NODE_STARTUP_TIMEOUT_SECONDS: i32 = 1200;
/// How long a node may not be Ready before its machine is replaced.
const NODE_UNHEALTHY_TIMEOUT_SECONDS: i32 = 300;

/// What upstream's control-plane controller would otherwise ask each kube-apiserver through a port-forward to its Pod, and fail.
/// Where the VM layer keeps etcd, it also makes the certificates, anew at each start of a VM: their end is no reason to
/// replace one.
const NEVER: &str = "9999-01-01T00:00:00Z";

pub(super) struct ControlPlaneObjects {
    pub(super) template: VSphereMachineTemplate,
    pub(super) control_plane: KubeadmControlPlane,
    pub(super) health_check: MachineHealthCheck,
}

pub(super) fn build(plan: &Plan) -> ControlPlaneObjects {
    let name = names::control_plane(&plan.identity.name);
    let wanted = &plan.spec.topology.control_plane;
    let size = Size {
        vm_class: &wanted.vm_class,
        storage_class: &wanted.storage_class,
    };
    let template = machine_template(&plan.identity, &name, &size, &plan.control_plane.image);
    let control_plane = KubeadmControlPlane {
        metadata: metadata(&plan.identity, &name),
        spec: spec(plan, template.metadata.name.as_deref().unwrap_or_default()),
        ..KubeadmControlPlane::default()
    };
    let machines = [(labels::CONTROL_PLANE.to_owned(), String::new())];
    let health_check = health_check(
        &plan.identity,
        &name,
        LabelSelector {
            match_labels: Some(machines.into()),
            match_expressions: None,
        },
    );
    ControlPlaneObjects {
        template,
        control_plane,
        health_check,
    }
}

fn spec(plan: &Plan, template: &str) -> KubeadmControlPlaneSpec {
    let wanted = &plan.spec.topology.control_plane;
    KubeadmControlPlaneSpec {
        replicas: Some(wanted.replicas),
        version: plan.control_plane.version.to_string(),
        machine_template: ControlPlaneMachineTemplate {
            metadata: TemplateMeta {
                labels: guest_labels(&plan.identity),
                annotations: match plan.etcd {
                    EtcdMode::Stacked => BTreeMap::new(),
                    EtcdMode::External => [(CERTIFICATES_EXPIRY_ANNOTATION.to_owned(), NEVER.to_owned())].into(),
                },
            },
            spec: ControlPlaneMachineSpec {
                infrastructure_ref: ContractReference::to::<VSphereMachineTemplate>(template),
                deletion: drain_timeout(wanted.rollout.drain_timeout_seconds),
                ..ControlPlaneMachineSpec::default()
            },
        },
        kubeadm_config_spec: kubeadm(plan),
        rollout: one_at_a_time(),
        ..KubeadmControlPlaneSpec::default()
    }
}

pub(super) fn drain_timeout(seconds: i32) -> MachineDeletionSpec {
    MachineDeletionSpec {
        node_drain_timeout_seconds: Some(seconds),
        ..MachineDeletionSpec::default()
    }
}

fn kubeadm(plan: &Plan) -> KubeadmConfigSpec {
    let external = (plan.etcd == EtcdMode::External).then(external_etcd);
    KubeadmConfigSpec {
        cluster_configuration: Some(ClusterConfiguration {
            etcd: external.map(|external| Etcd {
                external: Some(external),
                ..Etcd::default()
            }),
            api_server: guest_files::api_server(&plan.control_plane),
            encryption_algorithm: Some("ECDSA-P256".to_owned()),
            ..ClusterConfiguration::default()
        }),
        init_configuration: Some(InitConfiguration {
            node_registration: node_registration(),
            ..InitConfiguration::default()
        }),
        join_configuration: Some(JoinConfiguration {
            node_registration: node_registration(),
            ..JoinConfiguration::default()
        }),
        files: guest_files::files(&plan.control_plane, plan.trust_key.as_deref()),
        ..KubeadmConfigSpec::default()
    }
}

/// A member beside each control-plane machine, which the VM driver keeps; the files are where Cluster API writes its Secrets.
fn external_etcd() -> ExternalEtcd {
    ExternalEtcd {
        endpoints: vec!["https://127.0.0.1:2379".to_owned()],
        ca_file: "/etc/kubernetes/pki/etcd/ca.crt".to_owned(),
        cert_file: "/etc/kubernetes/pki/apiserver-etcd-client.crt".to_owned(),
        key_file: "/etc/kubernetes/pki/apiserver-etcd-client.key".to_owned(),
    }
}

fn one_at_a_time() -> ControlPlaneRollout {
    ControlPlaneRollout {
        strategy: ControlPlaneRolloutStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: ControlPlaneRollingUpdate {
                max_surge: Some(IntOrString::Int(1)),
            },
        },
        ..ControlPlaneRollout::default()
    }
}

/// Replaces machines whose node does not appear or stays unwell.
pub(super) fn health_check(identity: &Identity, name: &str, selector: LabelSelector) -> MachineHealthCheck {
    let unwell = ["False", "Unknown"].map(|status| UnhealthyCondition {
        type_: "Ready".to_owned(),
        status: status.to_owned(),
        timeout_seconds: NODE_UNHEALTHY_TIMEOUT_SECONDS,
    });
    MachineHealthCheck {
        metadata: metadata(identity, name),
        spec: MachineHealthCheckSpec {
            cluster_name: identity.name.clone(),
            selector,
            checks: HealthChecks {
                node_startup_timeout_seconds: Some(NODE_STARTUP_TIMEOUT_SECONDS),
                unhealthy_node_conditions: unwell.into(),
                ..HealthChecks::default()
            },
            ..MachineHealthCheckSpec::default()
        },
        ..MachineHealthCheck::default()
    }
}
