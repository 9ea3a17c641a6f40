//! PATCH: JSON patch, merge patch, strategic merge patch.

use serde_json::json;

use super::{config_map, widget};
use crate::{
    request::{delete, get, json_patch, merge, post, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("json patch", json_patches),
    ("merge patch", merge_patches),
    ("metadata", metadata),
    ("bad patches", bad),
    ("field validation", field_validation),
    ("strategic", strategic_patches),
    ("strategic directives", directives),
    ("status", status),
];

fn json_patches(talk: &mut Talk<'_>) {
    talk.send(post(
        "$widgets",
        widget(
            "a",
            json!({"color": "red", "tags": ["a"], "free": {"x": {"y": [1, 2]}, "a/b": 1, "c~d": 2}}),
        ),
    ))
    .keep("rv", "/metadata/resourceVersion");
    for patch in [
        json!([]),
        json!([{"op": "add", "path": "/spec/tags/-", "value": "b"}]),
        json!([{"op": "add", "path": "/spec/tags/0", "value": "c"}]),
        json!([{"op": "replace", "path": "/spec/color", "value": "blue"}]),
        json!([{"op": "replace", "path": "/spec/missing", "value": "blue"}]),
        json!([{"op": "remove", "path": "/spec/missing"}]),
        json!([{"op": "remove", "path": "/spec/tags/9"}]),
        json!([{"op": "remove", "path": "/spec/tags/-1"}]),
        json!([{"op": "add", "path": "/spec/missing/deep", "value": 1}]),
        json!([{"op": "add", "path": "/spec/tags/9", "value": "x"}]),
        json!([{"op": "add", "path": "/spec/tags/nonsense", "value": "x"}]),
        json!([{"op": "test", "path": "/spec/color", "value": "blue"}]),
        json!([{"op": "test", "path": "/spec/color", "value": "red"}, {"op": "remove", "path": "/spec/color"}]),
        json!([{"op": "test", "path": "/spec/missing", "value": null}]),
        json!([{"op": "copy", "from": "/spec/free/x", "path": "/spec/free/z"}]),
        json!([{"op": "move", "from": "/spec/free/z", "path": "/spec/free/w"}]),
        json!([{"op": "move", "from": "/spec/free/missing", "path": "/spec/free/w"}]),
        json!([{"op": "replace", "path": "/spec/free/a~1b", "value": 3}, {"op": "replace", "path": "/spec/free/c~0d", "value": 4}]),
        json!([{"op": "nonsense", "path": "/spec/color"}]),
        json!([{"op": "add", "value": 1}]),
        json!([{"op": "add", "path": "spec", "value": {}}]),
        json!([{"op": "add", "path": "/spec/color"}]),
        json!([{"path": "/spec/color", "value": "red"}]),
        json!([{"op": "replace", "path": "/spec/color", "value": "pink"}]),
        json!([{"op": "replace", "path": "/metadata/name", "value": "b"}]),
        json!([{"op": "remove", "path": "/metadata/resourceVersion"}, {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]),
        json!([{"op": "test", "path": "/metadata/resourceVersion", "value": "$rv"}]),
        json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}]),
        json!([{"op": "remove", "path": "/kind"}]),
        json!([{"op": "replace", "path": "/apiVersion", "value": "v2"}]),
    ] {
        talk.send(json_patch("$widgets/a", patch));
    }
    let many: Vec<_> = (0..10_001)
        .map(|_| json!({"op": "test", "path": "/kind", "value": "Widget"}))
        .collect();
    talk.send(json_patch("$widgets/a", json!(many)));
}

fn merge_patches(talk: &mut Talk<'_>) {
    talk.send(post(
        "$widgets",
        widget("a", json!({"color": "red", "free": {"x": {"y": 1}}})),
    ))
    .keep("rv", "/metadata/resourceVersion");
    for patch in [
        json!({}),
        json!({"spec": {}}),
        json!({"spec": {"color": "blue"}}),
        json!({"spec": {"color": "blue"}}),
        json!({"spec": {"color": null}}),
        json!({"spec": {"free": {"x": {"y": null, "z": 2}}}}),
        json!({"spec": {"free": {"x": [1, null]}}}),
        json!({"spec": {"tags": ["a"]}}),
        json!({"spec": {"replicas": -1}}),
        json!({"spec": {"replicas": "a"}}),
        json!({"spec": {"bogus": 1}}),
        json!({"spec": null}),
        json!({"kind": "Gizmo"}),
        json!({"kind": null}),
        json!({"apiVersion": "demo.example.io/v2"}),
        json!({"apiVersion": "other/v1"}),
        json!({"status": {"phase": "Running"}}),
        json!({"metadata": null}),
        json!({"extra": 1}),
    ] {
        talk.send(merge("$widgets/a", patch));
    }
}

