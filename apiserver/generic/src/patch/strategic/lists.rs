//! Lists in a strategic merge patch: merging by key, deleting, and the order of the result.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    directives::{Directive, MARKER, bad_scalars, bad_type, cleaned},
    merge_objects,
};
use crate::{
    apply::OrderedValue,
    patch::{PatchError, printed},
    schema::{PatchMerge, Schema},
};

/// How a list merges.
pub(super) struct ListMerge<'s> {
    /// Items merge; else the patch replaces the list.
    merge: bool,
    /// The key that tells objects apart.
    key: Option<&'s str>,
    items: Option<&'s Schema>,
}

impl<'s> ListMerge<'s> {
    /// What the schema of an object says about one of its lists.
    pub(super) fn of(schema: Option<&'s Schema>, field: &str) -> ListMerge<'s> {
        let list = schema.and_then(|schema| schema.field(field));
        let declared = list.and_then(|list| list.patch_merge());
        ListMerge {
            merge: declared.is_some_and(|declared| declared.merge),
            key: declared.and_then(|PatchMerge { merge_key, .. }| merge_key),
            items: list.and_then(|list| list.items()).map(AsRef::as_ref),
        }
    }

    /// What tells an item apart: the value of its merge key, or the scalar itself.
    fn identity<'v>(&self, item: &'v Value) -> Result<OrderedValue<'v>, PatchError> {
        match (item, self.key) {
            (Value::Object(fields), Some(key)) => fields.get(key).map(OrderedValue).ok_or_else(|| {
                let item = printed(item);
                PatchError::Malformed(format!("map: {item} does not contain declared merge key: {key}"))
            }),
            (Value::Object(_), None) => Err(PatchError::Malformed(
                "cannot merge lists of objects without merge key".to_owned(),
            )),
            (Value::Array(_), _) => Err(PatchError::NotApplicable("lists of lists are not supported".to_owned())),
            (other, Some(_)) => Err(bad_type("map[string]interface {}", other)),
            (scalar, None) => Ok(OrderedValue(scalar)),
        }
    }

    /// The position of each item, by what tells it apart; of equal ones the first.
    fn positions<'v>(&self, items: &'v [Value]) -> Result<Positions<'v>, PatchError> {
        let mut positions = BTreeMap::new();
        for (at, item) in items.iter().enumerate() {
            positions.entry(self.identity(item)?).or_insert(at);
        }
        Ok(positions)
    }
}

type Positions<'v> = BTreeMap<OrderedValue<'v>, usize>;

/// Merges a list of a patch into the one it patches.
pub(super) fn merge_lists(
    list: &ListMerge<'_>,
    original: Vec<Value>,
    patch: &[Value],
) -> Result<Vec<Value>, PatchError> {
    if !list.merge {
        return Ok(patch.iter().filter_map(cleaned).collect());
    }
    let Special { deleted, replace, rest } = special_items(list, patch)?;
    if replace {
        return Ok(rest.into_iter().filter_map(cleaned).collect());
    }
    let mut original = original;
    if !deleted.is_empty() {
        original.retain(|item| list.identity(item).is_ok_and(|identity| !deleted.contains(&identity)));
    }
    let order: Vec<Value> = rest.iter().map(|item| (*item).clone()).collect();
    let merged = merge_items(list, &original, &rest)?;
    arrange(list, merged, &order, &original)
}

/// The items of a patch, by what they ask for.
struct Special<'v> {
    deleted: BTreeSet<OrderedValue<'v>>,
    replace: bool,
    rest: Vec<&'v Value>,
}

fn special_items<'v>(list: &ListMerge<'_>, patch: &'v [Value]) -> Result<Special<'v>, PatchError> {
    let mut special = Special {
        deleted: BTreeSet::new(),
        replace: false,
        rest: Vec::with_capacity(patch.len()),
    };
    for item in patch {
        match item.as_object().map(Directive::of).transpose()?.flatten() {
            None => special.rest.push(item),
            Some(Directive::Replace) => special.replace = true,
            Some(Directive::Delete) => {
                special.deleted.insert(list.identity(item)?);
            }
        }
    }
    Ok(special)
}

