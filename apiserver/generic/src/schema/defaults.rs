//! Defaulting, as kube-apiserver does it for custom resources.

use serde_json::{Map, Value};

use super::{
    Kind, Schema,
    node::{Additional, Property},
};

impl Schema {
    /// Sets the defaults of absent fields, nested ones too, and removes `null` where it is neither a value nor defaulted.
    ///
    /// The object's own default is not applied: it is there.
    pub fn apply_defaults(&self, object: &mut Value) {
        match object {
            Value::Object(fields) => self.default_fields(fields),
            Value::Array(items) => self.default_items(items),
            _ => {}
        }
    }

    fn default_fields(&self, fields: &mut Map<String, Value>) {
        if fields.values().any(Value::is_null) {
            self.settle_nulls(fields);
        }
        if self.has_defaults {
            self.add_missing(fields);
        }
        for (name, value) in fields.iter_mut() {
            if !value.is_object() && !value.is_array() {
                continue;
            }
            if let Some(schema) = self.field(name) {
                schema.apply_defaults(value);
            }
        }
    }

    /// Replaces each `null` that is no value by its default, or removes it.
    fn settle_nulls(&self, fields: &mut Map<String, Value>) {
        fields.retain(|name, value| {
            if !value.is_null() {
                return true;
            }
            let Some(schema) = self.field(name) else { return true };
            if schema.nullable && !self.null_is_absent {
                return true;
            }
            match schema.default() {
                Some(default) => default.clone_into(value),
                None if self.is_text_map() => *value = Value::String(String::new()),
                None => return false,
            }
            true
        });
    }

    /// In a map of strings that Go decodes, such as labels, `null` is the empty string.
    fn is_text_map(&self) -> bool {
        self.null_is_absent && matches!(&self.additional, Additional::Schema(schema) if schema.kind == Kind::String)
    }

    fn add_missing(&self, fields: &mut Map<String, Value>) {
        for Property { name, schema } in &self.properties {
            let Some(default) = schema.default() else { continue };
            if !fields.contains_key(name.as_ref()) {
                fields.insert(name.as_ref().to_owned(), default.clone());
            }
        }
    }

    fn default_items(&self, items: &mut [Value]) {
        let Some(schema) = self.items() else { return };
        for item in items {
            if item.is_null()
                && !schema.nullable
                && let Some(default) = schema.default()
            {
                default.clone_into(item);
            }
            schema.apply_defaults(item);
        }
    }
}
