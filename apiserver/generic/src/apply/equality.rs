//! Whether a write changes anything.

use serde_json::{Map, Value};

/// Whether two objects are the same but for the times in `metadata.managedFields`: such a write is not stored.
pub fn equal_ignoring_managed_time(a: &Value, b: &Value) -> bool {
    equal_but(a, b, "metadata", |a, b| {
        equal_but(a, b, "managedFields", equal_managers)
    })
}

fn equal_managers(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal_entries(a, b)),
        _ => a == b,
    }
}

fn equal_entries(a: &Value, b: &Value) -> bool {
    let (Value::Object(a), Value::Object(b)) = (a, b) else {
        return a == b;
    };
    let timeless = |entry: &Map<String, Value>| entry.len() - usize::from(entry.contains_key("time"));
    timeless(a) == timeless(b) && a.iter().all(|(key, value)| key == "time" || b.get(key) == Some(value))
}

/// Whether two objects are equal, with a test of its own for one field.
fn equal_but(a: &Value, b: &Value, field: &str, equal: impl Fn(&Value, &Value) -> bool) -> bool {
    let (Value::Object(a), Value::Object(b)) = (a, b) else {
        return a == b;
    };
    a.len() == b.len()
        && a.iter().all(|(key, a)| {
            b.get(key)
                .is_some_and(|b| if key == field { equal(a, b) } else { a == b })
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(time: &str, manager: &str) -> Value {
        json!({"metadata": {"name": "a", "managedFields": [{"manager": manager, "time": time}]}, "spec": {"n": 1}})
    }

    #[test]
    fn only_times_of_managers_are_ignored() {
        let a = object("2026-01-01T00:00:00Z", "a");
        assert!(equal_ignoring_managed_time(&a, &object("2026-01-02T00:00:00Z", "a")));
        assert!(!equal_ignoring_managed_time(&a, &object("2026-01-01T00:00:00Z", "b")));
        for (pointer, value) in [
            ("/spec/n", json!(2)),
            ("/metadata/name", json!("b")),
            ("/metadata/managedFields", json!([])),
            ("/metadata", json!(null)),
        ] {
            let mut b = a.clone();
            *b.pointer_mut(pointer).unwrap() = value;
            assert!(!equal_ignoring_managed_time(&a, &b), "{pointer}");
            assert!(!equal_ignoring_managed_time(&b, &a), "{pointer}");
        }
        let mut without_time = a.clone();
        without_time["metadata"]["managedFields"][0]
            .as_object_mut()
            .unwrap()
            .remove("time");
        assert!(equal_ignoring_managed_time(&a, &without_time));
        assert!(!equal_ignoring_managed_time(&json!(1), &json!(2)));
    }
}
