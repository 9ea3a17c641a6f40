//! Server-side apply that writes only when there is something to write.
//!
//! Every object that a layer writes is applied whole by one field manager, again and again. Most of the time nothing has
//! changed; then the object that a watch has shown already answers, and no request is made.

use std::fmt::Debug;

use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// What [`apply`] did.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied<K> {
    /// The live object says it already: no request was made.
    Unchanged,
    /// The object was written, and is this.
    Written(Box<K>),
}

/// Applies `desired` as `manager`, taking over fields that others changed; skipped when `live` says it already.
///
/// `live` is what a watch or a get has shown last; an older one costs a request, never a wrong result. It must carry the
/// manager's own entry of `metadata.managedFields`; other entries may have been dropped. `None` always writes.
pub async fn apply<K>(api: &Api<K>, desired: &K, live: Option<&K>, manager: &str) -> Result<Applied<K>, kube::Error>
where
    K: Resource + Serialize + DeserializeOwned + Clone + Debug,
{
    let desired_value = serde_json::to_value(desired).map_err(kube::Error::SerdeError)?;
    if let Some(live) = live {
        let live = serde_json::to_value(live).map_err(kube::Error::SerdeError)?;
        if is_applied(&desired_value, &live, manager) {
            return Ok(Applied::Unchanged);
        }
    }
    let parameters = PatchParams::apply(manager).force();
    let written = api
        .patch(&desired.name_any(), &parameters, &Patch::Apply(&desired_value))
        .await?;
    Ok(Applied::Written(Box::new(written)))
}

/// Whether applying `desired` as `manager` would change nothing: everything in it is in `live`, and the manager owns exactly
/// that. An object at an atomic place counts as changed when it has gained a field.
pub fn is_applied(desired: &Value, live: &Value, manager: &str) -> bool {
    let (Some(desired), Some(live), Some(owned)) = (desired.as_object(), live.as_object(), owned_by(live, manager))
    else {
        return false;
    };
    let root = owned.as_object();
    let accounted = |key: &str| root.is_some_and(|owned| owned.contains_key(&format!("f:{key}")));
    let wanted = desired.keys().filter(|key| !is_identity(key));
    let all_wanted_are_owned = wanted.clone().all(|key| key == "metadata" || accounted(key));
    let all_owned_are_wanted = owned_names(owned).all(|name| desired.contains_key(name));
    all_wanted_are_owned
        && all_owned_are_wanted
        && wanted.clone().all(|key| {
            let Some(live) = live.get(key) else { return false };
            let owned = owned.get(format!("f:{key}")).unwrap_or(&Value::Null);
            match key.as_str() {
                "metadata" => metadata_is_applied(&desired[key], live, owned),
                _ => matches(&desired[key], live, owned),
            }
        })
}

/// `fieldsV1` of what a manager has applied to the main resource.
fn owned_by<'a>(live: &'a Value, manager: &str) -> Option<&'a Value> {
    let entries = live.get("metadata")?.get("managedFields")?.as_array()?;
    let ours = entries.iter().find(|entry| {
        entry["manager"] == manager
            && entry["operation"] == "Apply"
            && entry["subresource"].as_str().unwrap_or_default().is_empty()
    })?;
    ours.get("fieldsV1")
}

/// Fields that say which object it is, and are owned by nobody.
fn is_identity(key: &str) -> bool {
    matches!(key, "apiVersion" | "kind")
}

