//! ConfigMaps and Secrets: keys, sizes, types, what may change.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::config_map;
use crate::{
    request::{apply, delete, get, json_patch, merge, post, put, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("keys", keys),
    ("sizes", sizes),
    ("immutable config maps", immutable_config_maps),
    ("secret types", secret_types),
    ("secrets", secrets),
    ("immutable secrets", immutable_secrets),
    ("string data", string_data),
    ("changes", changes),
    ("tables", tables),
];

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

fn keys(talk: &mut Talk<'_>) {
    let long = "k".repeat(254);
    for key in [
        "a", "A.b-c_d", ".a", ".", "..", "..a", "a..b", "a b", "ä", "a/b", "", "-", "_", &long,
    ] {
        talk.send(post("$core/configmaps?dryRun=All", config_map("k", json!({key: "v"}))));
        talk.send(post(
            "$core/configmaps?dryRun=All",
            json!({"metadata": {"name": "k"}, "binaryData": {key: "YQ=="}}),
        ));
        talk.send(post(
            "$core/secrets?dryRun=All",
            json!({"metadata": {"name": "k"}, "data": {key: "YQ=="}}),
        ));
    }
    talk.send(post(
        "$core/configmaps?dryRun=All",
        json!({"metadata": {"name": "k"}, "data": {"a": "1", "b": "2"}, "binaryData": {"a": "YQ==", "b": "YQ=="}}),
    ));
}

/// Of a created object, only that it is.
fn short(body: &mut Value) {
    if body["kind"] != "Status" {
        *body = body["kind"].take();
    }
}

fn sizes(talk: &mut Talk<'_>) {
    let limit = 1024 * 1024;
    for size in [limit, limit + 1] {
        let text = "x".repeat(size);
        talk.send(post("$core/configmaps?dryRun=All", config_map("s", json!({"a": text}))).view(short));
        talk.send(
            post(
                "$core/configmaps?dryRun=All",
                json!({"metadata": {"name": "s"}, "binaryData": {"a": encoded(&text)}}),
            )
            .view(short),
        );
        talk.send(
            post(
                "$core/secrets?dryRun=All",
                json!({"metadata": {"name": "s"}, "data": {"a": encoded(&text)}}),
            )
            .view(short),
        );
        talk.send(
            post(
                "$core/secrets?dryRun=All",
                json!({"metadata": {"name": "s"}, "stringData": {"a": text}}),
            )
            .view(short),
        );
    }
    let half = "x".repeat(limit / 2);
    talk.send(
        post(
            "$core/configmaps?dryRun=All",
            json!({"metadata": {"name": "s"}, "data": {"a": half}, "binaryData": {"b": encoded(&half), "c": "YQ=="}}),
        )
        .view(short),
    );
    talk.send(
        post(
            "$core/secrets?dryRun=All",
            json!({"metadata": {"name": "s"}, "data": {"a": encoded(&half), "b": encoded(&half), "c": "YQ=="}}),
        )
        .view(short),
    );
}

fn immutable_config_maps(talk: &mut Talk<'_>) {
    let map = |immutable: Value, data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "i"}, "immutable": immutable, "data": data, "binaryData": {"b": "YQ=="}});
    talk.send(post("$core/configmaps", map(json!(true), json!({"a": "1"}))));
    let path = "$core/configmaps/i";
    talk.send_all([
        put(path, map(json!(true), json!({"a": "1"}))),
        put(path, map(json!(true), json!({"a": "2"}))),
        put(path, map(json!(false), json!({"a": "1"}))),
        put(path, map(Value::Null, json!({"a": "2"}))),
        merge(path, json!({"binaryData": {"b": "Yg=="}})),
        merge(path, json!({"data": null, "binaryData": null, "immutable": null})),
        merge(path, json!({"metadata": {"labels": {"a": "b"}}})),
        strategic(path, json!({"data": {"a": null}})),
        json_patch(path, json!([{"op": "remove", "path": "/immutable"}])),
        apply(
            &format!("{path}?fieldManager=m&force=true"),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "3"}}),
        ),
        apply(
            &format!("{path}?fieldManager=m"),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}),
        ),
        get(path),
        delete(path),
    ]);
}

