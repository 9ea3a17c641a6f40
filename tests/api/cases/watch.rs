//! Watches: initial events, bookmarks, selectors, errors.

use serde_json::json;

use super::{config_map, widget, widget_with};
use crate::{
    request::{delete, get, merge, post, watch},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("initial events", initial),
    ("changes", changes),
    ("selectors", selectors),
    ("options", options),
    ("forms", forms),
    ("built-in", built_in),
    ("writes that change nothing", unchanged),
];

fn two(talk: &mut Talk<'_>) {
    talk.quietly(post(
        "$widgets",
        widget_with(json!({"name": "a", "labels": {"l": "1"}})),
    ));
    talk.quietly(post(
        "$widgets",
        widget_with(json!({"name": "b", "labels": {"l": "2"}})),
    ));
}

fn initial(talk: &mut Talk<'_>) {
    two(talk);
    talk.send(get("$widgets")).keep("rv", "/metadata/resourceVersion");
    let initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    for (query, events) in [
        ("timeoutSeconds=1".to_owned(), 3),
        ("resourceVersion=0&timeoutSeconds=1".to_owned(), 3),
        ("resourceVersion=$rv&timeoutSeconds=1".to_owned(), 1),
        (initial.to_owned(), 3),
        (format!("{initial}&resourceVersion=0"), 3),
        (format!("{initial}&resourceVersion=$rv"), 3),
        (format!("{initial}&resourceVersion="), 3),
        (format!("{initial}&labelSelector=l=1"), 2),
        (format!("{initial}&labelSelector=l=9"), 1),
        (format!("{initial}&fieldSelector=metadata.name=b"), 2),
        (
            "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=1".to_owned(),
            3,
        ),
        (
            "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=$rv&timeoutSeconds=1".to_owned(),
            3,
        ),
        (
            "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1".to_owned(),
            4,
        ),
        ("allowWatchBookmarks=true&timeoutSeconds=1".to_owned(), 3),
        (
            "allowWatchBookmarks=true&resourceVersion=0&timeoutSeconds=1".to_owned(),
            3,
        ),
    ] {
        talk.send(watch(&format!("$widgets?watch=true&{query}"), events));
    }
}

fn changes(talk: &mut Talk<'_>) {
    two(talk);
    talk.send(get("$widgets")).keep("rv", "/metadata/resourceVersion");
    let write = |talk: &mut Talk<'_>| {
        talk.quietly(post("$widgets", widget("c", json!({"color": "red"}))));
        talk.quietly(merge("$widgets/c", json!({"spec": {"color": "blue"}})));
        talk.quietly(merge("$widgets/c/status", json!({"status": {"phase": "Running"}})));
        talk.quietly(merge(
            "$widgets/c",
            json!({"metadata": {"finalizers": ["example.com/a"]}}),
        ));
        talk.quietly(delete("$widgets/c"));
        talk.quietly(merge("$widgets/c", json!({"metadata": {"finalizers": null}})));
        talk.quietly(delete("$widgets/a"));
    };
    talk.watching(watch("$widgets?watch=true&resourceVersion=$rv", 7), write);
    // Again from the same revision, from history.
    talk.send(watch("$widgets?watch=true&resourceVersion=$rv", 7));
    talk.send(watch(
        "/apis/demo.example.io/v1/watch/namespaces/$ns/widgets?resourceVersion=$rv",
        7,
    ));
    talk.send(watch(
        "/apis/demo.example.io/v1/watch/namespaces/$ns/widgets/b?timeoutSeconds=1",
        1,
    ));
    talk.send(watch("$widgets/b?watch=true", 1));
}

fn selectors(talk: &mut Talk<'_>) {
    two(talk);
    talk.send(get("$widgets")).keep("rv", "/metadata/resourceVersion");
    let label = |name: &str, value: &str| {
        merge(
            &format!("$widgets/{name}"),
            json!({"metadata": {"labels": {"l": value}}}),
        )
    };
    let write = |talk: &mut Talk<'_>| {
        talk.quietly(label("a", "2"));
        talk.quietly(label("a", "1"));
        talk.quietly(label("b", "1"));
        talk.quietly(delete("$widgets/b"));
    };
    talk.watching(
        watch("$widgets?watch=true&labelSelector=l=1&resourceVersion=$rv", 4),
        write,
    );
    talk.send_all([
        watch("$widgets?watch=true&labelSelector=l!=1&resourceVersion=$rv", 3),
        watch("$widgets?watch=true&fieldSelector=metadata.name=b&resourceVersion=$rv", 2),
        watch("$widgets?watch=true&fieldSelector=metadata.name!=b&resourceVersion=$rv", 2),
        watch("/apis/demo.example.io/v1/widgets?watch=true&fieldSelector=metadata.name=b,metadata.namespace=$ns&resourceVersion=$rv", 2),
    ]);
}