fn metadata_is_applied(desired: &Value, live: &Value, owned: &Value) -> bool {
    let Some(fields) = desired.as_object() else {
        return false;
    };
    let own: Map<_, _> = (fields.iter())
        .filter(|(key, _)| !matches!(key.as_str(), "name" | "namespace"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if own.is_empty() {
        return owned_names(owned).next().is_none();
    }
    granular(&own, live, owned)
}

/// Whether `desired` is in `live` and is what `owned` (a node of fieldsV1) says.
fn matches(desired: &Value, live: &Value, owned: &Value) -> bool {
    if is_leaf(owned) {
        return atomic(desired, live);
    }
    match desired {
        Value::Object(fields) => granular(fields, live, owned),
        Value::Array(items) => members(items, live, owned),
        _ => false,
    }
}

/// Whether a node of fieldsV1 owns its value as a whole.
fn is_leaf(owned: &Value) -> bool {
    owned.as_object().is_none_or(|owned| owned.keys().all(|key| key == "."))
}

fn atomic(desired: &Value, live: &Value) -> bool {
    match (desired, live) {
        // An empty object owns only its presence; others may have filled it.
        (Value::Object(desired), Value::Object(_)) if desired.is_empty() => true,
        (Value::Array(desired), Value::Array(live)) => {
            desired.len() == live.len() && desired.iter().zip(live).all(|(desired, live)| is_within(desired, live))
        }
        _ => desired == live,
    }
}

/// Whether `live` has all that `desired` has; the server may have added defaults.
fn is_within(desired: &Value, live: &Value) -> bool {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => desired
            .iter()
            .all(|(key, value)| live.get(key).is_some_and(|live| is_within(value, live))),
        (Value::Array(desired), Value::Array(live)) => {
            desired.len() == live.len() && desired.iter().zip(live).all(|(desired, live)| is_within(desired, live))
        }
        _ => desired == live,
    }
}

fn granular(desired: &Map<String, Value>, live: &Value, owned: &Value) -> bool {
    owned_names(owned).all(|name| desired.contains_key(name))
        && desired.iter().all(|(key, value)| {
            let (Some(owned), Some(live)) = (owned.get(format!("f:{key}")), live.get(key)) else {
                return false;
            };
            matches(value, live, owned)
        })
}

fn owned_names(owned: &Value) -> impl Iterator<Item = &str> {
    owned
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .filter_map(|key| key.strip_prefix("f:"))
}

/// A list whose elements have owners of their own: a map by keys (`k:{...}`) or a set (`v:...`).
fn members(desired: &[Value], live: &Value, owned: &Value) -> bool {
    let (Some(live), Some(owned)) = (live.as_array(), owned.as_object()) else {
        return false;
    };
    let owned: Vec<_> = owned
        .iter()
        .filter_map(|(key, fields)| Some((Member::parse(key)?, fields)))
        .collect();
    owned.len() == desired.len()
        && desired.iter().all(|item| {
            let Some((member, fields)) = owned.iter().find(|(member, _)| member.is(item)) else {
                return false;
            };
            live.iter()
                .find(|live| member.is(live))
                .is_some_and(|live| matches(item, live, fields))
        })
}

/// How fieldsV1 names an element of a list.
enum Member {
    Keyed(Map<String, Value>),
    Value(Value),
}

impl Member {
    fn parse(key: &str) -> Option<Self> {
        match key.split_at_checked(2)? {
            ("k:", keys) => serde_json::from_str(keys).ok().map(Self::Keyed),
            ("v:", value) => serde_json::from_str(value).ok().map(Self::Value),
            _ => None,
        }
    }

    fn is(&self, item: &Value) -> bool {
        match self {
            Self::Keyed(keys) => keys.iter().all(|(key, value)| item.get(key) == Some(value)),
            Self::Value(value) => item == value,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const US: &str = "guestcluster-controller";

    fn desired() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Thing",
            "metadata": {"name": "a", "namespace": "n", "labels": {"l": "1"}},
            "spec": {
                "replicas": 3, "empty": {}, "cidrs": ["10.0.0.0/8"], "ports": [{"port": 1}],
                "taints": [{"key": "k", "effect": "E", "value": "v"}], "classes": ["gold"],
            },
        })
    }

    fn live() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Thing",
            "metadata": {
                "name": "a", "namespace": "n", "uid": "u", "labels": {"l": "1", "other": "2"},
                "managedFields": [
                    {"manager": US, "operation": "Apply", "subresource": "status", "fieldsV1": {"f:status": {}}},
                    {"manager": US, "operation": "Apply", "fieldsV1": {
                        "f:metadata": {"f:labels": {"f:l": {}}},
                        "f:spec": {
                            "f:replicas": {}, "f:empty": {}, "f:cidrs": {}, "f:ports": {},
                            "f:taints": {"k:{\"key\":\"k\",\"effect\":\"E\"}": {".": {}, "f:key": {}, "f:effect": {}, "f:value": {}}},
                            "f:classes": {"v:\"gold\"": {}},
                        },
                    }},
                ],
            },
            "spec": {
                "replicas": 3, "empty": {"defaulted": true}, "cidrs": ["10.0.0.0/8"], "ports": [{"port": 1, "protocol": "TCP"}],
                "taints": [{"key": "theirs", "effect": "E"}, {"key": "k", "effect": "E", "value": "v"}],
                "classes": ["silver", "gold"], "others": 1,
            },
            "status": {"ready": 1},
        })
    }

    #[test]
    fn what_is_there_and_ours_needs_no_request() {
        assert!(is_applied(&desired(), &live(), US));
        assert!(!is_applied(&desired(), &live(), "somebody-else"));
    }

    #[test]
    fn every_wish_that_is_not_fulfilled_is_seen() {
        let wishes = [
            ("/spec/replicas", json!(4)),
            ("/spec/cidrs", json!(["10.0.0.0/8", "11.0.0.0/8"])),
            ("/spec/cidrs", json!([])),
            ("/spec/ports", json!([{"port": 2}])),
            ("/spec/taints", json!([{"key": "k", "effect": "E", "value": "w"}])),
            ("/spec/taints", json!([{"key": "k", "effect": "F", "value": "v"}])),
            ("/spec/taints", json!([])),
            ("/spec/classes", json!(["gold", "silver"])),
            ("/spec/classes", json!(["tin"])),
            ("/metadata/labels", json!({"l": "2"})),
            ("/metadata/labels", json!({"l": "1", "m": "1"})),
        ];
        for (pointer, value) in wishes {
            let mut desired = desired();
            *desired.pointer_mut(pointer).unwrap() = value.clone();
            assert!(!is_applied(&desired, &live(), US), "{pointer} = {value}");
        }
    }

    #[test]
    fn what_is_no_longer_wished_is_given_up() {
        for (parent, field) in [("/spec", "replicas"), ("/spec", "taints"), ("/metadata", "labels")] {
            let mut desired = desired();
            desired
                .pointer_mut(parent)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(field);
            assert!(!is_applied(&desired, &live(), US), "{parent}/{field}");
        }
    }

    #[test]
    fn what_others_changed_is_taken_back() {
        for (pointer, value) in [
            ("/spec/replicas", json!(9)),
            ("/spec/taints/1/value", json!("x")),
            ("/metadata/labels/l", json!("9")),
        ] {
            let mut live = live();
            *live.pointer_mut(pointer).unwrap() = value;
            assert!(!is_applied(&desired(), &live, US), "{pointer}");
        }
    }

    #[test]
    fn what_others_own_alone_is_taken_over() {
        let mut live = live();
        live["metadata"]["managedFields"][1]["fieldsV1"]["f:spec"]
            .as_object_mut()
            .unwrap()
            .remove("f:replicas");
        assert!(!is_applied(&desired(), &live, US));
    }

    #[test]
    fn an_object_of_nothing_but_its_name() {
        let desired = json!({"apiVersion": "v1", "kind": "T", "metadata": {"name": "a"}});
        let entry = json!({"manager": US, "operation": "Apply", "fieldsV1": {}});
        let live = json!({"apiVersion": "v1", "kind": "T", "metadata": {"name": "a", "managedFields": [entry]}});
        assert!(is_applied(&desired, &live, US));
    }
}
