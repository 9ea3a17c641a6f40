//! Whether a changed object may be stored.

use serde_json::Value;

use super::{Part, WriteRequest, metadata, replicas::scale_errors};
use crate::{
    FieldError,
    registry::{Findings, Resource, ResourceDefinition, Style},
    status::Status,
};

/// kube-apiserver validates the status of a custom resource on its own, and its words begin there.
fn worded_for(definition: &ResourceDefinition, part: Part, mut error: FieldError) -> FieldError {
    if part == Part::Status && definition.style == Style::Custom && error.field.starts_with("status") {
        error.detail = error
            .detail
            .replace("status.", "")
            .replace("status in body", " in body");
    }
    error
}

impl Resource {
    pub(super) async fn validate_update(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        part: Part,
        live: &Value,
        new: &Value,
    ) -> Result<(), Status> {
        let definition = self.definition();
        let mut errors = metadata::validate_update(definition, new, live);
        let schema_errors = self.new_schema_errors(new, live).into_iter();
        errors.extend(schema_errors.map(|error| worded_for(definition, part, error)));
        let known = scale_errors(definition, live);
        errors.extend(
            scale_errors(definition, new)
                .into_iter()
                .filter(|error| !known.contains(error)),
        );
        if errors.is_empty() {
            let findings = match part {
                Part::Status => Findings::default(),
                _ => {
                    definition
                        .strategy
                        .validate_update(&request.strategy_context(), new, live)
                        .await?
                }
            };
            request.notes.warnings.extend(findings.warnings);
            errors.extend(findings.errors);
        }
        self.refuse(name, errors)
    }

    /// What the schema refuses, but for what it refuses in the stored object already: an object that was valid under an
    /// older schema can still lose a finalizer.
    fn new_schema_errors(&self, new: &Value, live: &Value) -> Vec<FieldError> {
        let errors = self.definition().schema.validate(new);
        if errors.is_empty() {
            return errors;
        }
        let known = self.definition().schema.validate(live);
        errors.into_iter().filter(|error| !known.contains(error)).collect()
    }
}
