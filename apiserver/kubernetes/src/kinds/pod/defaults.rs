//! What the spec of a pod says where nothing was said.

use serde_json::{Map, Value, json};

use crate::kinds::cells::items;

/// Mode of the files of a volume: 0644.
const FILE_MODE: i64 = 420;

/// Fills in a pod's spec.
pub(super) fn fill(spec: &mut Map<String, Value>) {
    for (field, default) in [
        ("restartPolicy", json!("Always")),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("securityContext", json!({})),
        ("enableServiceLinks", json!(true)),
    ] {
        set(spec, field, default);
    }
    // An older name of the same field.
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        spec.insert("serviceAccount".to_owned(), account);
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in objects(spec, list) {
            fill_container(container);
        }
    }
    for volume in objects(spec, "volumes") {
        for source in ["secret", "configMap", "downwardAPI", "projected"] {
            if let Some(source) = volume.get_mut(source).and_then(Value::as_object_mut) {
                set(source, "defaultMode", json!(FILE_MODE));
            }
        }
    }
}

/// The older fields for one address say the same as the first of the lists.
pub(super) fn align_addresses(status: &mut Map<String, Value>) {
    for (older, list) in [("podIP", "podIPs"), ("hostIP", "hostIPs")] {
        let one = status.get(older).cloned().filter(|address| address != "");
        let first = status
            .get(list)
            .and_then(|addresses| addresses.get(0)?.get("ip"))
            .cloned();
        match (one, first) {
            (Some(one), first) if first.as_ref() != Some(&one) => {
                status.insert(list.to_owned(), json!([{"ip": one}]));
            }
            (None, Some(first)) => {
                status.insert(older.to_owned(), first);
            }
            _ => {}
        }
    }
}

/// Which pods are evicted last: those whose containers are guaranteed what they may use.
pub(super) fn class_of(object: &Value) -> &'static str {
    let mut containers = items(object, "/spec/containers")
        .iter()
        .chain(items(object, "/spec/initContainers"));
    let asked = |container: &Value, kind: &str, name: &str| container["resources"][kind].get(name).cloned();
    let is_guaranteed = |container: &Value| {
        ["cpu", "memory"].iter().all(|name| {
            let limit = asked(container, "limits", name);
            limit.is_some() && asked(container, "requests", name).is_none_or(|request| Some(request) == limit)
        })
    };
    let asks = |container: &Value| {
        ["cpu", "memory"]
            .iter()
            .any(|name| asked(container, "limits", name).is_some() || asked(container, "requests", name).is_some())
    };
    if containers.clone().all(is_guaranteed) {
        "Guaranteed"
    } else if containers.any(asks) {
        "Burstable"
    } else {
        "BestEffort"
    }
}

fn fill_container(container: &mut Map<String, Value>) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    let is_moving = !image.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    let policy = if is_moving { "Always" } else { "IfNotPresent" };
    set(container, "imagePullPolicy", json!(policy));
    set(container, "terminationMessagePath", json!("/dev/termination-log"));
    set(container, "terminationMessagePolicy", json!("File"));
    for port in objects(container, "ports") {
        set(port, "protocol", json!("TCP"));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe).and_then(Value::as_object_mut) {
            for (field, default) in [
                ("timeoutSeconds", 1),
                ("periodSeconds", 10),
                ("successThreshold", 1),
                ("failureThreshold", 3),
            ] {
                set(probe, field, json!(default));
            }
        }
    }
    // What may be used is asked for, unless less is.
    if let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut)
        && let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned()
        && let Some(requests) = resources.entry("requests").or_insert_with(|| json!({})).as_object_mut()
    {
        for (name, limit) in limits {
            requests.entry(name).or_insert(limit);
        }
    }
}

fn objects<'a>(of: &'a mut Map<String, Value>, list: &str) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let items = of.get_mut(list).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Sets a field that is absent, null, empty or zero.
fn set(object: &mut Map<String, Value>, field: &str, default: Value) {
    let is_set = object
        .get(field)
        .is_some_and(|value| !(value.is_null() || value == "" || value == 0));
    if !is_set {
        object.insert(field.to_owned(), default);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::cells::text;

    #[test]
    fn pods_are_classed_by_what_they_ask_for() {
        let class = |resources: Value| class_of(&json!({"spec": {"containers": [{"resources": resources}]}}));
        assert_eq!(class(json!({})), "BestEffort");
        assert_eq!(class(json!({"requests": {"cpu": "1"}})), "Burstable");
        let both = json!({"cpu": "1", "memory": "1Gi"});
        assert_eq!(class(json!({"limits": both})), "Guaranteed");
        assert_eq!(class(json!({"limits": both, "requests": {"cpu": "100m"}})), "Burstable");
    }

    #[test]
    fn images_whose_tag_moves_are_always_pulled() {
        for (image, policy) in [
            ("a", "Always"),
            ("host:5000/a", "Always"),
            ("a:latest", "Always"),
            ("host:5000/a:1", "IfNotPresent"),
            ("a@sha256:00", "IfNotPresent"),
        ] {
            let mut spec = json!({"containers": [{"image": image}]});
            fill(spec.as_object_mut().unwrap());
            assert_eq!(text(&spec, "/containers/0/imagePullPolicy"), policy, "{image}");
        }
    }
}
