//! POST: what the server adds, wipes and refuses.

use serde_json::{Value, json};

use super::{widget, widget_with};
use crate::{
    request::{get, post},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("an object", object),
    ("names", names),
    ("namespaces", namespaces),
    ("own metadata", own_metadata),
    ("labels and annotations", labels),
    ("owners and finalizers", owners),
    ("unknown fields", unknown_fields),
    ("dry run", dry_run),
    ("managers", managers),
    ("cluster scope", cluster_scope),
];

fn object(talk: &mut Talk<'_>) {
    let full = widget(
        "a",
        json!({"color": "red", "ports": [{"port": 80}], "tags": ["a"], "settings": {"level": 7}}),
    );
    talk.send_all([
        post("$widgets", &full),
        post("$widgets", &full),
        get("$widgets/a"),
        get("$widgets"),
        get("/apis/demo.example.io/v1/widgets?labelSelector=none=none"),
        post("$widgets", json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "bare"}})),
        post("$widgets", json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "with-status"}, "status": {"phase": "Running"}})),
        get("$widgets/with-status"),
    ]);
}

fn names(talk: &mut Talk<'_>) {
    let long = "n".repeat(254);
    let longest = "n".repeat(253);
    for name in [
        "A", "-a", "a-", "a_b", "a.b", "a..b", ".", "..", "a/b", "a%b", "a b", "1", "\u{e9}", &long, &longest,
    ] {
        talk.send(post("$widgets", widget(name, json!({}))));
    }
    let long_base = "b".repeat(70);
    talk.send_all([
        post("$widgets", widget("", json!({}))),
        post("$widgets", widget_with(json!({}))),
        post("$widgets", widget_with(json!({"generateName": "g-"}))),
        post("$widgets", widget_with(json!({"generateName": long_base}))),
        post("$widgets", widget_with(json!({"generateName": "g-", "name": "wins"}))),
        post("$widgets", widget_with(json!({"generateName": "g-", "name": "wins"}))),
    ]);
}

fn namespaces(talk: &mut Talk<'_>) {
    talk.send_all([
        post("$widgets", widget_with(json!({"name": "other", "namespace": "other"}))),
        post("$widgets", widget_with(json!({"name": "same", "namespace": "$ns"}))),
        post("$widgets", widget_with(json!({"name": "empty", "namespace": ""}))),
        post(
            "/apis/demo.example.io/v1/namespaces/missing/widgets",
            widget("a", json!({})),
        ),
        post(
            "/apis/demo.example.io/v1/namespaces/missing/widgets?dryRun=All",
            widget("a", json!({})),
        ),
        get("/apis/demo.example.io/v1/namespaces/missing/widgets"),
        get("/apis/demo.example.io/v1/namespaces/missing/widgets/a"),
        post(
            "/apis/demo.example.io/v1/namespaces/Bad_Name/widgets",
            widget("a", json!({})),
        ),
    ]);
}

