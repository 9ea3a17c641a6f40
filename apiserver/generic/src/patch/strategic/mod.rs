//! Strategic merge patch: lists merge by the patch keys of the schema, and directives say what else to do.

mod directives;
mod lists;

use serde_json::{Map, Value};

use self::{
    directives::{DELETE_FROM_LIST, Directive, MARKER, RETAIN_KEYS, SET_ELEMENT_ORDER, cleaned, retain_keys},
    lists::{ListMerge, delete_scalars, merge_lists, set_element_order},
};
use super::PatchError;
use crate::schema::Schema;

/// Applies a strategic merge patch by the patch keys of `schema`.
///
/// Lists with patch strategy `merge` merge by their merge key (or as sets of scalars), others are replaced. Known
/// directives: `$patch: replace|delete`, `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`, `$retainKeys`.
/// Fields that the schema does not declare merge as in a JSON merge patch.
pub fn strategic_merge_patch(schema: &Schema, object: &Value, patch: &Value) -> Result<Value, PatchError> {
    let Value::Object(patch) = patch else {
        return Err(PatchError::Malformed(
            "a strategic merge patch must be an object".to_owned(),
        ));
    };
    let original = object.as_object().cloned().unwrap_or_default();
    Ok(Value::Object(merge_objects(Some(schema), original, patch)?))
}

/// Merges one object of a patch into the one it patches.
fn merge_objects(
    schema: Option<&Schema>,
    mut original: Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<Map<String, Value>, PatchError> {
    match Directive::of(patch)? {
        None => {}
        Some(Directive::Replace) => {
            let kept = patch.iter().filter(|(name, _)| *name != MARKER);
            return Ok(kept
                .filter_map(|(name, value)| Some((name.clone(), cleaned(value)?)))
                .collect());
        }
        Some(Directive::Delete) => return Ok(Map::new()),
    }
    retain_keys(&mut original, patch)?;
    for (key, value) in patch {
        if let Some(field) = directives::field_of(key, SET_ELEMENT_ORDER)? {
            let list = ListMerge::of(schema, field);
            set_element_order(&list, &mut original, field, patch.get(field), value)?;
        }
    }
    for (key, value) in patch {
        merge_field(schema, &mut original, patch, key, value)?;
    }
    Ok(original)
}

fn merge_field(
    schema: Option<&Schema>,
    original: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    key: &str,
    value: &Value,
) -> Result<(), PatchError> {
    if key == RETAIN_KEYS || directives::field_of(key, SET_ELEMENT_ORDER)?.is_some() {
        return Ok(());
    }
    if let Some(field) = directives::field_of(key, DELETE_FROM_LIST)? {
        return delete_scalars(original, field, value);
    }
    if patch.contains_key(&format!("{SET_ELEMENT_ORDER}/{key}")) {
        // Merged together with its order.
        return Ok(());
    }
    let merged = match (original.remove(key), value) {
        (_, Value::Null) => None,
        (Some(Value::Object(current)), Value::Object(wanted)) => {
            let below = schema.and_then(|schema| schema.field(key)).map(AsRef::as_ref);
            Some(Value::Object(merge_objects(below, current, wanted)?))
        }
        (Some(Value::Array(current)), Value::Array(wanted)) => {
            Some(Value::Array(merge_lists(&ListMerge::of(schema, key), current, wanted)?))
        }
        (_, wanted) => cleaned(wanted),
    };
    if let Some(merged) = merged {
        original.insert(key.to_owned(), merged);
    }
    Ok(())
}
