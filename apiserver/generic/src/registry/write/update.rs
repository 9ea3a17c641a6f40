//! The new state of an existing object.

use serde_json::Value;

use super::{Live, Part, Plan, Update, WriteRequest, create::counts_generations, metadata};
use crate::{
    admission::Operation,
    apply,
    registry::{Resource, ResourceDefinition, Style, object},
    status::Status,
};

impl Resource {
    /// Decides what a changed object comes to: refused, nothing, a write, or the end of its deletion.
    pub(super) async fn plan_update(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        live: &Live,
        mut new: Value,
        update: &Update<'_>,
    ) -> Result<Plan, Status> {
        let (definition, part) = (self.definition(), update.part);
        self.check_identity(request, name, &live.value, &mut new, update.unconditional)?;
        metadata::restore(&mut new, &live.value);
        keep_other_parts(definition, part, &mut new, &live.value);
        if part != Part::Status {
            definition
                .strategy
                .prepare_for_update(&request.strategy_context(), &mut new, &live.value);
        }
        if !update.managed {
            let api_version = definition.names.api_version();
            let reset = self.reset_fields(part);
            let manager = request.manager(&api_version);
            apply::track_update(&definition.schema, Some(&live.value), &mut new, &manager, &reset);
        }
        self.admit_update(request, name, &live.value, &mut new).await?;
        count_generation(definition, &mut new, &live.value);
        metadata::dedupe_owner_references(&mut new, &request.warnings);
        self.validate_update(request, name, part, &live.value, &new).await?;
        Ok(self.judge(&live.value, new))
    }

    /// Name, namespace, UID and resourceVersion must be those of the stored object where they are given.
    fn check_identity(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        live: &Value,
        new: &mut Value,
        unconditional: bool,
    ) -> Result<(), Status> {
        let names = &self.definition().names;
        let given = object::text(new, "name");
        if !given.is_empty() && given != name {
            return Err(Status::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({name})"
            )));
        }
        metadata::check_namespace(self.definition(), request.namespace, new)?;
        let (uid, live_uid) = (object::text(new, "uid"), object::text(live, "uid"));
        if !uid.is_empty() && uid != live_uid {
            let key = names.key(request.namespace, name);
            return Err(Status::conflict(
                names,
                name,
                &format!(
                    "StorageError: invalid object, Code: 4, Key: /registry/{key}, ResourceVersion: 0, AdditionalErrorMsg: \
                 Precondition failed: UID in precondition: {uid}, UID in object meta: {live_uid}"
                ),
            ));
        }
        let version = object::text(new, "resourceVersion");
        if version.is_empty() && !unconditional {
            let error = crate::FieldError::invalid("metadata.resourceVersion", 0, "must be specified for an update");
            return Err(Status::invalid(&names.plural, &names.group, name, vec![error]));
        }
        if !version.is_empty() && version != object::text(live, "resourceVersion") {
            return Err(Status::modified(names, name));
        }
        Ok(())
    }

    async fn admit_update(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        live: &Value,
        new: &mut Value,
    ) -> Result<(), Status> {
        let admission = self.admission_request(request, name, Operation::Update, Some(live));
        for plugin in self.admission.iter() {
            plugin.admit(&admission, new).await?;
        }
        Ok(())
    }

    /// Nothing to write, the end of a deletion, or a new state.
    fn judge(&self, live: &Value, new: Value) -> Plan {
        let released = object::is_terminating(&new)
            && object::finalizers(&new).is_empty()
            && !self.definition().strategy.holds_deletion(&new);
        if released {
            return Plan::Remove(new);
        }
        if apply::equal_ignoring_managed_time(live, &new) {
            return Plan::Unchanged;
        }
        Plan::Put(new)
    }

    /// Fields that a manager can't come to own through a part.
    pub(in crate::registry) fn reset_fields(&self, part: Part) -> Vec<&str> {
        let definition = self.definition();
        match part {
            Part::Main if definition.status => vec!["status"],
            Part::Status => {
                let fields = definition.schema.properties().iter().map(|property| &*property.name);
                let keeps_metadata = definition.style != Style::Custom;
                fields
                    .filter(|field| *field != "status" && !(*field == "metadata" && keeps_metadata))
                    .collect()
            }
            Part::Main | Part::Subresource(_) | Part::Scale => Vec::new(),
        }
    }
}

/// Puts back what this part of the object may not change.
fn keep_other_parts(definition: &ResourceDefinition, part: Part, new: &mut Value, live: &Value) {
    match part {
        Part::Main | Part::Scale => {
            if definition.status {
                object::copy_field(new, live, "status");
            }
        }
        Part::Subresource(_) => object::copy_field(new, live, "metadata"),
        Part::Status => {
            let mut kept = live.clone();
            object::copy_field(&mut kept, new, "status");
            if definition.style == Style::Custom {
                let managed = new["metadata"]["managedFields"].take();
                object::set(&mut kept, "managedFields", managed);
            } else {
                object::copy_field(&mut kept, new, "metadata");
            }
            *new = kept;
        }
    }
}

/// Raises `metadata.generation` when anything but metadata and status has changed.
fn count_generation(definition: &ResourceDefinition, new: &mut Value, live: &Value) {
    if !counts_generations(definition.style) {
        return;
    }
    let counted = |field: &str| field != "metadata" && !(field == "status" && definition.status);
    let differs = |a: &Value, b: &Value| {
        a.as_object()
            .into_iter()
            .flatten()
            .any(|(field, value)| counted(field) && b.get(field) != Some(value))
    };
    if differs(new, live) || differs(live, new) {
        let generation = live["metadata"]["generation"].as_i64().unwrap_or(0);
        object::set(new, "generation", generation + 1);
    }
}