fn secret_types(talk: &mut Talk<'_>) {
    let config = encoded("{\"auths\":{}}");
    for (r#type, data) in [
        ("Opaque", json!({})),
        ("example.com/x", json!({})),
        ("x", Value::Null),
        ("kubernetes.io/tls", json!({})),
        ("kubernetes.io/tls", json!({"tls.crt": "", "tls.key": ""})),
        ("kubernetes.io/tls", json!({"tls.key": "YQ=="})),
        ("kubernetes.io/ssh-auth", json!({})),
        ("kubernetes.io/ssh-auth", json!({"ssh-privatekey": ""})),
        ("kubernetes.io/ssh-auth", json!({"ssh-privatekey": "YQ=="})),
        ("kubernetes.io/basic-auth", json!({})),
        ("kubernetes.io/basic-auth", json!({"username": "YQ=="})),
        ("kubernetes.io/basic-auth", json!({"password": ""})),
        ("kubernetes.io/dockercfg", json!({})),
        ("kubernetes.io/dockercfg", json!({".dockercfg": config})),
        ("kubernetes.io/dockercfg", json!({".dockercfg": "bm8ganNvbg=="})),
        ("kubernetes.io/dockerconfigjson", json!({})),
        ("kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": config})),
        ("kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": ""})),
        (
            "kubernetes.io/dockerconfigjson",
            json!({".dockerconfigjson": encoded("[]")}),
        ),
        (
            "kubernetes.io/dockerconfigjson",
            json!({".dockerconfigjson": encoded("{")}),
        ),
        (
            "kubernetes.io/dockerconfigjson",
            json!({".dockerconfigjson": encoded("{}x")}),
        ),
        ("kubernetes.io/service-account-token", json!({})),
        ("bootstrap.kubernetes.io/token", json!({})),
        ("", json!({})),
    ] {
        talk.send(post(
            "$core/secrets?dryRun=All",
            json!({"metadata": {"name": "t"}, "type": r#type, "data": data}),
        ));
    }
}

fn secrets(talk: &mut Talk<'_>) {
    let secret = |data: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "example.com/x", "data": data});
    talk.send(post("$core/secrets", secret(json!({"a": "YQ=="}))));
    let path = "$core/secrets/s";
    talk.send_all([
        put(path, secret(json!({"b": "Yg=="}))),
        put(path, json!({"metadata": {"name": "s"}, "data": {"b": "Yg=="}})),
        put(path, json!({"metadata": {"name": "s"}, "type": "", "data": {}})),
        merge(path, json!({"type": "Opaque"})),
        merge(path, json!({"type": null})),
        merge(path, json!({"type": "kubernetes.io/tls"})),
        strategic(path, json!({"data": {"c": "Yw==", "b": null}})),
        strategic(path, json!({"type": "Opaque"})),
        apply(&format!("{path}?fieldManager=m"), secret(json!({"d": "ZA=="}))),
        apply(&format!("{path}?fieldManager=m"), secret(json!({}))),
        get(path),
        get("$core/secrets?fieldSelector=type=example.com/x"),
        get("$core/secrets?fieldSelector=type!=example.com/x"),
        get("$core/secrets?fieldSelector=data=x"),
        get("$core/configmaps?fieldSelector=type=x"),
    ]);
}

fn immutable_secrets(talk: &mut Talk<'_>) {
    talk.send(post(
        "$core/secrets",
        json!({"metadata": {"name": "i"}, "immutable": true, "data": {"a": "YQ=="}}),
    ));
    let path = "$core/secrets/i";
    talk.send_all([
        merge(path, json!({"data": {"a": "Yg=="}})),
        merge(path, json!({"data": null})),
        merge(path, json!({"immutable": false})),
        merge(path, json!({"immutable": null, "data": {"b": "Yg=="}, "type": "x"})),
        merge(path, json!({"stringData": {"a": "a"}})),
        merge(path, json!({"stringData": {"a": "b"}})),
        merge(path, json!({"metadata": {"annotations": {"a": "b"}}})),
    ]);
}