fn metadata(talk: &mut Talk<'_>) {
    talk.send(post("$widgets", widget("a", json!({"color": "red"}))))
        .keep("rv", "/metadata/resourceVersion")
        .keep("uid", "/metadata/uid");
    for metadata in [
        json!({"labels": {"a": "b", "c": "d"}}),
        json!({"labels": {"a": null}}),
        json!({"labels": null}),
        json!({"annotations": {"x": "y"}}),
        json!({"annotations": {"x": 1}}),
        json!({"name": "b"}),
        json!({"namespace": "other"}),
        json!({"name": null}),
        json!({"uid": "$uid"}),
        json!({"uid": "11111111-2222-3333-4444-555555555555"}),
        json!({"uid": null}),
        json!({"resourceVersion": "1"}),
        json!({"resourceVersion": ""}),
        json!({"resourceVersion": null}),
        json!({"creationTimestamp": null}),
        json!({"creationTimestamp": "2001-01-01T00:00:00Z"}),
        json!({"generation": 10}),
        json!({"deletionTimestamp": "2001-01-01T00:00:00Z"}),
        json!({"finalizers": ["example.com/a"]}),
        json!({"finalizers": null}),
        json!({"ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u"}]}),
        json!({"managedFields": []}),
        json!({"managedFields": [{}]}),
        json!({"bogus": 1}),
        json!({"labels": []}),
    ] {
        talk.send(merge("$widgets/a", json!({"metadata": metadata})));
    }
    talk.send(get("$widgets/a"));
}

fn bad(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"color": "red"}))));
    talk.quietly(post("$core/configmaps", config_map("a", json!({"x": "1"}))));
    for patch in ["", "{", "[]", "null", "1", "\"a\"", "nonsense"] {
        talk.send_all([
            merge("$widgets/a", patch),
            json_patch("$widgets/a", patch),
            merge("$core/configmaps/a", patch),
            json_patch("$core/configmaps/a", patch),
            strategic("$core/configmaps/a", patch),
        ]);
    }
    talk.send_all([
        json_patch("$widgets/a", "{\"op\":\"add\"}"),
        json_patch("$widgets/a", "[1]"),
        merge("$widgets/missing", "{}"),
        json_patch("$widgets/missing", "[]"),
        json_patch("$widgets/missing", "{"),
        merge(
            "$widgets/missing",
            json!({"metadata": {"uid": "11111111-2222-3333-4444-555555555555"}}),
        ),
        strategic("$core/configmaps/missing", "{}"),
        merge("$widgets/a?force=true", "{}"),
        merge("$widgets/a?force=abc", "{}"),
        json_patch(
            "$core/configmaps/a",
            json!([{"op": "test", "path": "/data/x", "value": "2"}]),
        ),
    ]);
}

fn field_validation(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"color": "red"}))));
    talk.quietly(post("$core/configmaps", config_map("a", json!({"x": "1"}))));
    for validation in ["Warn", "Ignore", "Strict"] {
        let query = format!("?dryRun=All&fieldValidation={validation}");
        talk.send_all([
            merge(&format!("$widgets/a{query}"), json!({"spec": {"bogus": 1}, "extra": 1})),
            merge(
                &format!("$widgets/a{query}"),
                "{\"spec\":{\"color\":\"blue\",\"color\":\"green\"}}",
            ),
            merge(&format!("$widgets/a{query}"), json!({"metadata": {"bogus": 1}})),
            json_patch(
                &format!("$widgets/a{query}"),
                json!([{"op": "add", "path": "/spec/bogus", "value": 1}]),
            ),
            json_patch(
                &format!("$widgets/a{query}"),
                json!([{"op": "add", "path": "/spec/color", "value": "blue", "foo": 1}]),
            ),
        ]);
        if validation != "Strict" {
            talk.send_all([
                merge(&format!("$core/configmaps/a{query}"), json!({"bogus": 1})),
                merge(
                    &format!("$core/configmaps/a{query}"),
                    "{\"data\":{\"x\":\"1\",\"x\":\"2\"}}",
                ),
                strategic(&format!("$core/configmaps/a{query}"), json!({"bogus": 1})),
                strategic(
                    &format!("$core/configmaps/a{query}"),
                    "{\"data\":{\"x\":\"1\",\"x\":\"2\"}}",
                ),
            ]);
        }
    }
}

