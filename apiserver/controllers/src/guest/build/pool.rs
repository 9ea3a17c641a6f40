//! A node pool: its machines, how they join, how they are replaced.

use std::collections::BTreeMap;

use guestcluster_types::{
    NodePool, NodePoolRollout, Taint, TaintEffect, labels, names,
    upstream::{
        ContractReference, TemplateMeta,
        capi::{
            Bootstrap, HealthRemediation, MachineDeployment, MachineDeploymentRollout, MachineDeploymentSpec,
            MachineHealthCheck, MachineSpec, MachineTemplate, RemediationTrigger, RollingUpdate, RolloutStrategy,
        },
        capv::VSphereMachineTemplate,
        kubeadm::{
            Arg, JoinConfiguration, KubeadmConfigSpec, KubeadmConfigTemplate, KubeadmConfigTemplateResource,
            KubeadmConfigTemplateSpec, NodeRegistration, NodeTaint,
        },
    },
};
use k8s_openapi::apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString};
use serde_json::json;

use super::{
    CRI_SOCKET, Size,
    control_plane::{drain_timeout, health_check},
    guest_labels, machine_template, metadata, node_registration,
};
use crate::guest::plan::{Identity, MachinePlan, PoolPlan};

/// More unwell machines than this part of a pool are a fault of something else, which replacing them would make worse.
const MAX_UNHEALTHY: &str = "40%";
/// Of so few machines, that part is less than one; yet one that is unwell is to be replaced.
const SMALL_POOL: i32 = 2;

pub(super) struct PoolObjects {
    pub(super) machine_template: VSphereMachineTemplate,
    pub(super) config_template: KubeadmConfigTemplate,
    pub(super) deployment: MachineDeployment,
    pub(super) health_check: MachineHealthCheck,
}

pub(super) fn build(identity: &Identity, plan: &PoolPlan) -> PoolObjects {
    let PoolPlan { pool, machines } = plan;
    let name = names::pool(&identity.name, &pool.name);
    let size = Size {
        vm_class: &pool.vm_class,
        storage_class: &pool.storage_class,
    };
    let mut machine_template = machine_template(identity, &name, &size, &machines.image);
    let mut config_template = config_template(identity, &name, pool);
    let mut deployment = deployment(identity, &name, plan, &machine_template, &config_template);
    let mut health_check = health_check(identity, &name, selector(identity, &name));
    health_check.spec.remediation = HealthRemediation {
        trigger_if: RemediationTrigger {
            unhealthy_less_than_or_equal_to: Some(max_unhealthy(pool.replicas)),
            ..RemediationTrigger::default()
        },
        ..HealthRemediation::default()
    };
    for metadata in [
        &mut machine_template.metadata,
        &mut config_template.metadata,
        &mut deployment.metadata,
        &mut health_check.metadata,
    ] {
        metadata
            .labels
            .get_or_insert_default()
            .insert(labels::NODE_POOL.to_owned(), pool.name.clone());
    }
    PoolObjects {
        machine_template,
        config_template,
        deployment,
        health_check,
    }
}

/// How the pool's machines join. Its name says its content, so that a change replaces the nodes, as it has to.
fn max_unhealthy(replicas: i32) -> IntOrString {
    if replicas <= SMALL_POOL {
        IntOrString::Int(1)
    } else {
        IntOrString::String(MAX_UNHEALTHY.to_owned())
    }
}

fn config_template(identity: &Identity, name: &str, pool: &NodePool) -> KubeadmConfigTemplate {
    let taints: Vec<_> = pool.taints.iter().map(node_taint).collect();
    let registration = NodeRegistration {
        kubelet_extra_args: node_labels(pool),
        taints: (!taints.is_empty()).then_some(taints),
        ..node_registration()
    };
    let content = json!({
        "criSocket": CRI_SOCKET, "kubeletExtraArgs": registration.kubelet_extra_args, "taints": registration.taints,
    });
    let spec = KubeadmConfigSpec {
        join_configuration: Some(JoinConfiguration {
            node_registration: registration,
            ..JoinConfiguration::default()
        }),
        ..KubeadmConfigSpec::default()
    };
    let template = KubeadmConfigTemplateResource {
        spec,
        ..KubeadmConfigTemplateResource::default()
    };
    KubeadmConfigTemplate {
        metadata: metadata(identity, &names::template(name, &content)),
        spec: KubeadmConfigTemplateSpec { template },
        ..KubeadmConfigTemplate::default()
    }
}

