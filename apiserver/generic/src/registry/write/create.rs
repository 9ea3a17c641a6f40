//! A new object, from its decoded form to the store.

use jiff::Timestamp;
use rand::seq::IndexedRandom as _;
use serde_json::Value;

use super::{Part, Shown, State, WriteRequest, Written, metadata, replicas::scale_errors};
use crate::{
    admission::{AdmissionRequest, Operation, Options},
    apply,
    registry::{Decoder, Resource, Style, embedded, object},
    status::{FieldError, Status},
};

/// How often a generated name that is taken is replaced by another.
const NAME_ATTEMPTS: usize = 8;
/// Longest part of a generated name before its random end.
const GENERATED_BASE: usize = 58;
const SUFFIX: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH: usize = 5;

impl Resource {
    /// Stores a new object. `object` is decoded and defaulted.
    pub(in crate::registry) async fn insert(
        &self,
        request: &WriteRequest<'_>,
        object: Value,
    ) -> Result<Written, Status> {
        self.insert_managed(request, object, false).await
    }

    /// As [`Resource::insert`]; `managed` when server-side apply has already set `metadata.managedFields`.
    pub(in crate::registry) async fn insert_managed(
        &self,
        request: &WriteRequest<'_>,
        mut object: Value,
        managed: bool,
    ) -> Result<Written, Status> {
        if !matches!(object::text(&object, "resourceVersion"), "" | "0") {
            return Err(Status::internal(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        metadata::check_namespace(self.definition(), request.namespace, &mut object)?;
        let base = object::text(&object, "generateName").to_owned();
        if object::text(&object, "name").is_empty() && !base.is_empty() {
            return self.insert_generated(request, &base, &object, managed).await;
        }
        let name = object::text(&object, "name").to_owned();
        match self.insert_once(request, &name, object, managed).await? {
            Some(written) => Ok(written),
            None => Err(self.taken(request, &name, !base.is_empty()).await),
        }
    }

    async fn insert_generated(
        &self,
        request: &WriteRequest<'_>,
        base: &str,
        object: &Value,
        managed: bool,
    ) -> Result<Written, Status> {
        let mut name = String::new();
        for _ in 0..NAME_ATTEMPTS {
            name = generate_name(base);
            let mut candidate = object.clone();
            object::set(&mut candidate, "name", name.as_str());
            if let Some(written) = self.insert_once(request, &name, candidate, managed).await? {
                return Ok(written);
            }
        }
        Err(Status::generate_name_exhausted(&self.definition().names, &name))
    }

    /// One try with one name; none when it is taken.
    async fn insert_once(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        mut object: Value,
        managed: bool,
    ) -> Result<Option<Written>, Status> {
        self.prepare_new(request, &mut object, managed);
        let admission = self.admission_request(request, name, Operation::Create, None);
        self.admission.admit(&admission, Some(&mut object)).await?;
        metadata::dedupe_owner_references(&mut object, &request.notes.warnings);
        self.validate_new(request, name, &object).await?;
        metadata::warn_of_short_finalizers(&object, &[], &request.notes.warnings);
        self.admission.validate(&admission, Some(&object)).await?;
        let written = if request.options.dry_run {
            self.pretend_insert(request, name, object).await?
        } else {
            self.commit_new(request.namespace, name, object).await?
        };
        request.notes.settle();
        Ok(written)
    }

    /// Sets what the server owns, takes away what the client may not set, and records who owns the rest.
    fn prepare_new(&self, request: &WriteRequest<'_>, object: &mut Value, managed: bool) {
        let definition = self.definition();
        metadata::wipe(object);
        object::set(object, "uid", uuid::Uuid::new_v4().to_string());
        object::set(object, "creationTimestamp", object::timestamp(Timestamp::now()));
        if counts_generations(definition.style) {
            object::set(object, "generation", 1);
        }
        if definition.status
            && !definition.strategy.keeps_status_on_create()
            && let Some(fields) = object.as_object_mut()
        {
            fields.remove("status");
        }
        definition.strategy.apply_defaults(object);
        definition.reform(object, Decoder::Json);
        // What the kind's own rules set is nobody's.
        if !managed {
            let api_version = definition.names.api_version();
            let reset = self.reset_fields(Part::Main);
            let (blank, manager) = (definition.blank(), request.manager(&api_version));
            apply::track_create(&definition.schema, blank.as_ref(), object, &manager, &reset);
        }
        definition
            .strategy
            .prepare_for_create(&request.strategy_context(), object);
        definition.reform(object, Decoder::Store);
    }

    async fn validate_new(&self, request: &WriteRequest<'_>, name: &str, object: &Value) -> Result<(), Status> {
        let definition = self.definition();
        let mut errors = metadata::validate(definition, object);
        errors.extend(definition.schema.validate(object));
        errors.extend(embedded::validate(&definition.schema, object));
        errors.extend(scale_errors(definition, object));
        self.check_rules(request, object, None, &mut errors);
        if errors.is_empty() {
            let findings = definition
                .strategy
                .validate_create(&request.strategy_context(), object)
                .await?;
            if findings.errors.is_empty() {
                request.notes.warnings.extend(findings.warnings);
            }
            errors.extend(findings.errors);
        }
        self.refuse(name, errors)
    }

    /// A dry run finds out whether the name is taken, and stores nothing.
    async fn pretend_insert(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        object: Value,
    ) -> Result<Option<Written>, Status> {
        match self.stored(request.namespace, name).await {
            Ok(_) => Ok(None),
            Err(status) if status.code == 404 => Ok(Some(Written {
                state: State::Created,
                object: Shown::Value(self.definition().as_if_stored(object)),
            })),
            Err(status) => Err(status),
        }
    }

    /// The status for a name that is taken; of an object with `generateName`, whether it made the name or not.
    async fn taken(&self, request: &WriteRequest<'_>, name: &str, generated: bool) -> Status {
        let names = &self.definition().names;
        match self.stored(request.namespace, name).await {
            Ok(live) if object::is_terminating(&live.value) => Status::being_deleted(names, name),
            _ if generated => Status::generate_name_exhausted(names, name),
            _ => Status::already_exists(names, name),
        }
    }

    pub(in crate::registry) fn admission_request<'r>(
        &'r self,
        request: &'r WriteRequest<'_>,
        name: &'r str,
        operation: Operation,
        old: Option<&'r Value>,
    ) -> AdmissionRequest<'r> {
        AdmissionRequest {
            user: request.user,
            resource: self.definition(),
            subresource: request.subresource,
            kind: (&self.definition().names).into(),
            namespace: request.namespace,
            name,
            operation,
            options: Options::Write(&request.options),
            old,
            dry_run: request.options.dry_run,
            notes: &request.notes,
        }
    }

    /// 422 when there are errors.
    pub(super) fn refuse(&self, name: &str, errors: Vec<FieldError>) -> Result<(), Status> {
        if errors.is_empty() {
            return Ok(());
        }
        let names = &self.definition().names;
        Err(Status::invalid(&names.kind, &names.group, name, errors))
    }
}

/// Whether writes of a kind count in `metadata.generation`.
pub(super) fn counts_generations(style: Style) -> bool {
    match style {
        Style::Custom => true,
        Style::BuiltIn { generation, .. } => generation,
    }
}

fn generate_name(base: &str) -> String {
    let mut end = base.len().min(GENERATED_BASE);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    let mut random = rand::rng();
    let suffix = (0..SUFFIX_LENGTH)
        .filter_map(|_| SUFFIX.choose(&mut random))
        .map(|byte| char::from(*byte));
    base[..end].chars().chain(suffix).collect()
}
