//! Pruning: unknown fields are removed, and reported for field validation.

use serde_json::Value;

use super::{
    Schema,
    node::Additional,
    path::{Path, Paths},
};

impl Schema {
    /// Removes the fields that the schema does not know and returns their paths, sorted, such as `spec.bogus` or
    /// `spec.list[0].x`. Of very many, only the first are returned.
    pub fn prune(&self, object: &mut Value) -> Vec<String> {
        let mut unknown = Paths::new();
        self.prune_below(object, self.preserve_unknown, Path::Root, &mut unknown);
        let mut unknown = unknown.into_found();
        unknown.sort_unstable();
        unknown
    }

    fn prune_below(&self, value: &mut Value, preserve: bool, path: Path<'_>, unknown: &mut Paths) {
        match value {
            Value::Object(fields) => fields.retain(|name, value| {
                let path = Path::Field(&path, name);
                if let Some(schema) = self.field(name) {
                    schema.prune_below(value, schema.preserve_unknown, path, unknown);
                    return true;
                }
                if !preserve && matches!(self.additional, Additional::Anything) {
                    // Any value of the map is kept; what it holds is unknown like anything without a schema.
                    Schema::nothing().prune_below(value, false, path, unknown);
                    return true;
                }
                if !preserve {
                    unknown.add(path);
                }
                preserve
            }),
            Value::Array(items) => self.prune_items(items, preserve, path, unknown),
            _ => {}
        }
    }

    /// A list that preserves unknown fields preserves them in its items too.
    fn prune_items(&self, items: &mut [Value], preserve: bool, path: Path<'_>, unknown: &mut Paths) {
        let undeclared = Schema::nothing();
        let schema = self.items.as_deref().unwrap_or(undeclared);
        if self.items.is_none() && preserve {
            return;
        }
        for (index, item) in items.iter_mut().enumerate() {
            schema.prune_below(
                item,
                preserve || schema.preserve_unknown,
                Path::Index(&path, index),
                unknown,
            );
        }
    }
}
