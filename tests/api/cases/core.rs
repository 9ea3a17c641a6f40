//! Core kinds: what a kube-apiserver has built in.

use serde_json::json;

use super::config_map;
use crate::{
    request::{delete, get, merge, post, put, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("config maps", config_maps),
    ("secrets", secrets),
    ("namespaces", namespaces),
    ("service accounts", service_accounts),
];

fn config_maps(talk: &mut Talk<'_>) {
    for map in [
        config_map("a", json!({"x": "1"})),
        config_map("a", json!({})),
        config_map("B_", json!({})),
        config_map("bad-key", json!({"a b": "1"})),
        config_map("dots", json!({"..": "1"})),
        config_map("null", json!({"a": null})),
        json!({"metadata": {"name": "binary"}, "binaryData": {"b": "AAE="}}),
        json!({"metadata": {"name": "immutable"}, "immutable": true}),
        json!({"metadata": {"generateName": "g-"}}),
        json!({"metadata": {}}),
        json!({"metadata": {"name": "empty"}, "data": null}),
    ] {
        talk.send(post("$core/configmaps", map));
    }
    talk.send(merge("$core/configmaps/immutable", json!({"data": {"a": "b"}})));
    talk.send(merge("$core/configmaps/immutable", json!({"immutable": null})));
    talk.send(get("$core/configmaps/binary"));
}

fn secrets(talk: &mut Talk<'_>) {
    for secret in [
        json!({"metadata": {"name": "a"}, "data": {"x": "eA=="}}),
        json!({"metadata": {"name": "text"}, "stringData": {"x": "y"}, "data": {"z": "eA=="}}),
        json!({"metadata": {"name": "typed"}, "type": "example.com/mine", "data": {}}),
        json!({"metadata": {"name": "tls"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "eA=="}}),
        json!({"metadata": {"name": "ssh"}, "type": "kubernetes.io/ssh-auth"}),
        json!({"metadata": {"name": "docker"}, "type": "kubernetes.io/dockerconfigjson", "data": {}}),
        json!({"metadata": {"name": "key"}, "data": {"a b": "eA=="}}),
        json!({"metadata": {"name": "immutable"}, "immutable": true, "data": {"x": "eA=="}}),
    ] {
        talk.send(post("$core/secrets", secret));
    }
    talk.send_all([
        merge("$core/secrets/a", json!({"type": "other"})),
        merge("$core/secrets/a", json!({"stringData": {"n": "m"}})),
        strategic("$core/secrets/a", json!({"stringData": {"o": "p"}})),
        merge("$core/secrets/immutable", json!({"data": {"x": "eQ=="}})),
        put(
            "$core/secrets/a",
            json!({"metadata": {"name": "a"}, "data": {"x": "eQ=="}}),
        ),
        get("$core/secrets?fieldSelector=type=example.com/mine"),
    ]);
}

fn namespaces(talk: &mut Talk<'_>) {
    for namespace in [
        json!({"metadata": {"name": "$ns"}}),
        json!({"metadata": {"name": "Bad_Name"}}),
        json!({"metadata": {"name": "$ns-more", "labels": {"a": "b"}}}),
        json!({"metadata": {"name": "$ns-status"}, "status": {"phase": "Terminating"}}),
        json!({"metadata": {"name": "$ns-ns", "namespace": "x"}}),
        json!({"metadata": {"name": "$ns-label", "labels": {"kubernetes.io/metadata.name": "wrong"}}}),
    ] {
        talk.send(post("/api/v1/namespaces", namespace));
    }
    talk.send_all([
        get("/api/v1/namespaces/$ns"),
        get("/api/v1/namespaces/$ns/status"),
        merge(
            "/api/v1/namespaces/$ns",
            json!({"metadata": {"labels": {"kubernetes.io/metadata.name": null}}}),
        ),
        merge("/api/v1/namespaces/$ns", json!({"status": {"phase": "Terminating"}})),
        delete("/api/v1/namespaces/kube-system"),
        delete("/api/v1/namespaces/missing"),
        delete("/api/v1/namespaces/$ns-more"),
        get("/api/v1/namespaces/$ns-more"),
        delete("/api/v1/namespaces/$ns-more"),
        post("/api/v1/namespaces/$ns-more/configmaps", config_map("late", json!({}))),
        post(
            "/apis/demo.example.io/v1/namespaces/$ns-more/widgets",
            super::widget("late", json!({})),
        ),
        post("/api/v1/namespaces/missing/configmaps", config_map("a", json!({}))),
    ]);
}

fn service_accounts(talk: &mut Talk<'_>) {
    talk.send_all([
        post("$core/serviceaccounts", json!({"metadata": {"name": "a"}})),
        post("$core/serviceaccounts", json!({"metadata": {"name": "Bad_"}})),
        merge(
            "$core/serviceaccounts/a",
            json!({"automountServiceAccountToken": false}),
        ),
        get("$core/serviceaccounts"),
    ]);
}
