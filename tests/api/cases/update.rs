//! PUT: preconditions, what can't be changed, generation, status.

use serde_json::{Value, json};

use super::{config_map, widget};
use crate::{
    request::{delete, get, post, put},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("preconditions", preconditions),
    ("unchangeable", unchangeable),
    ("generation", generation),
    ("status", status),
    ("managed fields", managed_fields),
    ("dry run", dry_run),
    ("terminating", terminating),
    ("built-in", built_in),
    ("without subresources", without_subresources),
];

/// A Widget with metadata beside its name and revision.
fn changed(name: &str, revision: &str, metadata: Value, spec: Value) -> Value {
    let mut widget = widget(name, spec);
    widget["metadata"]["resourceVersion"] = revision.into();
    for (key, value) in metadata.as_object().unwrap() {
        widget["metadata"][key] = value.clone();
    }
    widget
}

fn preconditions(talk: &mut Talk<'_>) {
    talk.send(post("$widgets", widget("a", json!({"color": "red"}))))
        .keep("rv", "/metadata/resourceVersion");
    talk.send_all([
        put("$widgets/a", widget("a", json!({}))),
        put("$widgets/a", changed("a", "", json!({}), json!({}))),
        put("$widgets/a", changed("a", "0", json!({}), json!({}))),
        put("$widgets/a", changed("a", "1", json!({}), json!({}))),
        put("$widgets/a", changed("a", "abc", json!({}), json!({}))),
        put("$widgets/a", changed("b", "$rv", json!({}), json!({}))),
        put("$widgets/a", changed("", "$rv", json!({}), json!({}))),
        put("$widgets/missing", changed("missing", "1", json!({}), json!({}))),
        put("$widgets/missing", widget("missing", json!({}))),
        put(
            "$widgets/a",
            changed("a", "$rv", json!({"namespace": "other"}), json!({})),
        ),
        put(
            "$widgets/a",
            changed("a", "$rv", json!({"namespace": "$ns"}), json!({"color": "blue"})),
        ),
        put("$widgets/a", changed("a", "$rv", json!({}), json!({"color": "green"}))),
        get("$widgets/a"),
    ]);
}

fn unchangeable(talk: &mut Talk<'_>) {
    talk.send(post("$widgets", widget("a", json!({"color": "red"}))))
        .keep("rv", "/metadata/resourceVersion")
        .keep("uid", "/metadata/uid");
    talk.send(put(
        "$widgets/a",
        changed(
            "a",
            "$rv",
            json!({"uid": "11111111-2222-3333-4444-555555555555"}),
            json!({"color": "red"}),
        ),
    ));
    talk.send(put(
        "$widgets/a",
        changed("a", "$rv", json!({"uid": "$uid"}), json!({"color": "red"})),
    ));
    for metadata in [
        json!({"creationTimestamp": "2001-01-01T00:00:00Z"}),
        json!({"creationTimestamp": null}),
        json!({"generation": 9}),
        json!({"deletionTimestamp": "2001-01-01T00:00:00Z"}),
        json!({"deletionGracePeriodSeconds": 3}),
        json!({"selfLink": "x"}),
        json!({"generateName": "g-"}),
    ] {
        talk.send(put(
            "$widgets/a",
            changed("a", "$rv", metadata, json!({"color": "red"})),
        ))
        .keep("rv", "/metadata/resourceVersion");
    }
}

fn generation(talk: &mut Talk<'_>) {
    talk.send(post("$widgets", widget("a", json!({"color": "red"}))))
        .keep("rv", "/metadata/resourceVersion");
    for (metadata, spec) in [
        (json!({}), json!({"color": "red"})),
        (json!({"labels": {"a": "b"}}), json!({"color": "red"})),
        (json!({"labels": {"a": "b"}}), json!({"color": "blue"})),
        (json!({"labels": {"a": "b"}}), json!({"color": "blue", "bogus": 1})),
        (json!({"annotations": {"a": "b"}}), json!({"color": "blue"})),
        (json!({"finalizers": ["example.com/a"]}), json!({"color": "blue"})),
        (json!({}), json!({"color": "blue", "replicas": 1})),
        (json!({}), json!({"color": "blue", "replicas": 2})),
    ] {
        talk.send(put("$widgets/a", changed("a", "$rv", metadata, spec)))
            .keep("rv", "/metadata/resourceVersion");
    }
}

fn status(talk: &mut Talk<'_>) {
    talk.send(post("$widgets", widget("a", json!({"color": "red"}))))
        .keep("rv", "/metadata/resourceVersion");
    let with_status = |revision: &str, status: Value| {
        let mut widget = changed("a", revision, json!({"labels": {"l": "m"}}), json!({"color": "blue"}));
        widget["status"] = status;
        widget
    };
    talk.send_all([
        get("$widgets/a/status"),
        put("$widgets/a/status", with_status("$rv", json!({"phase": "Running"}))),
    ]);
    talk.keep("rv", "/metadata/resourceVersion");
    talk.send_all([
        put("$widgets/a/status", with_status("$rv", json!({"phase": "Running"}))),
        put("$widgets/a/status", with_status("1", json!({"phase": "Pending"}))),
        put("$widgets/a/status", with_status("", json!({"phase": "Pending"}))),
        put("$widgets/missing/status", with_status("1", json!({}))),
        get("$widgets/missing/status"),
        put("$widgets/a", with_status("$rv", json!({"phase": "Pending"}))),
        get("$widgets/a"),
    ]);
    talk.keep("rv", "/metadata/resourceVersion");
    talk.send(put("$widgets/a/status", changed("a", "$rv", json!({}), json!({}))));
}