/// The labels that the kubelet gives its own node.
fn node_labels(pool: &NodePool) -> Vec<Arg> {
    let pairs: Vec<_> = (pool.labels.iter())
        .filter(|(key, _)| !is_copied_from_machine(key))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if pairs.is_empty() {
        return vec![];
    }
    vec![Arg {
        name: "node-labels".to_owned(),
        value: pairs.join(","),
    }]
}

/// Whether Cluster API copies a label from the Machine to its Node; kubelets may not set these themselves.
fn is_copied_from_machine(key: &str) -> bool {
    let Some((domain, _)) = key.split_once('/') else {
        return false;
    };
    domain == "node-role.kubernetes.io"
        || ["node-restriction.kubernetes.io", "node.cluster.x-k8s.io"]
            .iter()
            .any(|parent| domain == *parent || domain.ends_with(&format!(".{parent}")))
}

fn node_taint(taint: &Taint) -> NodeTaint {
    let effect = match taint.effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    };
    NodeTaint {
        key: taint.key.clone(),
        value: taint.value.clone(),
        effect: effect.to_owned(),
    }
}

fn deployment(
    identity: &Identity,
    name: &str,
    plan: &PoolPlan,
    machine_template: &VSphereMachineTemplate,
    config_template: &KubeadmConfigTemplate,
) -> MachineDeployment {
    let PoolPlan { pool, machines } = plan;
    let name_of = |metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| {
        metadata.name.clone().unwrap_or_default()
    };
    let mut metadata = metadata(identity, name);
    metadata.annotations = Some(revision(machines));
    let spec = MachineDeploymentSpec {
        cluster_name: identity.name.clone(),
        replicas: Some(pool.replicas),
        rollout: rollout(&pool.rollout),
        selector: selector(identity, name),
        template: MachineTemplate {
            metadata: TemplateMeta {
                labels: machine_labels(identity, name, pool),
                ..TemplateMeta::default()
            },
            spec: MachineSpec {
                cluster_name: identity.name.clone(),
                version: Some(machines.version.to_string()),
                bootstrap: Bootstrap {
                    config_ref: Some(ContractReference::to::<KubeadmConfigTemplate>(&name_of(
                        &config_template.metadata,
                    ))),
                    ..Bootstrap::default()
                },
                infrastructure_ref: ContractReference::to::<VSphereMachineTemplate>(&name_of(
                    &machine_template.metadata,
                )),
                failure_domain: pool.failure_domain.clone(),
                deletion: drain_timeout(pool.rollout.drain_timeout_seconds),
                ..MachineSpec::default()
            },
        },
        ..MachineDeploymentSpec::default()
    };
    MachineDeployment {
        metadata,
        spec,
        ..MachineDeployment::default()
    }
}

fn revision(machines: &MachinePlan) -> BTreeMap<String, String> {
    [(labels::TEMPLATE_REVISION.to_owned(), machines.revision.to_string())].into()
}

fn selector(identity: &Identity, deployment: &str) -> LabelSelector {
    let pairs = [
        (labels::CLUSTER_NAME, identity.name.as_str()),
        (labels::DEPLOYMENT_NAME, deployment),
    ];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    LabelSelector {
        match_labels: Some(pairs.into()),
        match_expressions: None,
    }
}

fn machine_labels(identity: &Identity, deployment: &str, pool: &NodePool) -> BTreeMap<String, String> {
    let mut all = guest_labels(identity);
    all.insert(labels::DEPLOYMENT_NAME.to_owned(), deployment.to_owned());
    all.insert(labels::NODE_POOL.to_owned(), pool.name.clone());
    let copied = pool.labels.iter().filter(|(key, _)| is_copied_from_machine(key));
    all.extend(copied.map(|(key, value)| (key.clone(), value.clone())));
    all
}

fn rollout(rollout: &NodePoolRollout) -> MachineDeploymentRollout {
    MachineDeploymentRollout {
        strategy: RolloutStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: RollingUpdate {
                max_unavailable: Some(rollout.max_unavailable.clone()),
                max_surge: Some(rollout.max_surge.clone()),
            },
        },
        ..MachineDeploymentRollout::default()
    }
}
