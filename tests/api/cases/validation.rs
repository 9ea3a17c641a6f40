//! What a schema refuses, and in which words.

use serde_json::{Value, json};

use super::widget;
use crate::{
    request::{get, merge, post, put},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("values", values),
    ("types", types),
    ("lists", lists),
    ("formats", formats),
    ("logic", logic),
    ("defaults", defaults),
    ("embedded", embedded),
    ("status", status),
    ("ratcheting", ratcheting),
];

fn specs(talk: &mut Talk<'_>, specs: impl IntoIterator<Item = Value>) {
    for spec in specs {
        talk.send(post("$widgets?dryRun=All", widget("v", spec)));
    }
}

fn values(talk: &mut Talk<'_>) {
    specs(
        talk,
        [
            json!({"replicas": -1}),
            json!({"replicas": 1001}),
            json!({"replicas": 1000}),
            json!({"color": "pink"}),
            json!({"color": ""}),
            json!({"weight": 0}),
            json!({"weight": 0.5}),
            json!({"weight": -1.5}),
            json!({"weight": 1e21}),
            json!({"weight": 1}),
            json!({"even": 3}),
            json!({"even": 4}),
            json!({"code": "a"}),
            json!({"code": "ab-1"}),
            json!({"code": "abcdefgh-1"}),
            json!({"code": "AB-1"}),
            json!({"big": 9_223_372_036_854_775_807_i64}),
            json!({"big": 9_007_199_254_740_993_i64}),
            json!({"replicas": 3_000_000_000_i64}),
            json!({"labels": {"a": "much too long a value"}}),
            json!({"labels": {"a": "1", "b": "2", "c": "3", "d": "4"}}),
            json!({"needs": {}}),
            json!({"needs": {"name": "n"}}),
            json!({"replicas": -1, "color": "pink", "needs": {}, "even": 3}),
        ],
    );
}

fn types(talk: &mut Talk<'_>) {
    specs(
        talk,
        [
            json!({"replicas": "1"}),
            json!({"replicas": 1.5}),
            json!({"replicas": true}),
            json!({"replicas": null}),
            json!({"color": 1}),
            json!({"color": null}),
            json!({"enabled": "true"}),
            json!({"enabled": 1}),
            json!({"weight": "1"}),
            json!({"settings": []}),
            json!({"settings": "a"}),
            json!({"ports": {}}),
            json!({"ports": [1]}),
            json!({"labels": {"a": 1}}),
            json!({"labels": []}),
            json!({"surge": true}),
            json!({"surge": 1}),
            json!({"surge": "a"}),
            json!({"surge": 1.5}),
            json!({"surge": null}),
            json!({"percent": "10"}),
            json!({"percent": "10%"}),
            json!({"percent": 5}),
            json!({"free": 1}),
            json!({"note": null}),
            json!({"note": 1}),
            json!({"steps": [null]}),
            json!({"steps": [1, "a", {}]}),
            json!({"tags": null}),
        ],
    );
    talk.send_all([
        post(
            "$widgets?dryRun=All",
            json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "v"}, "spec": []}),
        ),
        post(
            "$widgets?dryRun=All",
            json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "v"}, "spec": null}),
        ),
        post(
            "$widgets?dryRun=All",
            json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "v"}, "spec": "text"}),
        ),
        post(
            "$widgets?dryRun=All",
            json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "v"}, "status": "text"}),
        ),
    ]);
}

