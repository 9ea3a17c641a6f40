//! Which Machines are well, which are not and why, and when that changes by the passing of time alone. Pure.

use super::dereference::{NodeState, Since, Target, true_since};
use super::validate::Rules;
use crate::machine::conditions::Verdict;
use crate::machine::replicas::is_deleting;
use guestcluster_types::upstream::HasConditions;
use guestcluster_types::upstream::capi::{
    CONTROL_PLANE_LABEL, Machine, PAUSED_ANNOTATION, REMEDIATE_MACHINE_ANNOTATION, SKIP_REMEDIATION_ANNOTATION,
    UnhealthyCondition, condition,
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;
use kube::core::SelectorExt;
use std::time::Duration;

/// What a health check found, and may do.
#[derive(Debug)]
pub(super) struct Plan {
    /// The Machines that it watches, by name.
    pub(super) findings: Vec<(String, Finding)>,
    /// How many more may become unwell; none if too many are for any to be replaced.
    pub(super) allowed: Option<i64>,
    /// When it must look again, if nothing happens before.
    pub(super) next: Option<Duration>,
}

impl Plan {
    /// How many Machines are well.
    pub(super) fn well(&self) -> usize {
        let well = |(_, finding): &&(String, Finding)| *finding == Finding::Well;
        self.findings.iter().filter(well).count()
    }
}

/// What was found out about one Machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Finding {
    /// Nothing is wrong.
    Well,
    /// Something was wrong for too long.
    Unwell(Verdict),
    /// Something is wrong, or not there yet, and may be for so long still.
    Pending(Duration),
    /// Nothing can be said.
    Unknown,
}

pub(super) fn decide(rules: &Rules, since: Since, targets: &[Target], now: Timestamp) -> Plan {
    let watched = targets.iter().filter(|target| is_watched(rules, &target.machine));
    let findings = watched.map(|target| (target.machine.name_any(), examine(rules, since, target, now)));
    let mut plan = Plan {
        findings: findings.collect(),
        allowed: None,
        next: None,
    };
    plan.findings.sort_by(|(one, _), (other, _)| one.cmp(other));
    let all = plan.findings.len();
    plan.allowed = rules.limit.left(all, all - plan.well());
    let pauses = plan.findings.iter().filter_map(|(_, finding)| match finding {
        Finding::Pending(pause) => Some(*pause),
        _ => None,
    });
    plan.next = pauses.min();
    plan
}

fn is_watched(rules: &Rules, machine: &Machine) -> bool {
    let annotations = machine.annotations();
    let is_left_alone = [PAUSED_ANNOTATION, SKIP_REMEDIATION_ANNOTATION]
        .iter()
        .any(|key| annotations.contains_key(*key));
    !is_left_alone && rules.selector.matches(machine.labels())
}

fn examine(rules: &Rules, since: Since, target: &Target, now: Timestamp) -> Finding {
    let machine = &*target.machine;
    if machine.annotations().contains_key(REMEDIATE_MACHINE_ANNOTATION) {
        let message = format!("somebody asked for it by the annotation {REMEDIATE_MACHINE_ANNOTATION}");
        return Finding::Unwell(Verdict::no("HasRemediateAnnotation", message));
    }
    // Without network or API server no node can be well. The first control-plane machines bring the API server.
    let is_control_plane = machine.labels().contains_key(CONTROL_PLANE_LABEL);
    if since.infrastructure.is_none() || (since.initialized.is_none() && !is_control_plane) {
        return otherwise(target);
    }
    let on_machine = rules
        .machine_conditions
        .iter()
        .filter_map(|rule| of_machine(rule, machine, now));
    let mut symptoms: Vec<_> = on_machine.collect();
    match &target.node {
        NodeState::Gone => {
            let name = machine.status.node_ref.as_ref().map_or("", |node| &node.name);
            symptoms.push(Symptom::now("NodeDeleted", format!("Node {name} was deleted")));
        }
        NodeState::NotYet => symptoms.extend(startup(rules, since, machine, now)),
        NodeState::There(node) => {
            symptoms.extend((rules.node_conditions.iter()).filter_map(|rule| of_node(rule, node, now)));
        }
    }
    let ripe: Vec<_> = symptoms.iter().filter(|symptom| symptom.left_ms <= 0).collect();
    if let Some(first) = ripe.first() {
        let messages: Vec<_> = ripe.iter().map(|symptom| symptom.message.as_str()).collect();
        return Finding::Unwell(Verdict::no(first.reason, messages.join("; ")));
    }
    match symptoms.iter().map(|symptom| symptom.left_ms).min() {
        Some(left) => Finding::Pending(Duration::from_millis(u64::try_from(left).unwrap_or_default())),
        None => otherwise(target),
    }
}