fn options(talk: &mut Talk<'_>) {
    two(talk);
    for query in [
        "sendInitialEvents=true",
        "sendInitialEvents=true&resourceVersionMatch=Exact",
        "resourceVersionMatch=NotOlderThan",
        "resourceVersionMatch=Exact&resourceVersion=1",
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=abc",
        "sendInitialEvents=abc",
        "resourceVersion=abc",
        "resourceVersion=-1",
        "resourceVersion=1",
        "labelSelector=a b",
        "fieldSelector=spec.color=red",
        "fieldSelector=nonsense",
        "timeoutSeconds=abc",
        "allowWatchBookmarks=abc",
        "limit=1&timeoutSeconds=1",
        "resourceVersion=9999999999&timeoutSeconds=1",
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=9999999999",
    ] {
        talk.send(watch(&format!("$widgets?watch=true&{query}"), 2));
    }
    for value in ["1", "True", "yes", "false", "0", ""] {
        talk.send(watch(&format!("$widgets?watch={value}&timeoutSeconds=1"), 2));
    }
    talk.send(watch("/apis/demo.example.io/v1/namespaces/$ns/nopes?watch=true", 1));
    talk.send(watch(
        "/apis/demo.example.io/v1/namespaces/none-such/widgets?watch=true&timeoutSeconds=1",
        1,
    ));
}

fn forms(talk: &mut Talk<'_>) {
    two(talk);
    let partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let metadata_client = format!("application/vnd.kubernetes.protobuf;as=Nothing;g=meta.k8s.io;v=v1,{partial}");
    let initial =
        "$widgets?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    talk.send_all([
        watch(initial, 3).accept(partial),
        watch(initial, 3).accept(&metadata_client),
        watch(initial, 3).accept("application/json;stream=watch"),
        watch(initial, 3).accept("application/vnd.kubernetes.protobuf;stream=watch,application/json"),
        watch(initial, 3).accept("text/plain"),
        watch(&format!("{initial}&resourceVersion=abc"), 3).accept(partial),
    ]);
}

fn built_in(talk: &mut Talk<'_>) {
    talk.quietly(post("$core/configmaps", config_map("a", json!({"x": "1"}))));
    talk.send(get("$core/configmaps"))
        .keep("rv", "/metadata/resourceVersion");
    let write = |talk: &mut Talk<'_>| {
        talk.quietly(merge("$core/configmaps/a", json!({"data": {"x": "2"}})));
        talk.quietly(delete("$core/configmaps/a"));
        talk.quietly(post("$core/configmaps", config_map("b", json!({"x": "1"}))));
    };
    talk.watching(watch("$core/configmaps?watch=true&resourceVersion=$rv", 3), write);
    let initial = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    talk.send_all([
        watch(&format!("$core/configmaps?{initial}"), 2),
        watch(&format!("$core/secrets?{initial}"), 1),
        watch(
            &format!("/api/v1/namespaces?{initial}&fieldSelector=metadata.name=$ns"),
            2,
        ),
        watch("$core/configmaps?watch=true&fieldSelector=data.x=1", 1),
        watch("/api/v1/watch/namespaces/$ns/configmaps?timeoutSeconds=1", 1),
    ]);
}

/// Only the last of these writes is seen.
fn unchanged(talk: &mut Talk<'_>) {
    two(talk);
    talk.send(get("$widgets")).keep("rv", "/metadata/resourceVersion");
    let write = |talk: &mut Talk<'_>| {
        talk.send(merge("$widgets/a", json!({"metadata": {"labels": {"l": "1"}}})));
        talk.send(merge("$widgets/a", json!({"spec": {"bogus": 1}})));
        talk.send(merge("$widgets/a?dryRun=All", json!({"spec": {"color": "red"}})));
        talk.send(post("$widgets?dryRun=All", widget("dry", json!({}))));
        talk.send(delete("$widgets/a?dryRun=All"));
        talk.send(merge("$widgets/b", json!({"metadata": {"labels": {"l": "3"}}})));
    };
    talk.watching(watch("$widgets?watch=true&resourceVersion=$rv", 1), write);
}
