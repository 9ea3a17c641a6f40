//! Replaces unwell Machines of a control plane, one at a time: the Machine is deleted, and the next one that is made
//! remembers which it replaces, so that replacements that are unwell too can be counted.

mod decide;
pub(super) mod record;

use super::{list, machines, member};
use crate::machine::context::Context;
use crate::machine::engine::Next;
use crate::machine::error::Error;
use crate::machine::remediation::{deleting, forget, is_due, is_unwell, tell};
use decide::{Bounds, Patient, Step, decide};
use guestcluster_types::upstream::capi::{Machine, REMEDIATE_MACHINE_ANNOTATION};
use guestcluster_types::upstream::kubeadm::{
    KubeadmControlPlane, REMEDIATION_FOR_ANNOTATION, REMEDIATION_IN_PROGRESS_ANNOTATION,
};
use jiff::Timestamp;
use kube::ResourceExt;
use record::Record;

/// What came of it.
pub(super) enum Outcome {
    /// Nothing that keeps from other changes; it is looked at again then.
    Idle(Next),
    /// A Machine is being replaced.
    Began,
}

pub(super) async fn proceed(
    context: &Context,
    object: &KubeadmControlPlane,
    initialized: bool,
) -> Result<Outcome, Error> {
    let known = machines(context, object);
    for machine in &known {
        forget(context, machine).await?;
    }
    let known = machines(context, object);
    settle(context, object, known.iter().map(|machine| &**machine)).await?;
    if !known.iter().any(|machine| is_due(machine)) {
        return Ok(Outcome::Idle(Next::Event));
    }
    // What is known may be old: nothing goes before a live list says the same.
    let live = list(context, object).await?;
    let patients: Vec<_> = live.iter().map(|machine| patient(context, object, machine)).collect();
    let bounds = Bounds {
        spec: &object.spec.remediation,
        initialized,
        in_progress: Record::in_progress(object),
    };
    let named = |name: &str| live.iter().find(|machine| machine.name_any() == name);
    match decide(&patients, &bounds, Timestamp::now()) {
        Step::Nothing => {}
        Step::Hold(name, verdict, pause) => {
            if let Some(machine) = named(&name) {
                tell(context, machine, verdict).await?;
            }
            return Ok(Outcome::Idle(pause.map_or(Next::Event, Next::After)));
        }
        Step::Replace(record) => {
            if let Some(machine) = named(&record.machine) {
                note(context, object, Some(&record)).await?;
                tell(context, machine, deleting()).await?;
                context.machines.delete(machine).await?;
                return Ok(Outcome::Began);
            }
        }
    }
    Ok(Outcome::Idle(Next::Event))
}

fn patient(context: &Context, object: &KubeadmControlPlane, machine: &Machine) -> Patient {
    Patient {
        member: member(context, object, machine),
        is_unwell: is_unwell(machine),
        is_due: is_due(machine),
        is_asked: machine.annotations().contains_key(REMEDIATE_MACHINE_ANNOTATION),
        record: Record::behind(machine),
    }
}

/// Ends a replacement that is through, or that nothing comes of any more.
async fn settle<'m>(
    context: &Context,
    object: &KubeadmControlPlane,
    machines: impl Iterator<Item = &'m Machine>,
) -> Result<(), Error> {
    let Some(text) = object.annotations().get(REMEDIATION_IN_PROGRESS_ANNOTATION) else {
        return Ok(());
    };
    let wanted = usize::try_from(object.spec.replicas.unwrap_or(1)).unwrap_or_default();
    if is_through(text, Record::in_progress(object), machines, wanted) {
        note(context, object, None).await?;
    }
    Ok(())
}

fn is_through<'m>(
    text: &str,
    record: Option<Record>,
    machines: impl Iterator<Item = &'m Machine>,
    wanted: usize,
) -> bool {
    // What nobody can read would hold up all others.
    let Some(record) = record else { return true };
    let (mut count, mut is_there) = (0, false);
    for machine in machines {
        let replaces = machine
            .annotations()
            .get(REMEDIATION_FOR_ANNOTATION)
            .is_some_and(|of| of == text);
        let is_newer = machine
            .creation_timestamp()
            .is_some_and(|created| created.0 > record.timestamp.0);
        if replaces || is_newer {
            return true;
        }
        if machine.name_any() == record.machine {
            is_there = true;
            // It recovered before it was deleted.
            if machine.metadata.deletion_timestamp.is_none() && !is_due(machine) {
                return true;
            }
        }
        count += 1;
    }
    // Somebody asked for fewer meanwhile.
    !is_there && count >= wanted
}

/// Keeps the record of the replacement that goes on at the control plane.
pub(super) async fn note(
    context: &Context,
    object: &KubeadmControlPlane,
    record: Option<&Record>,
) -> Result<(), Error> {
    let mut meta = object.metadata.clone();
    let annotations = meta.annotations.get_or_insert_default();
    match record {
        Some(record) => drop(annotations.insert(REMEDIATION_IN_PROGRESS_ANNOTATION.to_owned(), record.text())),
        None => drop(annotations.remove(REMEDIATION_IN_PROGRESS_ANNOTATION)),
    }
    context.control_planes.patch_metadata(object, &meta).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn machine(name: &str, created: &str, annotations: Value) -> Machine {
        let conditions = ["HealthCheckSucceeded", "OwnerRemediated"].map(|type_| {
            json!({"type": type_, "status": "False", "reason": "Because", "message": "", "lastTransitionTime": created})
        });
        let metadata = json!({"name": name, "creationTimestamp": created, "annotations": annotations});
        let spec = json!({"clusterName": "dev", "bootstrap": {}, "infrastructureRef": {}});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": {"conditions": conditions}}))
            .unwrap()
    }

    #[test]
    fn a_replacement_ends_when_it_is_there_or_nobody_needs_it_any_more() {
        let (before, after) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z");
        let record = Record::new("a", "2026-01-01T00:00:01Z".parse().unwrap(), 0);
        let text = record.text();
        let through = |machines: &[Machine]| is_through(&text, Some(record.clone()), machines.iter(), 2);
        let (bad, other) = (machine("a", before, json!({})), machine("b", before, json!({})));
        assert!(!through(&[bad.clone(), other.clone()]), "it is not deleted yet");
        assert!(!through(std::slice::from_ref(&other)), "the next one is to be made");
        assert!(through(&[other.clone(), machine("c", after, json!({}))]));
        let marked = machine("c", before, json!({REMEDIATION_FOR_ANNOTATION: text}));
        assert!(through(&[other.clone(), marked]), "made within the same second");
        assert!(
            through(&[other.clone(), machine("d", before, json!({}))]),
            "two are enough"
        );
        let mut recovered = bad;
        recovered.status.conditions.clear();
        assert!(through(&[recovered, other]));
        assert!(is_through("nonsense", None, [].into_iter(), 3));
    }
}
