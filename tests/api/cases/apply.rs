//! Server-side apply.

use serde_json::{Value, json};

use super::{config_map, widget};
use crate::{
    request::{apply, get, json_patch, merge, post, put, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("basics", basics),
    ("refusals", refusals),
    ("conflicts", conflicts),
    ("lists", lists),
    ("many managers", many_managers),
    ("before the first", before_the_first),
    ("status and scale", status_and_scale),
    ("kubectl", kubectl),
    ("reset", reset),
    ("forgotten", forgotten),
    ("built-in", built_in),
    ("free form", free_form),
];

fn basics(talk: &mut Talk<'_>) {
    talk.send_all([
        apply("$widgets/a?fieldManager=one", widget("a", json!({"color": "red", "replicas": 2}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"color": "red", "replicas": 2}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"color": "blue", "replicas": 2}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"color": "blue"}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({}))),
        apply("$widgets/a?fieldManager=one", json!({"apiVersion": "demo.example.io/v1", "kind": "Widget"})),
        apply("$widgets/a?fieldManager=two", widget("a", json!({"color": "green"}))),
        apply("$widgets/yaml?fieldManager=one", "apiVersion: demo.example.io/v1\nkind: Widget\nmetadata:\n  name: yaml\n  labels: {a: b}\nspec: {tags: [x]}\n"),
        apply("$widgets/dry?fieldManager=one&dryRun=All", widget("dry", json!({"color": "red"}))),
        get("$widgets/dry"),
        apply("$widgets/a?fieldManager=two&dryRun=All", widget("a", json!({"color": "red"}))),
        get("$widgets/a"),
        apply("$widgets/unnamed?fieldManager=one", json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "spec": {"color": "red"}})),
        apply("$widgets/Bad_Name?fieldManager=one", widget("Bad_Name", json!({}))),
    ]);
}

fn refusals(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"color": "red"}))));
    let with = |metadata: Value| {
        let mut widget = widget("a", json!({}));
        for (key, value) in metadata.as_object().unwrap() {
            widget["metadata"][key] = value.clone();
        }
        widget
    };
    talk.send_all([
        apply("$widgets/a", widget("a", json!({}))),
        apply("$widgets/a?fieldManager=", widget("a", json!({}))),
        apply("$widgets/a?fieldManager=m", widget("b", json!({}))),
        apply("$widgets/a?fieldManager=m", ""),
        apply("$widgets/a?fieldManager=m", "{}"),
        apply("$widgets/a?fieldManager=m", "[]"),
        apply("$widgets/a?fieldManager=m", "null"),
        apply("$widgets/a?fieldManager=m", "a: ["),
        apply("$widgets/a?fieldManager=m", "text"),
        apply("$widgets/a?fieldManager=m", json!({"kind": "Widget", "metadata": {"name": "a"}})),
        apply("$widgets/a?fieldManager=m", json!({"apiVersion": "demo.example.io/v1", "metadata": {"name": "a"}})),
        apply("$widgets/a?fieldManager=m", json!({"apiVersion": "demo.example.io/v2", "kind": "Widget", "metadata": {"name": "a"}})),
        apply("$widgets/a?fieldManager=m", json!({"apiVersion": "demo.example.io/v1", "kind": "Gizmo", "metadata": {"name": "a"}})),
        apply("$widgets/a?fieldManager=m", with(json!({"managedFields": []}))),
        apply("$widgets/a?fieldManager=m", with(json!({"managedFields": [{}]}))),
        apply("$widgets/a?fieldManager=m", with(json!({"managedFields": null}))),
        apply("$widgets/a?fieldManager=m", with(json!({"resourceVersion": "1"}))),
        apply("$widgets/a?fieldManager=m", with(json!({"uid": "11111111-2222-3333-4444-555555555555"}))),
        apply("$widgets/missing?fieldManager=m", json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "missing", "uid": "11111111-2222-3333-4444-555555555555"}})),
        apply("$widgets/missing?fieldManager=m", json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "missing", "resourceVersion": "1"}})),
        apply("$widgets/a?fieldManager=m", with(json!({"namespace": "other"}))),
        apply("$widgets/a?fieldManager=m", with(json!({"bogus": 1}))),
        apply("$widgets/a?fieldManager=m", widget("a", json!({"bogus": 1}))),
        apply("$widgets/a?fieldManager=m&fieldValidation=Strict", widget("a", json!({"bogus": 1}))),
        apply("$widgets/a?fieldManager=m&fieldValidation=Strict", "apiVersion: demo.example.io/v1\nkind: Widget\nmetadata: {name: a}\nspec:\n  enabled: true\n  enabled: false\n"),
        apply("$widgets/a?fieldManager=m", "apiVersion: demo.example.io/v1\nkind: Widget\nmetadata: {name: a}\nspec:\n  enabled: true\n  enabled: false\n"),
        apply("$widgets/a?fieldManager=m", widget("a", json!({"replicas": "a"}))),
        apply("$widgets/a?fieldManager=m", widget("a", json!({"replicas": -1}))),
        apply("$widgets/a?fieldManager=m", widget("a", json!({"tags": ["a", "a"]}))),
        apply("$widgets/a?fieldManager=m", widget("a", json!({"ports": [{"port": 1}, {"port": 1}]}))),
        apply("$widgets/a?fieldManager=m", widget("a", json!({"ports": [{"name": "x"}]}))),
        apply("$widgets/a?fieldManager=m", widget("a", json!({"settings": []}))),
        apply("$widgets/a?fieldManager=m", widget("a", json!({"ports": {}}))),
        apply("$widgets/a?fieldManager=m&force=abc", widget("a", json!({}))),
        apply("$widgets/a?fieldManager=m", json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "a"}, "bogus": {}})),
    ]);
    let long = "m".repeat(129);
    talk.send(apply(
        &format!("$widgets/a?fieldManager={long}"),
        widget("a", json!({})),
    ));
}