fn string_data(talk: &mut Talk<'_>) {
    talk.send_all([
        post(
            "$core/secrets",
            json!({"metadata": {"name": "s"}, "stringData": {"a": "ä", "b": ""}, "data": {"a": "eA==", "c": "eA=="}}),
        ),
        post(
            "$core/secrets",
            json!({"metadata": {"name": "bad"}, "stringData": {"a b": "x"}}),
        ),
        merge("$core/secrets/s", json!({"stringData": {"d": "new"}})),
        strategic(
            "$core/secrets/s",
            json!({"stringData": {"a": "x"}, "data": {"a": "eQ=="}}),
        ),
        put(
            "$core/secrets/s",
            json!({"metadata": {"name": "s"}, "stringData": {"only": "this"}}),
        ),
        apply(
            "$core/secrets/s?fieldManager=m",
            json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"applied": "x"}}),
        ),
        apply(
            "$core/secrets/s?fieldManager=m",
            json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"applied": "y"}}),
        ),
        apply(
            "$core/secrets/s?fieldManager=m",
            json!({"apiVersion": "v1", "kind": "Secret"}),
        ),
        get("$core/secrets/s"),
    ]);
}

fn changes(talk: &mut Talk<'_>) {
    talk.send(post("$core/configmaps", config_map("a", json!({"x": "1"}))))
        .keep("rv", "/metadata/resourceVersion");
    let path = "$core/configmaps/a";
    talk.send_all([
        put(path, config_map("a", json!({"x": "2"}))),
        put(path, json!({"metadata": {"name": "a", "resourceVersion": "$rv"}, "data": {}})),
        put(path, json!({"metadata": {"name": "b"}})),
        put(path, json!({"metadata": {}})),
        put("$core/configmaps/missing", config_map("missing", json!({}))),
        merge(path, json!({"data": {"x": null}})),
        merge(path, json!({"data": {"y": "3"}})),
        merge(path, json!({"data": null})),
        apply(&format!("{path}?fieldManager=m"), json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"labels": {"l": "m"}}, "data": {"z": "1"}})),
        apply(&format!("{path}?fieldManager=m"), json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})),
        apply(&format!("{path}?fieldManager=m"), json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"z": 1}})),
        apply(&format!("{path}?fieldManager=m"), json!({"apiVersion": "v1", "kind": "ConfigMap", "bogus": 1})),
        apply(&format!("{path}?fieldManager=m"), json!({"apiVersion": "v1", "kind": "Secret", "data": {}})),
        apply(&format!("{path}?fieldManager=m"), json!({"apiVersion": "v2", "kind": "ConfigMap"})),
        apply("$core/configmaps/applied?fieldManager=m", json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"z": "1"}, "binaryData": {}})),
        delete("$core/configmaps?labelSelector=l=m"),
        get("$core/configmaps"),
    ]);
}

fn tables(talk: &mut Talk<'_>) {
    talk.send(get("$core/configmaps").accept(TABLE));
    talk.quietly(post(
        "$core/configmaps",
        json!({"metadata": {"name": "a"}, "data": {"x": "1"}, "binaryData": {"y": "YQ=="}}),
    ));
    talk.quietly(post("$core/configmaps", json!({"metadata": {"name": "b"}})));
    talk.quietly(post(
        "$core/secrets",
        json!({"metadata": {"name": "a"}, "type": "example.com/x", "stringData": {"x": "1"}}),
    ));
    talk.send_all([
        get("$core/configmaps").accept(TABLE),
        get("$core/configmaps/b").accept(TABLE),
        get("$core/secrets").accept(TABLE),
        get("$core/secrets/missing").accept(TABLE),
        get("$core/secrets?includeObject=Object").accept(TABLE),
        post("$core/configmaps", config_map("c", json!({}))).accept(TABLE),
        delete("$core/configmaps/c").accept(TABLE),
        delete("$core/configmaps").accept(TABLE),
    ]);
}
