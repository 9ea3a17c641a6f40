//! Which forms a server speaks and reads.

use serde_json::json;

use super::{config_map, widget};
use crate::{
    request::{get, merge, method, post, put, watch},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("accept", accept),
    ("content type", content_type),
    ("patch types", patch_types),
    ("partial metadata", partial),
    ("pretty", pretty),
    ("compression", compression),
    ("audit id", audit_id),
];

const PARTIAL: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

fn accept(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    for accept in [
        "*/*",
        "application/*",
        "application/json",
        "application/json;charset=utf-8",
        "application/json; q=0.5, application/yaml",
        "application/yaml;q=0.2, application/json;q=0.9",
        "application/yaml",
        "application/vnd.kubernetes.protobuf,application/json",
        "text/html,application/xhtml+xml,*/*;q=0.8",
        "text/plain",
        "application/json;stream=watch",
        "nonsense",
        "",
        "text/html",
        "application/json;as=Nothing;g=meta.k8s.io;v=v1",
        "application/json;as=Nothing;g=meta.k8s.io;v=v1,application/json",
        "application/json;as=Table;g=other.example.io;v=v1,application/json",
    ] {
        talk.send(get("$widgets/a").accept(accept));
    }
    talk.send_all([
        get("$widgets").accept("application/yaml"),
        get("$widgets/missing").accept("application/yaml"),
        get("$widgets/missing").accept("text/plain"),
        watch("$widgets?watch=true&timeoutSeconds=1", 1).accept("application/yaml"),
        watch("$widgets?watch=true&timeoutSeconds=1", 1).accept("application/json;stream=watch"),
        watch("$widgets?watch=true&timeoutSeconds=1", 1).accept("application/json, */*"),
        get("/apis/demo.example.io/v1").accept("text/plain"),
    ]);
}

fn content_type(talk: &mut Talk<'_>) {
    let mut number = 0;
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/yaml",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/merge-patch+json",
        "",
        "nonsense;;",
        "*/*",
    ] {
        number += 1;
        talk.send(post("$widgets", widget(&format!("w{number}"), json!({}))).header("content-type", content_type));
    }
    talk.send_all([
        post("$widgets", widget("none", json!({}))).without("content-type"),
        post(
            "$widgets",
            "apiVersion: demo.example.io/v1\nkind: Widget\nmetadata: {name: yaml}\nspec: {replicas: 2}\n",
        )
        .header("content-type", "application/yaml"),
        post("$widgets", "a: [").header("content-type", "application/yaml"),
        post(
            "$widgets",
            "apiVersion: demo.example.io/v1\nkind: Widget\nmetadata: {name: yaml-out}\n",
        )
        .header("content-type", "application/yaml")
        .accept("application/yaml"),
        put("$widgets/yaml", widget("yaml", json!({}))).header("content-type", "text/plain"),
        post("$core/configmaps", config_map("text", json!({}))).header("content-type", "text/plain"),
    ]);
}

fn patch_types(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    talk.quietly(post("$core/configmaps", config_map("a", json!({}))));
    for content_type in [
        "application/json",
        "application/merge-patch+json; charset=utf-8",
        "application/strategic-merge-patch+json",
        "application/apply-patch+cbor",
        "text/plain",
        "",
    ] {
        talk.send(
            merge("$widgets/a", json!({"metadata": {"labels": {"a": "b"}}})).header("content-type", content_type),
        );
    }
    talk.send_all([
        merge("$widgets/a", "{}").without("content-type"),
        merge("$widgets/missing", "{}").header("content-type", "application/strategic-merge-patch+json"),
        merge("$widgets/a/status", "{}").header("content-type", "application/strategic-merge-patch+json"),
        merge("$widgets/a/scale", "{}").header("content-type", "application/strategic-merge-patch+json"),
    ]);
}

fn partial(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"color": "red"}))));
    talk.send_all([
        get("$widgets/a").accept(PARTIAL),
        get("$widgets").accept(PARTIAL_LIST),
        get("$widgets").accept(PARTIAL),
        get("$widgets").accept(&format!("application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1x,{PARTIAL_LIST},application/json")),
        get("$widgets/missing").accept(PARTIAL),
        get("$widgets?limit=1").accept(PARTIAL_LIST),
        watch("$widgets?watch=true&timeoutSeconds=1", 1).accept(PARTIAL),
        merge("$widgets/a", json!({"metadata": {"labels": {"a": "b"}}})).accept(PARTIAL),
        post("$widgets", widget("b", json!({}))).accept(PARTIAL),
        method("DELETE", "$widgets/b").accept(PARTIAL),
        get("$widgets/a").accept("application/yaml;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),
    ]);
}

fn pretty(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    // As text: the spaces are what it is about.
    let as_text = |body: &mut serde_json::Value| *body = body.clone();
    talk.send_all([
        get("$widgets/a?pretty=true").view(as_text),
        get("$widgets/a").header("user-agent", "curl/8.0"),
        get("$widgets/missing?pretty=true"),
        get("/apis/demo.example.io?pretty=1"),
        get("$widgets?pretty=false"),
    ]);
}

fn compression(talk: &mut Talk<'_>) {
    let much = "x".repeat(200_000);
    talk.quietly(post("$core/configmaps", config_map("much", json!({"a": much}))));
    talk.quietly(post("$core/configmaps", config_map("little", json!({"a": "b"}))));
    let only_headers = |body: &mut serde_json::Value| *body = serde_json::Value::Null;
    for encoding in ["gzip", "gzip, deflate", "deflate", "identity", "*", "gzip;q=0"] {
        talk.send(
            get("$core/configmaps/much")
                .header("accept-encoding", encoding)
                .view(only_headers),
        );
    }
    talk.send(
        get("$core/configmaps/little")
            .header("accept-encoding", "gzip")
            .view(only_headers),
    );
    talk.send(
        get("$core/configmaps")
            .header("accept-encoding", "gzip")
            .view(only_headers),
    );
}

fn audit_id(talk: &mut Talk<'_>) {
    talk.send_all([
        get("$widgets").header("audit-id", "my-own"),
        get("$widgets").header("audit-id", ""),
        get("/nothing").header("audit-id", "my-own"),
    ]);
}
