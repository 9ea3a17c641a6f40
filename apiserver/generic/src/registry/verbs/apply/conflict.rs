//! The words of a conflict between field managers.

use crate::{
    apply::{ApplyError, Conflict, Operation},
    status::{Status, StatusCause, StatusDetails},
};

/// 409 that names every conflict; 500 for a configuration that does not fit the schema, as kube-apiserver.
pub(in crate::registry::verbs) fn refused(error: ApplyError) -> Status {
    let conflicts = match error {
        ApplyError::Invalid(message) => return Status::internal(message),
        ApplyError::Conflicts(conflicts) => conflicts,
    };
    let described: Vec<(String, String)> = conflicts
        .iter()
        .map(|conflict| (owner(conflict), conflict.field.clone()))
        .collect();
    let causes = described.iter().map(|(owner, field)| StatusCause {
        reason: "FieldManagerConflict".to_owned(),
        message: format!("conflict with {owner}"),
        field: field.clone(),
    });
    Status {
        message: message_of(&described),
        reason: "Conflict".to_owned(),
        details: Some(Box::new(StatusDetails {
            causes: causes.collect(),
            ..StatusDetails::default()
        })),
        code: 409,
        continue_token: None,
        warnings: Vec::new(),
    }
}

/// `"kubectl-edit" using G/V`; an apply manager by its name alone.
fn owner(conflict: &Conflict) -> String {
    let manager = &conflict.manager;
    let through = match conflict.subresource.as_str() {
        "" => String::new(),
        subresource => format!(" with subresource {subresource:?}"),
    };
    match conflict.operation {
        Operation::Apply => format!("{manager:?}{through}"),
        Operation::Update => format!("{manager:?}{through} using {}", conflict.api_version),
    }
}

/// One conflict on a line; several as a list of fields under each owner.
fn message_of(described: &[(String, String)]) -> String {
    if let [(owner, field)] = described {
        return format!("Apply failed with 1 conflict: conflict with {owner}: {field}");
    }
    let mut lines = Vec::with_capacity(described.len());
    let mut previous = None;
    for (owner, field) in described {
        if previous != Some(owner) {
            lines.push(format!("conflicts with {owner}:"));
            previous = Some(owner);
        }
        lines.push(format!("- {field}"));
    }
    format!("Apply failed with {} conflicts: {}", described.len(), lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict(manager: &str, operation: Operation, field: &str) -> Conflict {
        Conflict {
            manager: manager.into(),
            operation,
            api_version: "g/v1".into(),
            subresource: String::new(),
            time: Some("2026-01-01T00:00:00Z".into()),
            field: field.into(),
        }
    }

    #[test]
    fn several_conflicts_are_listed_under_their_owners() {
        let conflicts = vec![
            conflict("a", Operation::Update, ".spec.color"),
            conflict("a", Operation::Update, ".spec.replicas"),
            conflict("b", Operation::Apply, ".spec.size"),
        ];
        let status = refused(ApplyError::Conflicts(conflicts));
        assert_eq!(
            status.message,
            "Apply failed with 3 conflicts: conflicts with \"a\" using g/v1:\n- .spec.color\n- \
             .spec.replicas\nconflicts with \"b\":\n- .spec.size"
        );
        let causes = status.details.unwrap().causes;
        assert_eq!(causes[2].message, "conflict with \"b\"");
        assert_eq!(causes[1].field, ".spec.replicas");
    }

    #[test]
    fn a_subresource_is_named() {
        let mut one = conflict("a", Operation::Update, ".status.replicas");
        one.subresource = "status".into();
        assert_eq!(
            refused(ApplyError::Conflicts(vec![one])).message,
            "Apply failed with 1 conflict: conflict with \"a\" with subresource \"status\" using g/v1: \
             .status.replicas"
        );
    }
}