fn conflicts(talk: &mut Talk<'_>) {
    talk.send_all([
        post(
            "$widgets?fieldManager=created",
            widget("a", json!({"color": "red", "replicas": 2, "settings": {"level": 1}})),
        ),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"color": "blue"}))),
        apply(
            "$widgets/a?fieldManager=one",
            widget("a", json!({"color": "blue", "replicas": 3})),
        ),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"color": "red"}))),
        apply("$widgets/a?fieldManager=two", widget("a", json!({"color": "green"}))),
        apply(
            "$widgets/a?fieldManager=two&force=true",
            widget("a", json!({"color": "green"})),
        ),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"color": "red"}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({}))),
        merge("$widgets/a?fieldManager=three", json!({"spec": {"color": "blue"}})),
        apply("$widgets/a?fieldManager=two", widget("a", json!({"color": "green"}))),
        apply(
            "$widgets/a?fieldManager=two&force=true",
            widget("a", json!({"color": "green", "settings": {"level": 5, "mode": "x"}})),
        ),
        put("$widgets/a?fieldManager=three", widget("a", json!({}))),
        get("$widgets/a"),
    ]);
}

fn lists(talk: &mut Talk<'_>) {
    talk.send_all([
        apply("$widgets/a?fieldManager=one", widget("a", json!({"ports": [{"port": 80, "name": "http"}, {"port": 443}], "tags": ["a", "b"], "steps": ["x", "y"], "args": [{"name": "n"}], "labels": {"k": "1"}, "selector": {"k": "1"}}))),
        apply("$widgets/a?fieldManager=two", widget("a", json!({"ports": [{"port": 80, "extra": {"a": "1"}}], "tags": ["c", "a"], "labels": {"l": "2"}}))),
        apply("$widgets/a?fieldManager=two", widget("a", json!({"ports": [{"port": 80, "name": "web"}]}))),
        apply("$widgets/a?fieldManager=two", widget("a", json!({"steps": ["z"], "args": [{"name": "m"}], "selector": {"l": "2"}}))),
        apply("$widgets/a?fieldManager=two&force=true", widget("a", json!({"steps": ["z"], "args": [{"name": "m"}], "selector": {"l": "2"}}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"ports": [{"port": 443}], "tags": ["b"], "labels": {"k": "1"}}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"ports": [{"port": 8080, "protocol": "UDP"}, {"port": 443}], "tags": ["z", "b"]}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"ports": [], "tags": ["b"]}))),
        merge("$widgets/a?fieldManager=three", json!({"spec": {"tags": ["q", "b"], "ports": [{"port": 1}]}})),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"tags": ["b", "r"], "ports": [{"port": 2}, {"port": 1, "name": "one"}]}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({}))),
        get("$widgets/a"),
    ]);
}

fn many_managers(talk: &mut Talk<'_>) {
    talk.send(post(
        "$widgets?fieldManager=m00",
        widget("a", json!({"labels": {"a": "0"}})),
    ));
    for i in 1..13 {
        talk.send(merge(
            &format!("$widgets/a?fieldManager=m{i:02}"),
            json!({"metadata": {"labels": {format!("l{i}"): "x"}}}),
        ));
    }
    talk.send(apply(
        "$widgets/a?fieldManager=applier",
        widget("a", json!({"color": "red"})),
    ));
    talk.send(merge(
        "$widgets/a?fieldManager=m13",
        json!({"metadata": {"labels": {"l13": "x"}}}),
    ));
}