fn lists(talk: &mut Talk<'_>) {
    specs(
        talk,
        [
            json!({"tags": ["a", "a"]}),
            json!({"tags": ["a", "b", "a", "b"]}),
            json!({"tags": []}),
            json!({"tags": ["a", "b"]}),
            json!({"ports": [{"port": 80}, {"port": 80}]}),
            json!({"ports": [{"port": 80}, {"port": 80, "protocol": "UDP"}]}),
            json!({"ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}]}),
            json!({"ports": [{"name": "x"}]}),
            json!({"ports": [{"port": 1}, {"port": 2}, {"port": 3}, {"port": 4}, {"port": 5}]}),
            json!({"ports": [{"port": 1, "extra": {"a": 1}}]}),
            json!({"steps": ["a", "a"]}),
            json!({"args": [{"name": "a"}, {"name": "a"}]}),
            json!({"ports": [null]}),
            json!({"ports": []}),
        ],
    );
}

fn formats(talk: &mut Talk<'_>) {
    for (field, values) in [
        (
            "since",
            [
                "2020-01-01T00:00:00Z",
                "2020-01-01T00:00:00.5+02:00",
                "2020-01-01",
                "yesterday",
                "2020-13-01T00:00:00Z",
                "",
            ],
        ),
        (
            "day",
            [
                "2020-01-01",
                "2020-02-30",
                "2020-01-01T00:00:00Z",
                "01.01.2020",
                "",
                "20200101",
            ],
        ),
        ("wait", ["1h", "1h30m", "1.5s", "1", "-1s", "one day"]),
        ("address", ["10.0.0.1", "10.0.0.256", "::1", "10.0.0", "010.0.0.1", ""]),
        (
            "range",
            ["10.0.0.0/8", "10.0.0.1/8", "10.0.0.0", "::/0", "10.0.0.0/33", ""],
        ),
        (
            "id",
            [
                "123e4567-e89b-12d3-a456-426614174999",
                "123E4567-E89B-12D3-A456-426614174999",
                "123e4567e89b12d3a456426614174999",
                "123",
                "g23e4567-e89b-12d3-a456-426614174999",
                "",
            ],
        ),
        ("blob", ["YQ==", "YQ", "a b", "!!!", "YWI=", "YWJj"]),
        (
            "mail",
            ["a@example.com", "a", "a@", "A <a@example.com>", "@example.com", ""],
        ),
        (
            "link",
            ["https://example.com/a?b#c", "example", "://", "/path", "http://a b", ""],
        ),
    ] {
        specs(talk, values.map(|value| json!({field: value})));
    }
}

fn logic(talk: &mut Talk<'_>) {
    specs(
        talk,
        [
            json!({"either": {}}),
            json!({"either": {"a": "1"}}),
            json!({"either": {"a": "1", "b": "2"}}),
            json!({"some": {}}),
            json!({"some": {"a": "1", "b": "2"}}),
            json!({"never": {"a": "1"}}),
            json!({"never": {}}),
            json!({"either": {}, "some": {}, "never": {"a": "b"}}),
        ],
    );
}

fn defaults(talk: &mut Talk<'_>) {
    specs(
        talk,
        [
            json!({}),
            json!({"settings": {}}),
            json!({"settings": {"limits": {}}}),
            json!({"settings": {"limits": {"memory": 5}}}),
            json!({"settings": null}),
            json!({"mood": null}),
            json!({"mood": "angry"}),
            json!({"note": null}),
            json!({"ports": [{"port": 1, "protocol": null}]}),
            json!({"replicas": null, "settings": {"level": null}}),
            json!({"free": {"a": null}, "half": {"known": null, "other": null}}),
            json!({"color": null, "labels": null}),
            json!({"labels": {"a": null}}),
        ],
    );
    talk.send_all([
        post("$widgets", widget("d", json!({"replicas": 5}))),
        put("$widgets/d", json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "d", "resourceVersion": "$rv"}, "spec": {}})),
        merge("$widgets/d", json!({"spec": null})),
        merge("$widgets/d", json!({"spec": {"settings": null, "mood": null}})),
        get("$widgets/d"),
    ]);
}

fn embedded(talk: &mut Talk<'_>) {
    specs(
        talk,
        [
            json!({"template": {}}),
            json!({"template": {"apiVersion": "v1", "kind": "ConfigMap"}}),
            json!({"template": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"a": "b"}, "bogus": 1}, "data": {"x": 1}}}),
            json!({"free": {"a": {"b": [{"c": null}]}}, "half": {"known": {"a": "b", "x": 1}, "rest": [1, 2]}}),
        ],
    );
}

fn status(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    for status in [
        json!({"phase": "Running"}),
        json!({"phase": "Gone"}),
        json!({"replicas": "1"}),
        json!({"conditions": [{"type": "Ready", "status": "True"}]}),
        json!({"conditions": [{"type": "Ready", "status": "True"}, {"type": "Ready", "status": "False"}]}),
        json!({"conditions": [{"type": "Ready"}]}),
        json!({"bogus": 1}),
        json!(null),
        json!("text"),
    ] {
        talk.send(merge("$widgets/a/status", json!({"status": status})));
        talk.send(merge(
            "$widgets/a/status?fieldValidation=Strict",
            json!({"status": status}),
        ));
    }
}

/// What is wrong already may stay as it is.
fn ratcheting(talk: &mut Talk<'_>) {
    talk.send_all([
        post("$widgets", widget("r", json!({"free": {"a": 1}}))),
        merge("$widgets/r", json!({"metadata": {"labels": {"a b": "c"}}})),
        merge("$widgets/r", json!({"metadata": {"annotations": {"-": "c"}}})),
        merge("$widgets/r", json!({"metadata": {"finalizers": ["bad"]}})),
        merge("$widgets/r", json!({"spec": {"color": "pink"}})),
        merge("$widgets/r", json!({"spec": {"bogus": 1}})),
    ]);
}