/// The original items with those of the patch merged in or appended, each once.
fn merge_items(list: &ListMerge<'_>, original: &[Value], patch: &[&Value]) -> Result<Vec<Value>, PatchError> {
    let mut merged: Vec<Value> = Vec::with_capacity(original.len() + patch.len());
    let mut known = BTreeMap::new();
    for item in original {
        let identity = list.identity(item)?;
        // Original objects with the same key stay apart; equal scalars become one.
        if !known.contains_key(&identity) || item.is_object() {
            known.entry(identity).or_insert(merged.len());
            merged.push(item.clone());
        }
    }
    for item in patch {
        let identity = list.identity(item)?;
        match (known.get(&identity), item) {
            (Some(at), Value::Object(wanted)) => {
                if let Some(Value::Object(current)) = merged.get_mut(*at) {
                    let current = std::mem::take(current);
                    merged[*at] = Value::Object(merge_objects(list.items, current, wanted)?);
                }
            }
            (Some(_), _) => {}
            (None, _) => {
                known.insert(identity, merged.len());
                merged.push(cleaned(item).unwrap_or(Value::Null));
            }
        }
    }
    Ok(merged)
}

/// Applies `$setElementOrder` together with the patch of the list, where there is one.
pub(super) fn set_element_order(
    list: &ListMerge<'_>,
    original: &mut Map<String, Value>,
    field: &str,
    patch: Option<&Value>,
    order: &Value,
) -> Result<(), PatchError> {
    let list_of = |value: &'_ Value| {
        value
            .as_array()
            .cloned()
            .ok_or_else(|| bad_type("[]interface {}", value))
    };
    let order = &list_of(order)?;
    let patch = patch.map(list_of).transpose()?;
    let patch = patch.as_ref();
    check_order(list, patch.map_or(&[], Vec::as_slice), order)?;
    let live = match original.get(field) {
        None => None,
        Some(Value::Array(items)) => Some(items.clone()),
        Some(other) => return Err(bad_type("[]interface {}", other)),
    };
    let merged = match (live.clone(), patch) {
        (None, None) => return Ok(()),
        (Some(live), None) => live,
        (None, Some(patch)) => patch.iter().filter_map(cleaned).collect(),
        (Some(live), Some(patch)) => merge_lists(list, live, patch)?,
    };
    let arranged = arrange(list, merged, order, &live.unwrap_or_default())?;
    original.insert(field.to_owned(), Value::Array(arranged));
    Ok(())
}

/// The items of the patch must come in the given order, all of them.
fn check_order(list: &ListMerge<'_>, patch: &[Value], order: &[Value]) -> Result<(), PatchError> {
    if patch.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    for item in patch.iter().filter(|item| item.get(MARKER).is_none()) {
        let wanted = list.identity(item)?;
        loop {
            let Some(next) = rest.next() else {
                return Err(PatchError::Malformed(format!(
                    "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                    printed(&Value::Array(patch.to_vec())),
                    printed(&Value::Array(order.to_vec()))
                )));
            };
            if list.identity(next)? == wanted {
                break;
            }
        }
    }
    Ok(())
}

/// Puts items that `order` names in that order, and all others in the order of the original list; where both meet, as they
/// were in the original list.
fn arrange(
    list: &ListMerge<'_>,
    items: Vec<Value>,
    order: &[Value],
    original: &[Value],
) -> Result<Vec<Value>, PatchError> {
    let (order, original) = (list.positions(order)?, list.positions(original)?);
    let (mut named, mut others) = (Vec::new(), Vec::new());
    for item in items {
        let identity = list.identity(&item)?;
        let place = Place {
            ordered: order.get(&identity).copied(),
            original: original.get(&identity).copied(),
        };
        if place.ordered.is_some() {
            named.push((place, item));
        } else {
            others.push((place, item));
        }
    }
    named.sort_by_key(|(place, _)| place.ordered);
    others.sort_by_key(|(place, _)| place.original.unwrap_or(usize::MAX));

    let mut arranged = Vec::with_capacity(named.len() + others.len());
    let mut named = named.into_iter().peekable();
    for (place, item) in others {
        let comes_first = |next: &Place| match (place.original, next.original) {
            (Some(other), Some(named)) => other >= named,
            _ => true,
        };
        while let Some((_, first)) = named.next_if(|(next, _)| comes_first(next)) {
            arranged.push(first);
        }
        arranged.push(item);
    }
    arranged.extend(named.map(|(_, item)| item));
    Ok(arranged)
}

/// Where an item is in two lists.
#[derive(Clone, Copy)]
struct Place {
    ordered: Option<usize>,
    original: Option<usize>,
}

/// Applies `$deleteFromPrimitiveList`; without such a list there is nothing to delete.
pub(super) fn delete_scalars(
    original: &mut Map<String, Value>,
    field: &str,
    deleted: &Value,
) -> Result<(), PatchError> {
    let deleted: BTreeSet<OrderedValue<'_>> = match deleted {
        Value::Array(deleted) => deleted.iter().map(OrderedValue).collect(),
        _ => return Err(bad_scalars()),
    };
    if let Some(Value::Array(items)) = original.get_mut(field) {
        items.retain(|item| !deleted.contains(&OrderedValue(item)));
    }
    Ok(())
}
