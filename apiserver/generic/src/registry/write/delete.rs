//! The end of an object: at once, or when its finalizers are gone.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Change, DeleteOptions, Deleted, Live, Plan, Propagation, Shown, State, WriteRequest, create::counts_generations,
};
use crate::{
    admission::{AdmissionRequest, Operation, Options},
    registry::{Resource, object},
    status::Status,
};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

impl Resource {
    /// Deletes one object. 404 when there is none.
    pub(in crate::registry) async fn remove(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, Status> {
        let written = self.modify(request, name, &Change::Delete(options)).await?;
        let state = written.state;
        let revision = match &written.object {
            Shown::Entry(entry) => Some(entry.revision),
            Shown::Value(_) => None,
        };
        let object = written.into_value()?;
        Ok(if state == State::Removed {
            Deleted::Gone { object, revision }
        } else {
            Deleted::Terminating(object)
        })
    }

    /// Decides what a delete comes to.
    pub(super) async fn plan_delete(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        live: &Live,
        options: &DeleteOptions,
    ) -> Result<Plan, Status> {
        self.check_preconditions(name, &live.value, options)?;
        let admission = AdmissionRequest {
            options: Options::Delete(options),
            ..self.admission_request(request, name, Operation::Delete, Some(&live.value))
        };
        self.admission.admit(&admission, None).await?;
        self.admission.validate(&admission, None).await?;
        let strategy = &self.definition().strategy;
        strategy
            .validate_delete(&request.strategy_context(), &live.value)
            .await?;
        let mut object = live.value.clone();
        set_propagation(&mut object, options.propagation);
        if object::finalizers(&object).is_empty() && !strategy.holds_deletion(&object) {
            return Ok(Plan::Remove(object));
        }
        if object::is_terminating(&object) {
            // Asked again, it may still change what becomes of the dependents.
            let changed = object != live.value;
            return Ok(if changed { Plan::Put(object) } else { Plan::Unchanged });
        }
        self.begin_deletion(&mut object);
        Ok(Plan::Put(object))
    }

    fn begin_deletion(&self, object: &mut Value) {
        object::set(object, "deletionTimestamp", object::timestamp(Timestamp::now()));
        object::set(object, "deletionGracePeriodSeconds", 0);
        if counts_generations(self.definition().style) {
            let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
            object::set(object, "generation", generation + 1);
        }
        self.definition().strategy.prepare_for_delete(object);
    }

    fn check_preconditions(&self, name: &str, live: &Value, options: &DeleteOptions) -> Result<(), Status> {
        let names = &self.definition().names;
        let uid = object::text(live, "uid");
        if let Some(wanted) = options.preconditions.uid.as_deref().filter(|wanted| *wanted != uid) {
            return Err(Status::precondition_failed(
                names,
                name,
                &format!(
                    "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have been \
                 deleted and then recreated"
                ),
            ));
        }
        let version = object::text(live, "resourceVersion");
        if let Some(wanted) = options
            .preconditions
            .resource_version
            .as_deref()
            .filter(|wanted| *wanted != version)
        {
            return Err(Status::precondition_failed(
                names,
                name,
                &format!(
                    "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
                 ({version}). The object might have been modified"
                ),
            ));
        }
        Ok(())
    }
}

/// Sets the garbage collector's finalizers by the policy that was asked for; without one they stay as they are.
fn set_propagation(object: &mut Value, propagation: Option<Propagation>) {
    let Some(propagation) = propagation else { return };
    let mut finalizers: Vec<String> = object::finalizers(object)
        .into_iter()
        .filter(|finalizer| *finalizer != FOREGROUND && *finalizer != ORPHAN)
        .map(str::to_owned)
        .collect();
    match propagation {
        Propagation::Foreground => finalizers.push(FOREGROUND.to_owned()),
        Propagation::Orphan => finalizers.push(ORPHAN.to_owned()),
        Propagation::Background => {}
    }
    let finalizers = if finalizers.is_empty() {
        Value::Null
    } else {
        finalizers.into()
    };
    object::set(object, "finalizers", finalizers);
}
