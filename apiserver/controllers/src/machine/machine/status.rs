//! What is true of a Machine.

use super::{Parts, node, validate};
use crate::machine::conditions::{Setter, Verdict};
use crate::machine::engine::Next;
use crate::machine::guests::Link;
use crate::machine::replicas::is_deleting;
use crate::machine::validate::missing_cluster;
use guestcluster_types::conditions::whole_seconds;
use guestcluster_types::upstream::capi::{MachineStatus, NodeReference, condition};
use guestcluster_types::upstream::kubeadm::CERTIFICATES_EXPIRY_ANNOTATION;
use guestcluster_types::upstream::{ContractReference, HasConditions, capv};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use std::time::Duration;

/// The status, and when it changes by the passing of time alone.
pub(super) fn of(parts: &Parts, now: Timestamp) -> (MachineStatus, Next) {
    let mut status = parts.machine.status.clone();
    copy(parts, &mut status);
    status.observed_generation = parts.machine.metadata.generation;
    let phase = phase(parts, &status);
    if status.phase.as_deref() != Some(phase) {
        status.phase = Some(phase.to_owned());
        status.last_updated = Some(Time(whole_seconds(now)));
    }
    let next = conditions(parts, &mut status, now);
    (status, next)
}

fn copy(parts: &Parts, status: &mut MachineStatus) {
    let expiry = parts
        .config
        .as_ref()
        .and_then(|config| config.annotations().get(CERTIFICATES_EXPIRY_ANNOTATION)?.parse().ok());
    status.certificates_expiry_date = expiry.map(Time);
    if parts.machine.spec.bootstrap.data_secret_name.is_some() {
        status.initialization.bootstrap_data_secret_created = Some(true);
    }
    if let Some(infrastructure) = &parts.infrastructure {
        status.addresses.clone_from(&infrastructure.status.addresses);
        status.failure_domain.clone_from(&infrastructure.status.failure_domain);
        let provisioned = infrastructure.status.initialization.provisioned == Some(true);
        if provisioned && parts.machine.spec.provider_id.is_some() {
            status.initialization.infrastructure_provisioned = Some(true);
        }
    }
    if let Some(node) = &parts.node {
        let name = node.metadata.name.clone().unwrap_or_default();
        status.node_ref = Some(NodeReference { name });
        let info = node.status.as_ref().and_then(|status| status.node_info.clone());
        status.node_info = info.map(Into::into);
    }
}

fn phase(parts: &Parts, status: &MachineStatus) -> &'static str {
    if is_deleting(&*parts.machine) {
        return "Deleting";
    }
    let provisioned = status.initialization.infrastructure_provisioned == Some(true);
    if provisioned && status.node_ref.is_some() {
        return "Running";
    }
    if provisioned {
        return "Provisioned";
    }
    if status.initialization.bootstrap_data_secret_created == Some(true) {
        "Provisioning"
    } else {
        "Pending"
    }
}

fn conditions(parts: &Parts, status: &mut MachineStatus, now: Timestamp) -> Next {
    let bootstrap = bootstrap(parts);
    let infrastructure = infrastructure(parts);
    let (healthy, ready) = node_verdicts(parts, status);
    let deleting = is_deleting(&*parts.machine);
    let mut set = Setter::new(&mut status.conditions, parts.machine.metadata.generation);
    set.set(condition::BOOTSTRAP_CONFIG_READY, bootstrap.clone());
    set.set(condition::INFRASTRUCTURE_READY, infrastructure.clone());
    set.set(condition::NODE_HEALTHY, healthy.clone());
    set.set(condition::NODE_READY, ready);
    set.set(
        condition::UP_TO_DATE,
        match parts.up_to_date {
            Some(true) => Verdict::yes("UpToDate"),
            Some(false) => Verdict::no("NotUpToDate", "the owner asks for another version or other templates"),
            None => Verdict::unknown("NoOwner", ""),
        },
    );
    if !deleting {
        set.set(condition::DELETING, Verdict::no("NotDeleting", ""));
    }
    // Another spec is another Machine here.
    set.set(condition::UPDATING, Verdict::no("NotUpdating", ""));
    set.set_not_paused();
    let alive = if deleting {
        Verdict::no("Deleting", "the Machine is being deleted")
    } else {
        Verdict::yes("NotDeleting")
    };
    // In this order the first that is not true is the cause: without bootstrap data there is no VM, without a VM no Node.
    let checked = parts.machine.condition(condition::HEALTH_CHECK_SUCCEEDED);
    let checked = checked.map(|checked| Verdict::of(Some(checked), "", ""));
    let causes = [alive, bootstrap, infrastructure, healthy];
    set.set_summary(condition::READY, "Ready", causes.into_iter().chain(checked));
    available(parts, status, now)
}

fn bootstrap(parts: &Parts) -> Verdict {
    let spec = &parts.machine.spec;
    if let Err(invalid) = validate::bootstrap(spec) {
        return Verdict::no("InvalidSpec", invalid);
    }
    let Some(config) = &parts.config else {
        if spec.bootstrap.data_secret_name.is_some() {
            return Verdict::yes("DataSecretProvided");
        }
        return missing(
            "spec.bootstrap.configRef",
            spec.bootstrap.config_ref.as_ref(),
            parts.strangers[0].as_ref(),
        );
    };
    Verdict::of(
        config.condition(condition::READY),
        "NotReady",
        "the bootstrap object reports nothing yet",
    )
}

