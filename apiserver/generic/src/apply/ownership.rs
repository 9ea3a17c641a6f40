//! Which fields can be owned, and by whom before a write.

use std::sync::LazyLock;

use serde_json::Value;

use super::{path::PathElement, set::FieldSet, typed::Type};

/// Fields that the server owns or that identify the object: nobody manages them.
pub(super) static UNMANAGED: LazyLock<FieldSet> = LazyLock::new(|| {
    dotted(&[
        "apiVersion",
        "kind",
        "metadata",
        "metadata.name",
        "metadata.namespace",
        "metadata.creationTimestamp",
        "metadata.selfLink",
        "metadata.uid",
        "metadata.clusterName",
        "metadata.generation",
        "metadata.managedFields",
        "metadata.resourceVersion",
    ])
});

/// A set of dotted paths.
pub(super) fn dotted(paths: &[&str]) -> FieldSet {
    let mut set = FieldSet::default();
    for path in paths {
        let elements: Vec<PathElement> = path.split('.').map(PathElement::field).collect();
        set.insert(&elements);
    }
    set
}

/// The set with every declared field that has members below it as a member too: who owns all parts owns the field.
pub(super) fn with_declared_fields(r#type: Type<'_>, fields: &FieldSet) -> FieldSet {
    let mut ensured = fields.clone();
    declare(r#type, &mut ensured);
    ensured
}

fn declare(r#type: Type<'_>, fields: &mut FieldSet) {
    for node in &mut fields.nodes {
        if node.below.is_empty() {
            continue;
        }
        if let PathElement::Field(name) = &node.element {
            node.member |= r#type.field(name).declared;
        }
        declare(r#type.at(&node.element), &mut node.below);
    }
}

/// Whether `metadata.managedFields` asks to forget all managers: `[{}]`. An empty list is as if it was not there.
pub(super) fn is_reset(object: &Value) -> bool {
    let blank = |entry: &Value| {
        entry
            .as_object()
            .is_some_and(|fields| fields.values().all(|value| value.is_null() || value == ""))
    };
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    match entries.map(Vec::as_slice) {
        Some([]) => true,
        Some([entry]) => blank(entry),
        _ => false,
    }
}
