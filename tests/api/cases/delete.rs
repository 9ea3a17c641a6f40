//! DELETE: options, finalizers, propagation, collections.

use serde_json::{Value, json};

use super::{config_map, widget, widget_with};
use crate::{
    request::{delete, delete_with, get, merge, post},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("an object", object),
    ("options", options),
    ("preconditions", preconditions),
    ("propagation", propagation),
    ("finalizers", finalizers),
    ("collections", collections),
    ("built-in", built_in),
    ("dry run", dry_run),
];

fn object(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    talk.send_all([
        delete("$widgets/a"),
        delete("$widgets/a"),
        get("$widgets/a"),
        delete("$widgets/missing"),
    ]);
    for body in [
        json!({"propagationPolicy": "Background"}),
        json!({"kind": "DeleteOptions", "apiVersion": "v1"}),
        json!({"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", "propagationPolicy": "Background"}),
        json!({"kind": "DeleteOptions", "apiVersion": "demo.example.io/v1"}),
        json!({}),
        json!({"gracePeriodSeconds": 0}),
        json!({"gracePeriodSeconds": 30}),
        json!({"gracePeriodSeconds": -1}),
    ] {
        talk.quietly(post("$widgets", widget("b", json!({}))));
        talk.send(delete_with("$widgets/b", body));
    }
    for query in [
        "propagationPolicy=Background",
        "gracePeriodSeconds=0",
        "orphanDependents=false",
        "timeout=5s",
    ] {
        talk.quietly(post("$widgets", widget("b", json!({}))));
        talk.send(delete(&format!("$widgets/b?{query}")));
    }
}

fn options(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    for body in [
        "{",
        "[]",
        "nonsense",
        "{\"kind\":\"Widget\",\"apiVersion\":\"demo.example.io/v1\"}",
        "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"other/v1\"}",
        "{\"kind\":\"DeleteOptions\"}",
        "{\"propagationPolicy\":\"Nonsense\"}",
        "{\"propagationPolicy\":\"Background\",\"orphanDependents\":true}",
        "{\"propagationPolicy\":1}",
        "{\"gracePeriodSeconds\":\"a\"}",
        "{\"dryRun\":[\"x\"]}",
        "{\"dryRun\":[\"All\"],\"bogus\":1}",
        "{\"preconditions\":[]}",
    ] {
        talk.send(delete_with("$widgets/a", body));
    }
    talk.send_all([
        post("$widgets", widget("b", json!({}))),
        delete("$widgets/b?propagationPolicy=Nonsense"),
        delete("$widgets/b?orphanDependents=abc"),
        delete("$widgets/b?gracePeriodSeconds=abc"),
        delete("$widgets/b?dryRun=x"),
        delete("$widgets/b?orphanDependents=true&propagationPolicy=Orphan"),
        delete_with("$widgets/b", "{}").header("content-type", "text/plain"),
        delete_with("$widgets/b", "propagationPolicy: Nonsense").header("content-type", "application/yaml"),
        delete_with("$widgets/b", "{\"dryRun\":[\"All\"]}").without("content-type"),
    ]);
}

fn preconditions(talk: &mut Talk<'_>) {
    talk.send(post("$widgets", widget("a", json!({}))))
        .keep("uid", "/metadata/uid")
        .keep("rv", "/metadata/resourceVersion");
    talk.send_all([
        delete_with(
            "$widgets/a",
            json!({"preconditions": {"uid": "11111111-2222-3333-4444-555555555555"}}),
        ),
        delete_with("$widgets/a", json!({"preconditions": {"resourceVersion": "1"}})),
        delete_with(
            "$widgets/a",
            json!({"preconditions": {"uid": "$uid", "resourceVersion": "1"}}),
        ),
        delete_with("$widgets/missing", json!({"preconditions": {"uid": "$uid"}})),
        delete_with(
            "$widgets/a",
            json!({"preconditions": {"uid": "$uid", "resourceVersion": "$rv"}}),
        ),
        get("$widgets/a"),
    ]);
}

fn propagation(talk: &mut Talk<'_>) {
    for (name, body) in [
        ("foreground", json!({"propagationPolicy": "Foreground"})),
        ("orphan", json!({"propagationPolicy": "Orphan"})),
        ("orphans", json!({"orphanDependents": true})),
        ("no-orphans", json!({"orphanDependents": false})),
        ("background", json!({"propagationPolicy": "Background"})),
    ] {
        talk.send(post("$widgets", widget_with(json!({"name": name}))));
        talk.send(delete_with(&format!("$widgets/{name}"), &body));
        talk.send(delete_with(&format!("$widgets/{name}"), &body));
        talk.send(get(&format!("$widgets/{name}")));
        talk.quietly(merge(
            &format!("$widgets/{name}"),
            json!({"metadata": {"finalizers": null}}),
        ));
    }
    for (name, finalizers, body) in [
        ("held", json!(["example.com/a"]), json!({})),
        (
            "held-foreground",
            json!(["example.com/a"]),
            json!({"propagationPolicy": "Foreground"}),
        ),
        (
            "held-orphan",
            json!(["example.com/a", "foregroundDeletion"]),
            json!({"propagationPolicy": "Orphan"}),
        ),
        ("was-orphan", json!(["orphan"]), json!({})),
        (
            "was-orphan-background",
            json!(["orphan", "example.com/a"]),
            json!({"propagationPolicy": "Background"}),
        ),
        (
            "was-foreground",
            json!(["foregroundDeletion"]),
            json!({"propagationPolicy": "Background"}),
        ),
    ] {
        talk.send(post(
            "$widgets",
            widget_with(json!({"name": name, "finalizers": finalizers})),
        ));
        talk.send(delete_with(&format!("$widgets/{name}"), &body));
        talk.send(delete_with(
            &format!("$widgets/{name}"),
            json!({"propagationPolicy": "Foreground"}),
        ));
    }
}