fn own_metadata(talk: &mut Talk<'_>) {
    let metadata = json!({
        "name": "all", "uid": "11111111-2222-3333-4444-555555555555", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7,
        "deletionTimestamp": "2001-01-01T00:00:00Z", "deletionGracePeriodSeconds": 5, "selfLink": "/self",
    });
    talk.send(post("$widgets", widget_with(metadata)));
    for (name, field, value) in [
        ("rv", "resourceVersion", json!("1")),
        ("rv0", "resourceVersion", json!("0")),
        ("rv-empty", "resourceVersion", json!("")),
        ("mf-none", "managedFields", json!(null)),
        ("mf-empty", "managedFields", json!([])),
        (
            "mf",
            "managedFields",
            json!([{"manager": "x", "operation": "Update", "apiVersion": "demo.example.io/v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}}]),
        ),
        (
            "mf-bad",
            "managedFields",
            json!([{"manager": "x", "operation": "Nonsense"}]),
        ),
        ("unknown", "nonsense", json!("a")),
        ("time", "creationTimestamp", json!(null)),
        ("bad-time", "creationTimestamp", json!("nonsense")),
        ("bad-labels", "labels", json!([])),
        ("null-labels", "labels", json!(null)),
        ("empty-labels", "labels", json!({})),
        ("bad-finalizers", "finalizers", json!("a")),
        ("bad-generation", "generation", json!("a")),
        ("null-name", "generateName", json!(null)),
        ("null-label", "labels", json!({"a": null})),
    ] {
        talk.send(post("$widgets", widget_with(json!({"name": name, field: value}))));
        talk.send(post(
            "$widgets?fieldValidation=Strict",
            widget_with(json!({"name": format!("{name}-strict"), field: value})),
        ));
    }
}

fn labels(talk: &mut Talk<'_>) {
    let long = "l".repeat(64);
    for labels in [
        json!({"a": "b", "example.com/a": "", "a.b-c_d": "A.b-c_1"}),
        json!({"": "b"}),
        json!({"-a": "b"}),
        json!({"a": "b c"}),
        json!({"Example.com/a": "b"}),
        json!({"a/b/c": "b"}),
        json!({"/a": "b"}),
        json!({"a/": "b"}),
        json!({ &long: "b" }),
        json!({"a": &long}),
        json!({"a b": "c d", "-": "-"}),
    ] {
        talk.send(post(
            "$widgets?dryRun=All",
            widget_with(json!({"name": "l", "labels": labels})),
        ));
        talk.send(post(
            "$widgets?dryRun=All",
            widget_with(json!({"name": "l", "annotations": labels})),
        ));
    }
    let much = "x".repeat(256 * 1024);
    let almost = "x".repeat(256 * 1024 - 1);
    talk.send_all([
        post(
            "$widgets?dryRun=All",
            widget_with(json!({"name": "l", "annotations": {"a": much}})),
        ),
        post(
            "$widgets?dryRun=All",
            widget_with(json!({"name": "l", "annotations": {"a": almost}})),
        ),
        post(
            "$widgets?dryRun=All",
            widget_with(json!({"name": "l", "annotations": {"UPPER.example.com/a": "b"}})),
        ),
    ]);
}

fn owners(talk: &mut Talk<'_>) {
    let owner = |change: Value| {
        let mut owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "11111111-2222-3333-4444-555555555555"});
        for (key, value) in change.as_object().unwrap() {
            owner[key] = value.clone();
        }
        owner
    };
    let create =
        |field: &str, value: Value| post("$widgets?dryRun=All", widget_with(json!({"name": "o", field: value})));
    talk.send_all([
        create("ownerReferences", json!([owner(json!({}))])),
        create("ownerReferences", json!([{}])),
        create("ownerReferences", json!([owner(json!({"uid": ""}))])),
        create("ownerReferences", json!([owner(json!({"apiVersion": "a/b/c"}))])),
        create("ownerReferences", json!([owner(json!({"kind": "Event"}))])),
        create("ownerReferences", json!([owner(json!({})), owner(json!({}))])),
        create(
            "ownerReferences",
            json!([
                owner(json!({"controller": true, "blockOwnerDeletion": true})),
                owner(json!({"controller": false, "uid": "2"}))
            ]),
        ),
        create("ownerReferences", json!([owner(json!({"extra": true}))])),
        create("ownerReferences", json!([])),
        create("finalizers", json!(["example.com/a"])),
        create("finalizers", json!(["a"])),
        create("finalizers", json!(["a b"])),
        create("finalizers", json!(["orphan", "foregroundDeletion"])),
        create("finalizers", json!(["orphan"])),
        create("finalizers", json!(["kubernetes"])),
        create("finalizers", json!(["example.com/a", "example.com/a"])),
        create("finalizers", json!([""])),
        create("finalizers", json!([])),
    ]);
}

fn unknown_fields(talk: &mut Talk<'_>) {
    let bogus = json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "bogus"}, "extra": 1,
        "spec": {"bogus": 1, "settings": {"more": {}}, "ports": [{"port": 1, "x": 2}], "free": {"any": {"thing": [1]}},
            "half": {"unknown": 1, "known": {"a": "b", "c": "d"}}}});
    let twice = "{\"apiVersion\":\"demo.example.io/v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"twice\",\"name\":\"twice\"},\"spec\":{\"color\":\"red\",\"color\":\"blue\",\"bogus\":1,\"bogus\":2}}";
    let twice_yaml = "apiVersion: demo.example.io/v1\nkind: Widget\nmetadata: {name: twice-yaml}\nspec:\n  color: red\n  color: blue\n  bogus: 1\n";
    let in_metadata = widget_with(
        json!({"name": "meta", "extra": 1, "ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u", "more": 1}]}),
    );
    for validation in [
        "",
        "fieldValidation=Warn",
        "fieldValidation=Ignore",
        "fieldValidation=Strict",
    ] {
        let path = format!("$widgets?dryRun=All&{validation}");
        talk.send_all([
            post(&path, &bogus),
            post(&path, twice),
            post(&path, twice_yaml).header("content-type", "application/yaml"),
            post(&path, &in_metadata),
        ]);
        let config_map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "bogus": 1}, "data": {"a": "b"}, "extra": {}});
        talk.send(post(&format!("$core/configmaps?dryRun=All&{validation}"), &config_map));
    }
    let many: serde_json::Map<_, _> = (0..150)
        .map(|i| (format!("a-long-name-of-an-unknown-field-{i:03}"), json!(1)))
        .collect();
    talk.send(post("$widgets?dryRun=All", widget("many", json!(many))));
    talk.send(post(
        "$widgets?dryRun=All&fieldValidation=Strict",
        widget("many", json!(many)),
    ));
}

