//! Requests that lead nowhere.

use serde_json::json;

use super::widget;
use crate::{
    request::{delete, get, merge, method, post, put},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("paths", paths),
    ("methods", methods),
    ("query", query),
    ("bodies", bodies),
    ("sizes", sizes),
];

fn paths(talk: &mut Talk<'_>) {
    talk.send_all([
        get("/apis/demo.example.io/v1/nopes"),
        get("/apis/demo.example.io/v1/namespaces/$ns/nopes"),
        get("/apis/demo.example.io/v1/namespaces/$ns/nopes/a"),
        get("/api/v1/nopes"),
        get("$core/nopes/a"),
        get("$widgets/a/nopes"),
        get("$widgets/a/status/more"),
        get("$widgets/a/b/c/d"),
        get("/apis/demo.example.io/v1/namespaces/$ns"),
        get("$core/configmaps/a/nopes"),
        get("/apis/demo.example.io/v1/widgets/a"),
        get("/apis/plain.example.io/v1beta1/namespaces/$ns/gadgets"),
        get("/apis/plain.example.io/v1beta1/gadgets/a/status"),
        get("/apis/plain.example.io/v1beta1/gadgets/a/scale"),
        get("/api/v1/configmaps/a"),
        get("$widgets/"),
        get("$widgets/a/"),
        get("$widgets/A_B"),
        get("$widgets/a%2Fb"),
    ]);
}

fn methods(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    talk.send_all([
        post("/apis/demo.example.io/v1/widgets", widget("b", json!({}))),
        put("$widgets", widget("b", json!({}))),
        merge("$widgets", json!({})),
        post("$widgets/a", widget("a", json!({}))),
        post("$widgets/a/status", widget("a", json!({}))),
        delete("$widgets/a/status"),
        delete("$widgets/a/scale"),
        post("$widgets/a/scale", "{}"),
        delete("/apis/demo.example.io/v1/widgets"),
        method("OPTIONS", "$widgets"),
        method("HEAD", "$widgets"),
        method("HEAD", "$widgets/a"),
        method("HEAD", "$widgets/missing"),
        method("TRACE", "$widgets/a"),
        method("PURGE", "$widgets/a"),
        post("/api/v1/configmaps", "{}"),
        put("$core/configmaps", "{}"),
        method("OPTIONS", "$core/configmaps"),
        method("HEAD", "$core/configmaps"),
        delete("/api/v1/configmaps"),
        delete("/api/v1/namespaces"),
        post("/api/v1/namespaces/$ns", "{}"),
    ]);
}

fn query(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    for query in [
        "timeout=abc",
        "timeout=5s",
        "limit=abc",
        "limit=-1",
        "timeoutSeconds=abc",
        "allowWatchBookmarks=abc",
        "nothing=1",
        "export=true",
        "labelSelector=%zz",
        "resourceVersion=abc",
        "resourceVersion=-1",
        "resourceVersionMatch=Exact",
        "sendInitialEvents=abc",
        "sendInitialEvents=true",
    ] {
        talk.send(get(&format!("$widgets?{query}")));
    }
    for query in [
        "resourceVersion=abc",
        "resourceVersion=99999999999",
        "resourceVersion=0",
        "export=true",
        "timeout=abc",
    ] {
        talk.send(get(&format!("$widgets/a?{query}")));
    }
    for query in [
        "dryRun=x",
        "dryRun=",
        "dryRun=All&dryRun=All",
        "dryRun=All&dryRun=x",
        "fieldValidation=x",
        "fieldValidation=",
        "fieldManager=a%0ab",
        "force=true",
        "timeout=abc",
        "pretty=abc",
    ] {
        talk.send(post(&format!("$widgets?{query}"), widget("q", json!({}))));
        talk.quietly(delete("$widgets/q"));
        talk.send(put(&format!("$widgets/a?{query}"), widget("a", json!({}))));
        talk.send(merge(
            &format!("$widgets/a?{query}"),
            json!({"metadata": {"labels": {"a": "b"}}}),
        ));
    }
    let long = "m".repeat(129);
    talk.send(post(&format!("$widgets?fieldManager={long}"), widget("q", json!({}))));
    talk.send(merge(&format!("$widgets/a?fieldManager={long}"), json!({})));
}

fn bodies(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    for body in [
        "",
        "{",
        "[]",
        "null",
        "1",
        "\"text\"",
        "nonsense",
        "{}",
        "{\"kind\":\"Widget\"}",
        "{\"apiVersion\":\"demo.example.io/v1\"}",
        "{\"apiVersion\":\"demo.example.io/v1\",\"kind\":\"Widget\"}",
        "{\"apiVersion\":\"demo.example.io/v1\",\"kind\":\"Widget\",\"metadata\":{}}",
        "{\"apiVersion\":\"demo.example.io/v1\",\"kind\":\"Widget\",\"metadata\":[]}",
        "{\"apiVersion\":\"demo.example.io/v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":1}}",
        "{\"apiVersion\":\"demo.example.io/v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"a\",\"labels\":{\"a\":1}}}",
        "{\"apiVersion\":\"demo.example.io/v1\",\"kind\":\"Gizmo\",\"metadata\":{\"name\":\"x\"}}",
        "{\"apiVersion\":\"demo.example.io/v2\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"x\"}}",
        "{\"apiVersion\":\"other.example.io/v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"x\"}}",
        "{\"apiVersion\":\"a/b/c\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"x\"}}",
        "{\"apiVersion\":1,\"kind\":\"Widget\",\"metadata\":{\"name\":\"x\"}}",
        "{\"apiVersion\":\"demo.example.io/v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"x\"}} trailing",
        "{\"apiVersion\":\"demo.example.io/v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"x\"},\"spec\":1}",
        "{\"apiVersion\":\"demo.example.io/v1\",\"kind\":\"WidgetList\",\"items\":[]}",
    ] {
        talk.send(post("$widgets", body));
        talk.send(put("$widgets/a", body));
    }
    for body in ["", "{", "[]", "{}", "{\"kind\":\"ConfigMap\"}"] {
        talk.send(post("$core/configmaps", body));
    }
}

fn sizes(talk: &mut Talk<'_>) {
    let too_much = "x".repeat(3 * 1024 * 1024);
    talk.send_all([
        post("$widgets", widget("a", json!({"code": too_much}))),
        merge("$widgets/a", json!({"spec": {"code": too_much}})),
        delete("$widgets/a")
            .header("content-type", "application/json")
            .body(&too_much),
    ]);
}