fn before_the_first(talk: &mut Talk<'_>) {
    talk.send_all([
        post("$widgets?fieldManager=m", widget("a", json!({"color": "red"}))),
        merge(
            "$widgets/a?fieldManager=m",
            json!({"metadata": {"managedFields": [{}]}}),
        ),
        get("$widgets/a"),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"color": "blue"}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"enabled": true}))),
        merge(
            "$widgets/a?fieldManager=m",
            json!({"metadata": {"managedFields": [{}]}}),
        ),
        merge("$widgets/a?fieldManager=m", json!({"spec": {"color": "green"}})),
        apply(
            "$widgets/a?fieldManager=one&force=true",
            widget("a", json!({"color": "blue"})),
        ),
    ]);
}

fn status_and_scale(talk: &mut Talk<'_>) {
    let with_status = |status: Value| {
        let mut widget = widget("a", json!({"color": "red"}));
        widget["status"] = status;
        widget
    };
    talk.send_all([
        apply("$widgets/a/status?fieldManager=one", with_status(json!({"phase": "Running"}))),
        apply("$widgets/a?fieldManager=one", with_status(json!({"phase": "Running"}))),
        apply("$widgets/a/status?fieldManager=one", with_status(json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}))),
        apply("$widgets/a/status?fieldManager=two", with_status(json!({"phase": "Pending"}))),
        apply("$widgets/a/status?fieldManager=two", with_status(json!({"conditions": [{"type": "Other", "status": "True"}]}))),
        apply("$widgets/a/status?fieldManager=one", with_status(json!({}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"replicas": 5}))),
        apply("$widgets/missing/scale?fieldManager=one", json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "missing"}, "spec": {"replicas": 3}})),
        get("$widgets/a"),
    ]);
}

fn kubectl(talk: &mut Talk<'_>) {
    let last = json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"annotations": {}, "name": "a", "namespace": "$ns"}, "spec": {"color": "red", "replicas": 2}});
    let mut object = widget("a", json!({"color": "red", "replicas": 2}));
    object["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": last.to_string()});
    talk.send_all([
        post("$widgets?fieldManager=kubectl-client-side-apply", object),
        apply(
            "$widgets/a?fieldManager=kubectl",
            widget("a", json!({"color": "blue", "replicas": 2})),
        ),
        apply("$widgets/a?fieldManager=other", widget("a", json!({"color": "green"}))),
        get("$widgets/a"),
        apply("$widgets/a?fieldManager=kubectl", widget("a", json!({"color": "blue"}))),
    ]);
}

