//! The new state of an existing object.

use serde_json::Value;

use super::{Live, Part, Plan, Update, WriteRequest, create::counts_generations, metadata};
use crate::{
    apply,
    registry::{Decoder, Resource, ResourceDefinition, Style, object},
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
        self.check_identity(request, name, &live.value, &mut new, update)?;
        self.refuse(name, metadata::unchangeable(definition, &new, &live.value))?;
        metadata::restore(&mut new, &live.value);
        keep_other_parts(definition, part, &mut new, &live.value);
        definition.strategy.apply_defaults(&mut new);
        definition.reform(&mut new, Decoder::Json);
        if !update.managed {
            let api_version = definition.names.api_version();
            let reset = self.reset_fields(part);
            let manager = request.manager(&api_version);
            apply::track_update(&definition.schema, Some(&live.value), &mut new, &manager, &reset);
        }
        // What the kind's own rules set is nobody's.
        if part != Part::Status {
            definition
                .strategy
                .prepare_for_update(&request.strategy_context(), &mut new, &live.value);
        }
        definition.reform(&mut new, Decoder::Store);
        self.admit_update(request, name, part, &live.value, &mut new).await?;
        count_generation(definition, &mut new, &live.value);
        metadata::dedupe_owner_references(&mut new, &request.notes.warnings);
        self.validate_update(request, name, part, &live.value, &new).await?;
        metadata::warn_of_short_finalizers(&new, &object::finalizers(&live.value), &request.notes.warnings);
        self.judge_update(request, name, part, &live.value, &new).await?;
        Ok(self.judge(&live.value, new))
    }

    /// Name, namespace, UID and resourceVersion must be those of the stored object where they are given.
    fn check_identity(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        live: &Value,
        new: &mut Value,
        update: &Update<'_>,
    ) -> Result<(), Status> {
        let names = &self.definition().names;
        // An apply may leave it out.
        if !object::text(new, "name").is_empty() || !update.managed {
            object::require_name(new, name)?;
        }
        metadata::check_namespace(self.definition(), request.namespace, new)?;
        let (uid, live_uid) = (object::text(new, "uid"), object::text(live, "uid"));
        if !uid.is_empty() && uid != live_uid && !update.whole {
            let error = crate::FieldError::invalid("metadata.uid", uid, "field is immutable");
            let times = if self.definition().style == Style::Custom { 2 } else { 1 };
            return self.refuse(name, vec![error; times]);
        }
        if !uid.is_empty() && uid != live_uid {
            return Err(Status::other_uid(
                self.definition(),
                request.namespace,
                name,
                uid,
                live_uid,
            ));
        }
        let version = object::text(new, "resourceVersion");
        let version = if version == "0" { "" } else { version };
        if !version.is_empty() && version.parse::<u64>().is_err() {
            let why = format!("strconv.ParseUint: parsing {version:?}: invalid syntax");
            return Err(Status::internal(why));
        }
        // A patch that takes it away from a custom resource is no less than a PUT without it.
        let taken_away = !update.whole && self.definition().style == Style::Custom && !update.managed;
        if version.is_empty() && (!update.unconditional || taken_away) {
            let error = crate::FieldError::invalid("metadata.resourceVersion", 0, "must be specified for an update");
            return Err(Status::invalid(&names.plural, &names.group, name, vec![error]));
        }
        if !version.is_empty() && version != object::text(live, "resourceVersion") {
            return Err(Status::modified(names, name));
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
            Part::Main | Part::Subresource(_) if definition.status => vec!["status"],
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
        Part::Subresource(_) => {}
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