fn infrastructure(parts: &Parts) -> Verdict {
    let spec = &parts.machine.spec;
    if let Err(invalid) = validate::infrastructure(spec) {
        return Verdict::no("InvalidSpec", invalid);
    }
    let Some(object) = &parts.infrastructure else {
        return missing(
            "spec.infrastructureRef",
            Some(&spec.infrastructure_ref),
            parts.strangers[1].as_ref(),
        );
    };
    Verdict::of(
        object.condition(capv::condition::READY),
        "NotReady",
        "the infrastructure object reports nothing yet",
    )
}

/// What a field names is not there, or somebody else's.
fn missing(field: &str, reference: Option<&ContractReference>, stranger: Option<&String>) -> Verdict {
    let (kind, name) = reference.map_or(("", ""), |reference| (&reference.kind, &reference.name));
    match stranger {
        Some(owner) => Verdict::no(
            "InvalidSpec",
            format!("{field}: {kind} {name} belongs to {owner}: accepted is one for this Machine alone"),
        ),
        None => Verdict::no("DoesNotExist", format!("{field}: {kind} {name} does not exist")),
    }
}

/// Nothing is known of a Machine whose Cluster is not there.
pub(super) fn without_cluster(parts: &Parts) -> MachineStatus {
    let machine = &parts.machine;
    let mut status = machine.status.clone();
    let verdict = Verdict::no("ClusterDoesNotExist", missing_cluster(&machine.spec.cluster_name));
    let mut set = Setter::new(&mut status.conditions, machine.metadata.generation);
    set.set(condition::READY, verdict.clone());
    set.set(condition::AVAILABLE, verdict);
    status
}

/// The Node's health (with pressures), and its own Ready condition.
fn node_verdicts(parts: &Parts, status: &MachineStatus) -> (Verdict, Verdict) {
    if let Some(node) = &parts.node {
        return (node::health(node), node::readiness(node));
    }
    if parts.machine.spec.provider_id.is_none() {
        let verdict = Verdict::no("WaitingForInfrastructure", "the VM has no identity yet");
        return (verdict.clone(), verdict);
    }
    let verdict = match &parts.link {
        Link::Up(_) if status.node_ref.is_some() => Verdict::no("NodeDeleted", "the Node was deleted from the guest"),
        Link::Up(_) => Verdict::no("NodeDoesNotExist", "the VM has not joined the cluster as a Node yet"),
        Link::None | Link::Trying(None) => {
            Verdict::unknown("ConnectionDown", "the guest's API server has not been asked yet")
        }
        Link::Trying(Some(failure)) => Verdict::unknown(
            "ConnectionDown",
            format!("the guest's API server does not answer: {failure}"),
        ),
    };
    // A connection that is being made again is no news about the Node.
    let kept = |type_| match (&parts.link, parts.machine.condition(type_)) {
        (Link::Up(_), _) | (_, None) => verdict.clone(),
        (_, known) if status.node_ref.is_some() => Verdict::of(known, "", ""),
        _ => verdict.clone(),
    };
    (kept(condition::NODE_HEALTHY), kept(condition::NODE_READY))
}

/// Available is Ready for long enough.
fn available(parts: &Parts, status: &mut MachineStatus, now: Timestamp) -> Next {
    let ready = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == condition::READY)
        .cloned();
    let wait = i64::from(parts.machine.spec.min_ready_seconds.unwrap_or_default());
    let verdict = Verdict::of(ready.as_ref(), "NotReady", "");
    let left = ready.map_or(0, |ready| {
        ready.last_transition_time.0.as_second() + wait - now.as_second()
    });
    let mut set = Setter::new(&mut status.conditions, parts.machine.metadata.generation);
    if !verdict.is_true() {
        set.set(condition::AVAILABLE, verdict);
        return Next::Event;
    }
    match u64::try_from(left) {
        Ok(left) if left > 0 && wait > 0 => {
            set.set(condition::AVAILABLE, Verdict::no("WaitingForMinReadySeconds", ""));
            Next::After(Duration::from_secs(left))
        }
        _ => {
            set.set(condition::AVAILABLE, Verdict::yes("Available"));
            Next::Event
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guestcluster_types::upstream::capi::Machine;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn a_machine_is_available_when_it_was_ready_for_long_enough() {
        let since: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let ready = json!([{"type": "Ready", "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": since.to_string()}]);
        let at = |min_ready: i32, seconds: i64| {
            let machine: Machine = serde_json::from_value(json!({
                "metadata": {"name": "m"}, "status": {"conditions": ready},
                "spec": {"clusterName": "dev", "bootstrap": {}, "infrastructureRef": {}, "minReadySeconds": min_ready},
            }))
            .unwrap();
            let mut status = machine.status.clone();
            let parts = Parts {
                machine: Arc::new(machine),
                cluster: None,
                config: None,
                infrastructure: None,
                node: None,
                strangers: [None, None],
                link: Link::None,
                up_to_date: None,
            };
            let now = Timestamp::from_second(since.as_second() + seconds).unwrap();
            let next = available(&parts, &mut status, now);
            let condition = status
                .conditions
                .iter()
                .find(|condition| condition.type_ == condition::AVAILABLE);
            (condition.unwrap().status.clone(), next)
        };
        assert_eq!(at(0, 0), ("True".to_owned(), Next::Event));
        assert_eq!(at(30, 10), ("False".to_owned(), Next::After(Duration::from_secs(20))));
        assert_eq!(at(30, 30), ("True".to_owned(), Next::Event));
    }
}