/// With nothing wrong a Machine is well if its Node is there to stay.
fn otherwise(target: &Target) -> Finding {
    match target.node {
        NodeState::There(_) if !is_deleting(&*target.machine) => Finding::Well,
        _ => Finding::Unknown,
    }
}

/// Something that is wrong, or missing.
struct Symptom {
    reason: &'static str,
    message: String,
    /// How long it may last still, in milliseconds.
    left_ms: i64,
}

impl Symptom {
    fn now(reason: &'static str, message: String) -> Self {
        Self {
            reason,
            message,
            left_ms: 0,
        }
    }
}

/// What is left of `seconds` that began at `since`, in milliseconds.
fn left_ms(since: Timestamp, seconds: i64, now: Timestamp) -> i64 {
    let end = since.as_millisecond().saturating_add(seconds.saturating_mul(1000));
    end.saturating_sub(now.as_millisecond())
}

fn of_machine(rule: &UnhealthyCondition, machine: &Machine, now: Timestamp) -> Option<Symptom> {
    let condition = machine.condition(&rule.type_)?;
    let left_ms = left_ms(condition.last_transition_time.0, rule.timeout_seconds.into(), now);
    symptom(
        "UnhealthyMachine",
        "Machine",
        rule,
        &condition.status,
        &condition.reason,
        left_ms,
    )
}

fn of_node(rule: &UnhealthyCondition, node: &Node, now: Timestamp) -> Option<Symptom> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions.iter().find(|condition| condition.type_ == rule.type_)?;
    // A condition of unknown age counts from the Node's beginning.
    let since = condition
        .last_transition_time
        .as_ref()
        .or(node.metadata.creation_timestamp.as_ref());
    let left_ms = left_ms(since.map_or(now, |time| time.0), rule.timeout_seconds.into(), now);
    let reason = condition.reason.as_deref().unwrap_or_default();
    symptom("UnhealthyNode", "Node", rule, &condition.status, reason, left_ms)
}

fn symptom(
    name: &'static str,
    of: &str,
    rule: &UnhealthyCondition,
    status: &str,
    reason: &str,
    left_ms: i64,
) -> Option<Symptom> {
    let UnhealthyCondition {
        type_, timeout_seconds, ..
    } = rule;
    (status == rule.status).then(|| Symptom {
        reason: name,
        message: format!("the {of}'s {type_} is {status} ({reason}) for {timeout_seconds} s or longer"),
        left_ms,
    })
}

/// A Node that does not appear; the time counts from the last thing that it had to wait for.
fn startup(rules: &Rules, since: Since, machine: &Machine, now: Timestamp) -> Option<Symptom> {
    let seconds = rules.startup_seconds?;
    let waited_for = [
        machine.creation_timestamp().map(|time| time.0),
        since.infrastructure,
        since.initialized,
        true_since(machine, condition::INFRASTRUCTURE_READY),
    ];
    let begin = waited_for.into_iter().flatten().max().unwrap_or(now);
    Some(Symptom {
        reason: "NodeStartupTimeout",
        message: format!("no Node appeared within {seconds} s"),
        left_ms: left_ms(begin, seconds, now),
    })
}

#[cfg(test)]
mod tests;