fn managed_fields(talk: &mut Talk<'_>) {
    talk.send(post("$widgets?fieldManager=one", widget("a", json!({"color": "red"}))))
        .keep("rv", "/metadata/resourceVersion");
    for (manager, metadata, spec) in [
        ("two", json!({}), json!({"color": "red"})),
        ("two", json!({}), json!({"color": "blue", "replicas": 1})),
        ("one", json!({}), json!({"replicas": 2})),
        ("one", json!({"managedFields": []}), json!({"replicas": 2})),
        (
            "three",
            json!({}),
            json!({"replicas": 3, "tags": ["a", "b"], "ports": [{"port": 1, "name": "x"}]}),
        ),
        (
            "two",
            json!({"managedFields": null}),
            json!({"replicas": 3, "tags": ["b"], "ports": [{"port": 1, "name": "y"}]}),
        ),
        (
            "two",
            json!({"managedFields": [{"manager": "x", "operation": "Apply", "apiVersion": "demo.example.io/v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]}),
            json!({"replicas": 4}),
        ),
        (
            "two",
            json!({"managedFields": [{"manager": "x", "operation": "Wrong"}]}),
            json!({"replicas": 5}),
        ),
    ] {
        talk.send(put(
            &format!("$widgets/a?fieldManager={manager}"),
            changed("a", "$rv", metadata, spec),
        ));
        talk.send(get("$widgets/a")).keep("rv", "/metadata/resourceVersion");
    }
}

fn dry_run(talk: &mut Talk<'_>) {
    talk.send(post("$widgets", widget("a", json!({"color": "red"}))))
        .keep("rv", "/metadata/resourceVersion");
    talk.send_all([
        put(
            "$widgets/a?dryRun=All",
            changed("a", "$rv", json!({}), json!({"color": "blue"})),
        ),
        put(
            "$widgets/a?dryRun=All",
            changed("a", "1", json!({}), json!({"color": "blue"})),
        ),
        put(
            "$widgets/a?dryRun=All",
            changed("a", "$rv", json!({}), json!({"color": "pink"})),
        ),
        put(
            "$widgets/a?dryRun=All&fieldValidation=Strict",
            changed("a", "$rv", json!({}), json!({"bogus": "pink"})),
        ),
        put(
            "$widgets/a?fieldValidation=Warn",
            changed("a", "$rv", json!({}), json!({"bogus": "pink"})),
        ),
        get("$widgets/a"),
    ]);
}

fn terminating(talk: &mut Talk<'_>) {
    let mut held = widget("a", json!({"color": "red"}));
    held["metadata"]["finalizers"] = json!(["example.com/a"]);
    talk.send_all([post("$widgets", held), delete("$widgets/a"), get("$widgets/a")]);
    talk.keep("rv", "/metadata/resourceVersion");
    talk.send_all([
        put(
            "$widgets/a",
            changed(
                "a",
                "$rv",
                json!({"finalizers": ["example.com/a", "example.com/b"]}),
                json!({"color": "red"}),
            ),
        ),
        put(
            "$widgets/a",
            changed(
                "a",
                "$rv",
                json!({"finalizers": ["example.com/a"]}),
                json!({"color": "blue"}),
            ),
        ),
    ]);
    talk.keep("rv", "/metadata/resourceVersion");
    talk.send_all([
        put(
            "$widgets/a",
            changed("a", "$rv", json!({"finalizers": []}), json!({"color": "blue"})),
        ),
        get("$widgets/a"),
    ]);
}

fn built_in(talk: &mut Talk<'_>) {
    let maps = "$core/configmaps";
    talk.send(post(maps, config_map("a", json!({"x": "1"}))))
        .keep("rv", "/metadata/resourceVersion");
    talk.send_all([
        put(&format!("{maps}/a"), config_map("a", json!({"x": "2"}))),
        put(&format!("{maps}/missing"), config_map("missing", json!({"x": "2"}))),
        put(&format!("{maps}/a"), config_map("b", json!({}))),
        put(&format!("{maps}/a"), json!({"data": {"y": "z"}})),
        put(
            &format!("{maps}/a"),
            json!({"metadata": {"name": "a", "resourceVersion": "$rv"}, "data": {"y": "z"}}),
        ),
        put(
            &format!("{maps}/a"),
            json!({"metadata": {"name": "a"}, "immutable": true, "data": {"y": "z"}}),
        ),
        put(
            &format!("{maps}/a"),
            json!({"metadata": {"name": "a"}, "immutable": true, "data": {"y": "w"}}),
        ),
        put(
            &format!("{maps}/a"),
            json!({"metadata": {"name": "a"}, "data": {"y": "z"}}),
        ),
        put(
            &format!("{maps}/a"),
            json!({"metadata": {"name": "a", "labels": {"l": "m"}}, "immutable": true, "data": {"y": "z"}}),
        ),
    ]);
}

fn without_subresources(talk: &mut Talk<'_>) {
    let gadgets = "/apis/plain.example.io/v1beta1/gadgets";
    let gadget = |revision: &str, status: Value| {
        json!({"apiVersion": "plain.example.io/v1beta1", "kind": "Gadget",
        "metadata": {"name": "update", "resourceVersion": revision}, "spec": {"size": 1}, "status": status})
    };
    talk.send(post(gadgets, gadget("", json!({"phase": "a"}))))
        .keep("rv", "/metadata/resourceVersion");
    talk.send(put(&format!("{gadgets}/update"), gadget("$rv", json!({"phase": "b"}))))
        .keep("rv", "/metadata/resourceVersion");
    talk.send(put(&format!("{gadgets}/update"), gadget("$rv", json!({"phase": "b"}))));
}