fn reset(talk: &mut Talk<'_>) {
    talk.send_all([
        apply("$widgets/a?fieldManager=one", widget("a", json!({"color": "red"}))),
        apply("$widgets/a?fieldManager=one", json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "a", "labels": {"a": "b"}, "annotations": {"x": "y"}, "finalizers": ["example.com/a"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u1"}], "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 5}, "spec": {}})),
        apply("$widgets/a?fieldManager=two", json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "a", "labels": {"a": "c"}, "finalizers": ["example.com/b"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u2"}]}})),
        apply("$widgets/a?fieldManager=two", json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "a", "finalizers": ["example.com/b"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u2"}]}})),
        apply("$widgets/a?fieldManager=one", widget("a", json!({}))),
        get("$widgets/a"),
    ]);
}

/// `managedFields: []` and its like, after an apply.
fn forgotten(talk: &mut Talk<'_>) {
    let forgetting = |fields: Value| {
        let mut body = widget("a", json!({"color": "red", "replicas": 2}));
        body["metadata"]["managedFields"] = fields;
        body
    };
    let put_back = |talk: &mut Talk<'_>| {
        talk.send(apply(
            "$widgets/a?fieldManager=one&force=true",
            widget("a", json!({"color": "red", "replicas": 2})),
        ));
        talk.keep("rv", "/metadata/resourceVersion");
    };
    put_back(talk);
    for fields in [json!([]), json!([{}]), json!(null), json!([{"manager": "x"}])] {
        let patch = json!({"metadata": {"managedFields": fields}});
        let mut whole = forgetting(fields.clone());
        whole["metadata"]["resourceVersion"] = "$rv".into();
        talk.send(put("$widgets/a?fieldManager=two", whole));
        talk.send(get("$widgets/a"));
        put_back(talk);
        talk.send(merge("$widgets/a?fieldManager=two", &patch));
        talk.send(get("$widgets/a"));
        put_back(talk);
        talk.send(merge(
            "$widgets/a?fieldManager=two",
            json!({"metadata": {"managedFields": fields}, "spec": {"color": "blue"}}),
        ));
        put_back(talk);
        talk.send(json_patch(
            "$widgets/a?fieldManager=two",
            json!([{"op": "replace", "path": "/metadata/managedFields", "value": fields}]),
        ));
        put_back(talk);
        talk.send(merge("$widgets/a/status?fieldManager=two", &patch));
        put_back(talk);
        talk.send(merge("$widgets/a/scale?fieldManager=two", &patch));
        talk.send(get("$widgets/a"));
        put_back(talk);
    }
    let maps = "$core/configmaps";
    talk.send_all([
        apply(&format!("{maps}/a?fieldManager=one"), config_map("a", json!({"x": "1"}))),
        merge(&format!("{maps}/a?fieldManager=two"), json!({"metadata": {"managedFields": []}})),
        apply(&format!("{maps}/a?fieldManager=one"), config_map("a", json!({"x": "2"}))),
        apply(&format!("{maps}/a?fieldManager=one&force=true"), config_map("a", json!({"x": "2"}))),
        put(
            &format!("{maps}/a?fieldManager=two"),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "managedFields": []}, "data": {"x": "2"}}),
        ),
        get(&format!("{maps}/a")),
        strategic(&format!("{maps}/a?fieldManager=two"), json!({"metadata": {"managedFields": []}})),
        merge(&format!("{maps}/a?fieldManager=two"), json!({"data": {"x": "3"}})),
    ]);
}

fn built_in(talk: &mut Talk<'_>) {
    let maps = "$core/configmaps";
    talk.send_all([
        apply(&format!("{maps}/a?fieldManager=one"), config_map("a", json!({"x": "1"}))),
        apply(&format!("{maps}/a?fieldManager=two"), config_map("a", json!({"y": "2"}))),
        apply(&format!("{maps}/a?fieldManager=two"), config_map("a", json!({"x": "2"}))),
        apply(&format!("{maps}/a?fieldManager=two&force=true"), config_map("a", json!({"x": "2"}))),
        apply(&format!("{maps}/a?fieldManager=one"), config_map("a", json!({}))),
        apply(&format!("{maps}/a?fieldManager=one"), json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "bogus": 1})),
        apply(&format!("{maps}/a?fieldManager=one"), json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": 1}})),
        apply("$core/serviceaccounts/a?fieldManager=one", json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}, "secrets": [{"name": "s"}], "imagePullSecrets": [{"name": "p"}]})),
        apply("$core/serviceaccounts/a?fieldManager=two", json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}, "secrets": [{"name": "t"}]})),
        apply("$core/secrets/a?fieldManager=one", json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"a": "b"}})),
        apply("$core/secrets/a?fieldManager=one", json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"a": "Yg=="}})),
        apply("/api/v1/namespaces/$ns?fieldManager=one", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "$ns", "labels": {"a": "b"}}})),
        apply("/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/roles/r?fieldManager=one", json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]})),
        apply("/apis/coordination.k8s.io/v1/namespaces/$ns/leases/l?fieldManager=one", json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}})),
    ]);
}

fn free_form(talk: &mut Talk<'_>) {
    talk.send_all([
        apply("$widgets/a?fieldManager=one", widget("a", json!({"free": {"a": {"b": 1}, "l": [1]}, "half": {"known": {"a": "1"}, "more": {"x": 1}}, "surge": "5%", "template": {"apiVersion": "v1", "kind": "X", "metadata": {"name": "t"}, "spec": {"q": 1}}}))),
        apply("$widgets/a?fieldManager=two", widget("a", json!({"free": {"a": {"c": 2}}, "half": {"more": {"y": 2}}, "surge": 5}))),
        apply("$widgets/a?fieldManager=two", widget("a", json!({"free": {"a": {"c": 2}}, "half": {"more": {"y": 2}}, "template": {"metadata": {"labels": {"a": "b"}}}}))),
        apply("$widgets/a?fieldManager=one", widget("a", json!({"note": null, "mood": null, "free": {"n": null}}))),
        merge("$widgets/a?fieldManager=three", json!({"spec": {"free": {"m": {"o": {"p": 1}}}}})),
        get("$widgets/a"),
    ]);
}