fn strategic_patches(talk: &mut Talk<'_>) {
    talk.send(post("$core/configmaps", config_map("a", json!({"x": "1"}))))
        .keep("rv", "/metadata/resourceVersion");
    let owner = |uid: &str| json!({"apiVersion": "v1", "kind": "A", "name": "a", "uid": uid});
    for patch in [
        json!({}),
        json!({"data": {"y": "2"}}),
        json!({"data": {"y": null}}),
        json!({"data": {"y": null}}),
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"metadata": {"finalizers": ["example.com/a"]}}),
        json!({"metadata": {"finalizers": ["example.com/b"]}}),
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}}),
        json!({"metadata": {"$setElementOrder/finalizers": ["example.com/c", "example.com/b"], "finalizers": ["example.com/c"]}}),
        json!({"metadata": {"ownerReferences": [owner("u1")]}}),
        json!({"metadata": {"ownerReferences": [owner("u2")]}}),
        json!({"metadata": {"ownerReferences": [{"$patch": "delete", "uid": "u1"}]}}),
        json!({"metadata": {"ownerReferences": [{"$patch": "delete", "uid": "u9"}], "uid": "11111111-2222-3333-4444-555555555555"}}),
        json!({"metadata": {"ownerReferences": [{"$patch": "nonsense", "uid": "u1"}]}}),
        json!({"metadata": {"ownerReferences": [{"name": "no key"}]}}),
        json!({"metadata": {"resourceVersion": "1"}}),
        json!({"data": {"$patch": "replace", "z": "3"}}),
        json!({"data": {"$patch": "delete"}}),
        json!({"$patch": "nonsense"}),
        json!({"metadata": {"finalizers": null}}),
        json!({"metadata": {"name": "b"}}),
    ] {
        talk.send(strategic("$core/configmaps/a", patch));
    }
    talk.send(get("$core/configmaps/a"));
}

fn directives(talk: &mut Talk<'_>) {
    talk.send(post("$core/serviceaccounts", json!({"metadata": {"name": "a"}, "secrets": [{"name": "one"}, {"name": "two"}], "imagePullSecrets": [{"name": "p"}]})));
    for patch in [
        json!({"secrets": [{"name": "three"}]}),
        json!({"secrets": [{"name": "two", "$patch": "delete"}]}),
        json!({"imagePullSecrets": null}),
        json!({"automountServiceAccountToken": false}),
    ] {
        talk.send(strategic("$core/serviceaccounts/a", patch));
    }
    let binding = json!({"metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "a", "apiGroup": "rbac.authorization.k8s.io"}]});
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/rolebindings";
    talk.send_all([
        post(bindings, binding),
        strategic(
            &format!("{bindings}/b"),
            json!({"subjects": [{"kind": "Group", "name": "g", "apiGroup": "rbac.authorization.k8s.io"}]}),
        ),
    ]);
}

fn status(talk: &mut Talk<'_>) {
    let mut held = widget("a", json!({"color": "red"}));
    held["metadata"]["finalizers"] = json!(["example.com/a"]);
    talk.send(post("$widgets", held));
    talk.send_all([
        merge("$widgets/a/status", json!({"status": {"phase": "Running"}})),
        merge(
            "$widgets/a/status",
            json!({"spec": {"color": "blue"}, "metadata": {"labels": {"a": "b"}, "finalizers": null}}),
        ),
        json_patch(
            "$widgets/a/status",
            json!([{"op": "add", "path": "/status", "value": {"phase": "Pending"}}]),
        ),
        json_patch("$widgets/a/status", json!([{"op": "remove", "path": "/status/phase"}])),
        merge("$widgets/missing/status", json!({})),
        get("$widgets/a"),
        delete("$widgets/a"),
        merge(
            "$widgets/a",
            json!({"metadata": {"finalizers": ["example.com/a", "example.com/b"]}}),
        ),
        merge("$widgets/a", json!({"metadata": {"finalizers": null}})),
        get("$widgets/a"),
    ]);
}
