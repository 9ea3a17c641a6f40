//! Merging a configuration into a live value.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    path::PathElement,
    typed::{Form, Items, NoIdentity, Type},
    value::same,
};

/// The live value with the configuration merged into it; `None` where that changes nothing, so that nothing is copied.
pub(super) fn merge(r#type: Type<'_>, live: &Value, config: &Value) -> Result<Option<Value>, NoIdentity> {
    match (r#type.form(live), r#type.form(config)) {
        (Form::Map(live), Form::Map(config)) => maps(r#type, live, config),
        (Form::List(live), Form::List(config)) => lists(r#type, live, config),
        // A null in place of an object or list sets nothing.
        (Form::Map(fields), Form::Null) if !fields.is_empty() => Ok(None),
        (Form::List(items), Form::Null) if !items.is_empty() => Ok(None),
        _ => Ok((!same(live, config)).then(|| config.clone())),
    }
}

fn maps(r#type: Type<'_>, live: &Map<String, Value>, config: &Map<String, Value>) -> Result<Option<Value>, NoIdentity> {
    let mut changed = Vec::new();
    for (name, wanted) in config {
        let merged = match live.get(name) {
            Some(current) => merge(r#type.field(name).r#type, current, wanted)?,
            None => Some(wanted.clone()),
        };
        changed.extend(merged.map(|value| (name, value)));
    }
    if changed.is_empty() {
        return Ok(None);
    }
    let mut merged = live.clone();
    for (name, value) in changed {
        merged.insert(name.clone(), value);
    }
    Ok(Some(Value::Object(merged)))
}

fn lists(list: Type<'_>, live: &[Value], config: &[Value]) -> Result<Option<Value>, NoIdentity> {
    let live = Items::of(list, live)?;
    let config = Items::of(list, config)?;
    let mut merged = Vec::with_capacity(live.values.len().max(config.values.len()));
    for source in order(&live, &config) {
        merged.push(match source {
            Source::Live(at) => Item::Live(&live.values[at]),
            Source::Config(element) => configured_item(list.item(), &live, &config, element)?,
        });
    }
    let unchanged = |(item, value): (&Item<'_>, &Value)| matches!(item, Item::Live(kept) if std::ptr::eq(*kept, value));
    if merged.len() == live.values.len() && merged.iter().zip(live.values).all(unchanged) {
        return Ok(None);
    }
    let items = merged.into_iter().map(|item| match item {
        Item::Live(value) => value.clone(),
        Item::New(value) => value,
    });
    Ok(Some(Value::Array(items.collect())))
}

/// An item of the merged list.
enum Item<'v> {
    /// As it is.
    Live(&'v Value),
    /// New or changed.
    New(Value),
}

/// An item of the configuration, merged into the live one. Live duplicates are replaced by the one that is configured.
fn configured_item<'v>(
    r#type: Type<'_>,
    live: &Items<'v>,
    config: &Items<'_>,
    element: &PathElement,
) -> Result<Item<'v>, NoIdentity> {
    let wanted = config.all(element).next().unwrap_or(&Value::Null);
    let Some(current) = live.only(element) else {
        return Ok(Item::New(wanted.clone()));
    };
    Ok(merge(r#type, current, wanted)?.map_or(Item::Live(current), Item::New))
}

/// Where an item of the merged list comes from.
enum Source<'a> {
    /// The live list alone, at this index.
    Live(usize),
    /// The configuration, and the live list where it has the item too.
    Config(&'a PathElement),
}

/// The order of the merged list: items of the configuration keep their order, and items that only the live list has stay
/// where they are relative to the shared items around them.
fn order<'a>(live: &Items<'_>, config: &'a Items<'_>) -> Vec<Source<'a>> {
    let mut shared = config.elements.iter().filter(|element| live.has(element)).peekable();
    let mut done: BTreeSet<&PathElement> = BTreeSet::new();
    let mut sources = Vec::with_capacity(live.values.len().max(config.values.len()));
    let (mut l, mut c) = (0, 0);
    loop {
        let (current, wanted) = (live.elements.get(l), config.elements.get(c));
        match (current, wanted) {
            (None, None) => return sources,
            (Some(current), Some(wanted)) if current == wanted => l += 1,
            // Shared, but another shared item comes first: it is placed when its turn comes.
            (Some(current), Some(_)) if config.has(current) && shared.peek().is_some_and(|next| *next != current) => {
                l += 1;
                continue;
            }
            (Some(current), _) if !config.has(current) => {
                sources.push(Source::Live(l));
                l += 1;
                continue;
            }
            (Some(current), _) if done.contains(current) => {
                l += 1;
                continue;
            }
            _ => {}
        }
        let Some(wanted) = wanted else {
            l += 1;
            continue;
        };
        sources.push(Source::Config(wanted));
        done.insert(wanted);
        c += 1;
        shared.next_if(|next| *next == wanted);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apply::tests::schema;

    fn merged(live: Value, config: Value) -> Value {
        let schema = schema();
        merge(Type::root(&schema), &live, &config).unwrap().unwrap_or(live)
    }

    /// Sets of numbers, merged through the schema's `spec.ids`.
    fn merged_ids(live: &[i64], config: &[i64]) -> Vec<i64> {
        let merged = merged(json!({"spec": {"ids": live}}), json!({"spec": {"ids": config}}));
        serde_json::from_value(merged["spec"]["ids"].clone()).unwrap()
    }

    #[test]
    fn lists_keep_the_order_of_the_configuration() {
        for (live, config, expected) in [
            (&[][..], &[1, 2][..], &[1, 2][..]),
            (&[1, 2], &[], &[1, 2]),
            (&[1, 2], &[2, 1], &[2, 1]),
            (&[1, 2, 3], &[2], &[1, 2, 3]),
            (&[1, 2, 3], &[3, 1], &[2, 3, 1]),
            (&[1, 2], &[3], &[1, 2, 3]),
            (&[1, 2], &[3, 1], &[3, 1, 2]),
            (&[1, 2, 3, 4], &[4, 5, 1], &[2, 3, 4, 5, 1]),
            (&[1, 2, 3], &[1, 9, 3], &[1, 2, 9, 3]),
        ] {
            assert_eq!(merged_ids(live, config), expected, "{config:?} into {live:?}");
        }
    }

    #[test]
    fn nothing_is_copied_when_nothing_changes() {
        let schema = schema();
        let live = json!({"spec": {"ids": [1, 2], "ports": [{"port": 1, "name": "a"}], "free": {"x": [1]}}});
        for config in [
            json!({"spec": {"ids": [1, 2]}}),
            json!({"spec": {"ids": [2]}}),
            json!({"spec": {"ids": []}}),
            json!({"spec": {"ids": null}}),
            json!({"spec": {"ports": [{"port": 1.0, "protocol": "TCP"}]}}),
            json!({"spec": {"free": {"x": [1]}}}),
        ] {
            let merged = merge(Type::root(&schema), &live, &config).unwrap();
            let expected = config.pointer("/spec/ports/0/protocol").is_none();
            assert_eq!(merged.is_none(), expected, "{config}");
        }
    }

    #[test]
    fn items_merge_by_key() {
        let live = json!({"spec": {"ports": [{"port": 1, "name": "a"}, {"port": 2, "protocol": "UDP", "name": "b"}]}});
        let config = json!({"spec": {"ports": [{"port": 2, "protocol": "UDP", "name": "c"}]}});
        assert_eq!(
            merged(live, config)["spec"]["ports"],
            json!([{"port": 1, "name": "a"}, {"port": 2, "protocol": "UDP", "name": "c"}])
        );
    }

    #[test]
    fn what_does_not_merge_is_replaced() {
        for (live, config, expected) in [
            (json!({"list": [1, 2]}), json!({"list": [3]}), json!({"list": [3]})),
            (
                json!({"whole": {"a": 1}}),
                json!({"whole": {"b": 1}}),
                json!({"whole": {"b": 1}}),
            ),
            (
                json!({"labels": {"a": "1"}}),
                json!({"labels": {"b": "1"}}),
                json!({"labels": {"a": "1", "b": "1"}}),
            ),
            (
                json!({"labels": {"a": "1"}}),
                json!({"labels": null}),
                json!({"labels": {"a": "1"}}),
            ),
            (json!({"any": {"a": 1}}), json!({"any": 5}), json!({"any": 5})),
            (json!({"n": 5}), json!({"n": null}), json!({"n": null})),
        ] {
            let result = merged(json!({"spec": live}), json!({"spec": config}));
            assert_eq!(result, json!({"spec": expected}));
        }
    }
}