fn dry_run(talk: &mut Talk<'_>) {
    talk.send_all([
        post("$widgets?dryRun=All", widget("dry", json!({"color": "red"}))),
        get("$widgets/dry"),
        post("$widgets?dryRun=All", widget("dry", json!({"color": "none"}))),
        post("$widgets", widget("dry", json!({}))),
        post("$widgets?dryRun=All", widget("dry", json!({}))),
        post("$widgets?dryRun=All", widget_with(json!({"generateName": "dry-"}))),
        post(
            "$core/configmaps?dryRun=All",
            super::config_map("dry", json!({"a": "b"})),
        ),
        post(
            "/api/v1/namespaces?dryRun=All",
            json!({"metadata": {"name": "dry-namespace"}}),
        ),
    ]);
}

fn managers(talk: &mut Talk<'_>) {
    for (name, agent) in [
        ("curl", "curl/8.0.1"),
        ("kubectl", "kubectl/v1.37.1 (linux/amd64) kubernetes/abc"),
        ("spaces", "my agent/1"),
        ("umlaut", "m\u{fc}ller/1"),
        ("plain", "plain"),
        ("slash", "/x"),
    ] {
        talk.send(post("$widgets", widget(name, json!({"color": "red"}))).header("user-agent", agent));
    }
    let long = format!("{}/1", "a".repeat(140));
    talk.send(post("$widgets", widget("long", json!({}))).header("user-agent", long));
    talk.send(post(
        "$widgets?fieldManager=mine",
        widget("mine", json!({"color": "red"})),
    ));
    talk.send(post("$widgets?fieldManager=", widget("empty", json!({}))));
    talk.send(post("$widgets?fieldManager=a b/c", widget("odd", json!({}))));
    talk.send(post("$widgets", widget("all", json!({
        "ports": [{"port": 80, "extra": {"a": "b"}}], "tags": ["b", "a"], "steps": ["x"], "args": [{"name": "n"}], "labels": {"x": "y"},
        "selector": {"x": "y"}, "free": {"any": {"thing": [1]}}, "surge": "10%", "note": null, "template": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "t"}, "data": {"a": "b"}},
        "settings": {}, "half": {"known": {"a": "b"}, "other": 1},
    }))));
}

fn cluster_scope(talk: &mut Talk<'_>) {
    let gadgets = "/apis/plain.example.io/v1beta1/gadgets";
    let gadget = |metadata: Value, spec: Value| json!({"apiVersion": "plain.example.io/v1beta1", "kind": "Gadget", "metadata": metadata, "spec": spec});
    talk.send_all([
        post(gadgets, gadget(json!({"name": "a"}), json!({"size": 1}))),
        post(gadgets, gadget(json!({"name": "b", "namespace": "default"}), json!({}))),
        post(gadgets, json!({"apiVersion": "plain.example.io/v1beta1", "kind": "Gadget", "metadata": {"name": "c"}})),
        post(gadgets, json!({"apiVersion": "plain.example.io/v1beta1", "kind": "Gadget", "metadata": {"name": "d"}, "spec": {}, "status": {"phase": "kept"}})),
        get(&format!("{gadgets}/d")),
        get(&format!("{gadgets}/missing")),
        get(gadgets),
    ]);
}