fn finalizers(talk: &mut Talk<'_>) {
    talk.send_all([
        post(
            "$widgets",
            widget_with(json!({"name": "a", "finalizers": ["example.com/a", "example.com/b"]})),
        ),
        delete("$widgets/a"),
        post("$widgets", widget_with(json!({"name": "a"}))),
        merge("$widgets/a", json!({"metadata": {"finalizers": ["example.com/c"]}})),
        merge("$widgets/a", json!({"metadata": {"finalizers": ["example.com/b"]}})),
        merge("$widgets/a", json!({"metadata": {"deletionTimestamp": null}})),
        merge("$widgets/a", json!({"spec": {"color": "red"}})),
        delete_with("$widgets/a", json!({"gracePeriodSeconds": 0})),
        merge("$widgets/a", json!({"metadata": {"finalizers": []}})),
        get("$widgets/a"),
        post("$widgets", widget_with(json!({"name": "a"}))),
    ]);
}

fn collections(talk: &mut Talk<'_>) {
    let labelled = |name: &str, label: &str| widget_with(json!({"name": name, "labels": {"l": label}}));
    for (name, label) in [("a", "1"), ("b", "1"), ("c", "2"), ("d", "2")] {
        talk.quietly(post("$widgets", labelled(name, label)));
    }
    talk.send_all([
        delete("$widgets?labelSelector=l=1&dryRun=All"),
        delete("$widgets?labelSelector=l=1"),
        get("$widgets"),
        delete("$widgets?fieldSelector=metadata.name=c"),
        delete_with(
            "$widgets?labelSelector=l=2",
            json!({"preconditions": {"resourceVersion": "1"}}),
        ),
        delete("$widgets?labelSelector=%zz"),
        delete("$widgets?labelSelector=a b"),
        delete("$widgets?fieldSelector=spec.color=red"),
        delete_with("$widgets", "{"),
        delete_with("$widgets", json!({"propagationPolicy": "Nonsense"})),
        delete_with("$widgets", json!({"propagationPolicy": "Foreground"})),
        delete("$widgets?limit=abc"),
        get("$widgets"),
        delete("$widgets?labelSelector=none=none"),
    ]);
    let held = |name: &str| widget_with(json!({"name": name, "finalizers": ["example.com/a"]}));
    talk.quietly(post("$widgets", held("held")));
    talk.quietly(post("$widgets", labelled("free", "3")));
    talk.send_all([delete("$widgets?limit=1"), delete("$widgets"), get("$widgets")]);
}

fn built_in(talk: &mut Talk<'_>) {
    let maps = "$core/configmaps";
    talk.quietly(post(maps, config_map("a", json!({}))));
    talk.quietly(post(maps, config_map("b", json!({}))));
    let mut held = config_map("held", json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/a"]);
    talk.quietly(post(maps, held));
    talk.send(get(&format!("{maps}/b"))).keep("uid", "/metadata/uid");
    talk.send_all([
        delete(&format!("{maps}/a")),
        delete(&format!("{maps}/a")),
        delete_with(
            &format!("{maps}/b"),
            json!({"preconditions": {"uid": "11111111-2222-3333-4444-555555555555"}}),
        ),
        delete_with(
            &format!("{maps}/b"),
            json!({"preconditions": {"uid": "$uid"}, "propagationPolicy": "Foreground"}),
        ),
        get(&format!("{maps}/b")),
        delete(&format!("{maps}/held")),
        delete(maps),
        delete("$core/secrets"),
        delete("$core/secrets/missing"),
        delete("/apis/coordination.k8s.io/v1/namespaces/$ns/leases/missing"),
    ]);
}

fn dry_run(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    talk.quietly(post(
        "$widgets",
        widget_with(json!({"name": "held", "finalizers": ["example.com/a"]})),
    ));
    let all = |more: Value| {
        let mut options = json!({"dryRun": ["All"]});
        for (key, value) in more.as_object().unwrap() {
            options[key] = value.clone();
        }
        options
    };
    talk.send_all([
        delete("$widgets/a?dryRun=All"),
        delete_with("$widgets/a", all(json!({}))),
        delete_with("$widgets/a", all(json!({"propagationPolicy": "Foreground"}))),
        delete_with("$widgets/held", all(json!({}))),
        delete_with("$widgets", all(json!({}))),
        delete_with("$widgets/missing", all(json!({}))),
        get("$widgets"),
    ]);
}
