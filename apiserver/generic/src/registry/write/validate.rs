//! Whether a changed object may be stored.

use serde_json::Value;

use super::{Part, WriteRequest, metadata, replicas::scale_errors};
use crate::{
    FieldError,
    registry::{Resource, ResourceDefinition, Style, embedded},
    status::{FieldErrorKind, Status},
};

const NOT_CHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
/// The field of an error about the object as a whole: kube-apiserver names none.
const NO_FIELD: &str = "<nil>";

/// Whether rules could trip over what is wrong.
fn hides_rules(kind: FieldErrorKind) -> bool {
    matches!(
        kind,
        FieldErrorKind::NotSupported
            | FieldErrorKind::Required
            | FieldErrorKind::TooLong
            | FieldErrorKind::TooMany
            | FieldErrorKind::TypeInvalid
    )
}

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
        let schema_errors = definition.schema.validate_update(new, live).into_iter();
        errors.extend(schema_errors.map(|error| worded_for(definition, part, error)));
        errors.extend(embedded::validate(&definition.schema, new));
        let known = scale_errors(definition, live);
        errors.extend(
            scale_errors(definition, new)
                .into_iter()
                .filter(|error| !known.contains(error)),
        );
        self.check_rules(request, new, Some(live), &mut errors);
        if errors.is_empty() {
            let findings = match part {
                Part::Status => {
                    let context = request.strategy_context();
                    definition.strategy.validate_status_update(&context, new, live).await?
                }
                _ => {
                    definition
                        .strategy
                        .validate_update(&request.strategy_context(), new, live)
                        .await?
                }
            };
            if findings.errors.is_empty() {
                request.notes.warnings.extend(findings.warnings);
            }
            errors.extend(findings.errors);
        }
        self.refuse(name, errors)
    }

    /// Adds what the rules in the schema say, unless the structure is too wrong to ask them.
    pub(super) fn check_rules(
        &self,
        request: &WriteRequest<'_>,
        new: &Value,
        live: Option<&Value>,
        errors: &mut Vec<FieldError>,
    ) {
        let schema = &self.definition().schema;
        if !schema.has_validation_rules() {
            return;
        }
        if errors.iter().any(|error| hides_rules(error.kind)) {
            errors.push(FieldError::invalid(NO_FIELD, Value::Null, NOT_CHECKED));
            return;
        }
        let findings = schema.check_validation_rules(new, live);
        request.notes.warnings.extend(findings.warnings);
        errors.extend(findings.errors);
    }
}
