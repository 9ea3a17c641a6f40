//! Owners of replicas: of a Scale, and of the object behind it.
//!
//! A Scale shows those managers of the object that own its replicas, as if they had written the Scale. What is written through
//! the Scale is tracked there, and then carried over to the object.

use serde_json::Value;

use super::{
    FieldSet,
    managers::{Entry, Managers},
    ownership::dotted,
    update::decode_or_none,
};

/// Where a Scale has its replicas.
const REPLICAS: &str = "spec.replicas";

/// Gives a Scale, of this version, the managers that own the replicas of `object`, which are at this dotted path.
pub fn show_owners(object: &Value, replicas: &str, scale: &mut Value, scale_version: &str) {
    let path = dotted(&[replicas.trim_start_matches('.')]);
    let mut owners = Managers::default();
    for entry in decode_or_none(object).iter().filter(|entry| owns(entry, &path)) {
        owners.add(Entry {
            api_version: scale_version.to_owned(),
            fields: dotted(&[REPLICAS]),
            ..entry.clone()
        });
    }
    owners.encode(scale);
}

/// Gives an object, of this version, the managers that it has once its Scale has those of `scale`.
///
/// Who applied the replicas stays one manager on both sides. Who updated them does not: the entry that comes from the Scale has no
/// time, and the one before loses them.
pub fn take_owners(object: &mut Value, replicas: &str, object_version: &str, scale: &Value) {
    let path = dotted(&[replicas.trim_start_matches('.')]);
    let mut of_scale = decode_or_none(scale);
    let mut owners = Managers::default();
    for entry in decode_or_none(object).iter() {
        if !owns(entry, &path) || of_scale.take(entry).is_some() {
            owners.add(entry.clone());
            continue;
        }
        let fields = entry.fields.difference(&path);
        if !fields.is_empty() {
            owners.add(Entry {
                fields,
                ..entry.clone()
            });
        }
    }
    let of_replicas = dotted(&[REPLICAS]);
    for entry in of_scale.iter().filter(|entry| owns(entry, &of_replicas)) {
        owners.add(Entry {
            api_version: object_version.to_owned(),
            fields: path.clone(),
            time: None,
            ..entry.clone()
        });
    }
    owners.encode(object);
}

fn owns(entry: &Entry, path: &FieldSet) -> bool {
    !entry.fields.intersection(path).is_empty()
}
