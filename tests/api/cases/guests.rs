//! Our own kinds: beside their rules, of which a definition knows nothing, they behave as custom resources do.

use serde_json::{Value, json};

use crate::{
    request::{apply, delete, delete_with, get, json_patch, merge, post, put, strategic, watch},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("discovery", discovery),
    ("openapi", openapi),
    ("life", life),
    ("schema", schema),
    ("apply", applied),
    ("watch", watched),
    ("revocations", revocations),
    ("releases", releases),
];

const RELEASES: &str = "/apis/guestclusters.dev/v1alpha1/guestclusterreleases";

/// A GuestCluster with further metadata; `$version` is a release that only exists in ours, so no case reads it back.
fn guest(name: &str, metadata: &Value) -> Value {
    let mut guest = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "metadata": {"name": name, "finalizers": ["example.com/test"]},
        "spec": {"distribution": {"version": "v1.34"}, "topology": {
            "controlPlane": {"replicas": 1, "vmClass": "best-effort-small", "storageClass": "gold"},
            "nodePools": [{"name": "default", "replicas": 2, "vmClass": "best-effort-small", "storageClass": "gold"}]}}});
    for (key, value) in metadata.as_object().unwrap() {
        guest["metadata"][key] = value.clone();
    }
    guest
}

fn discovery(talk: &mut Talk<'_>) {
    talk.send_all([
        get("/apis/guestclusters.dev"),
        get("/apis/guestclusters.dev/v1alpha1").view(declared),
    ]);
}

/// What a definition can say too: not `scale` of several pools, and no `credential`.
fn declared(body: &mut Value) {
    if let Some(resources) = body["resources"].as_array_mut() {
        resources.retain(|resource| {
            resource["name"] != "guestclusters/scale" && resource["name"] != "guestclusters/credential"
        });
        resources.sort_by_key(|resource| resource["name"].to_string());
    }
}

fn openapi(talk: &mut Talk<'_>) {
    talk.send(get("/openapi/v3/apis/guestclusters.dev/v1alpha1").view(|body| {
        let mut schemas = body["components"]["schemas"].take();
        if let Some(schemas) = schemas.as_object_mut() {
            schemas.retain(|name, _| name.starts_with("dev.guestclusters"));
        }
        *body = schemas;
    }));
}

fn life(talk: &mut Talk<'_>) {
    talk.send(post("$guests", guest("life", &json!({}))))
        .keep("rv", "/metadata/resourceVersion");
    talk.send_all([
        post("$guests", guest("life", &json!({}))),
        get("$guests/life"),
        get("$guests/missing"),
        merge("$guests/life", json!({"metadata": {"labels": {"a": "b"}}})),
        merge("$guests/life", json!({"spec": {"paused": true}})),
        merge("$guests/life", json!({"spec": {"bogus": true}})),
        merge("$guests/life?fieldValidation=Strict", json!({"spec": {"bogus": true}})),
        strategic("$guests/life", json!({})),
        json_patch(
            "$guests/life",
            json!([{"op": "replace", "path": "/spec/topology/nodePools/0/replicas", "value": 3}]),
        ),
        put("$guests/life", guest("life", &json!({}))),
        put("$guests/life", guest("life", &json!({"resourceVersion": "$rv"}))),
        merge("$guests/life/status", json!({"status": {"phase": "Running"}})),
        get("$guests/life"),
        delete("$guests/life"),
        get("$guests/life"),
        merge("$guests/life", json!({"metadata": {"finalizers": null}})),
        get("$guests/life"),
        delete("$guests/life"),
    ]);
}

fn schema(talk: &mut Talk<'_>) {
    let with = |pointer: &str, value: Value| {
        let mut guest = guest("bad", &json!({}));
        *guest.pointer_mut(pointer).unwrap() = value;
        post("$guests?dryRun=All", guest)
    };
    talk.send_all([
        with("/spec/topology/controlPlane/replicas", json!("a")),
        with("/spec/topology/controlPlane", json!(null)),
        with("/spec/topology/nodePools", json!({})),
        with("/spec/topology/nodePools/0/replicas", json!(-1)),
        with("/spec/topology/nodePools/0/name", json!(1)),
        with("/spec/distribution/version", json!(134)),
        with("/spec", json!(null)),
        with("/spec", json!({})),
        with("/metadata/name", json!("")),
        post("$guests", "{"),
        post("$guests?fieldValidation=Strict&dryRun=All", {
            let mut guest = guest("strict", &json!({}));
            guest["spec"]["topology"]["controlPlane"]["colour"] = "red".into();
            guest
        }),
    ]);
}

fn applied(talk: &mut Talk<'_>) {
    talk.send_all([
        apply("$guests/applied?fieldManager=one", guest("applied", &json!({}))),
        apply("$guests/applied?fieldManager=one", guest("applied", &json!({}))),
        apply("$guests/applied?fieldManager=two", json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "metadata": {"name": "applied"},
            "spec": {"topology": {"nodePools": [{"name": "default", "replicas": 4}]}}})),
        apply("$guests/applied?fieldManager=two", json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "metadata": {"name": "applied"}, "spec": {"bogus": 1}})),
        get("$guests/applied"),
        delete_with("$guests/applied", json!({"propagationPolicy": "Background"})),
    ]);
}

fn watched(talk: &mut Talk<'_>) {
    talk.quietly(post("$guests", guest("watched", &json!({}))));
    talk.send(get("$guests")).keep("rv", "/metadata/resourceVersion");
    talk.watching(watch("$guests?watch=true&resourceVersion=$rv", 2), |talk| {
        talk.quietly(merge("$guests/watched", json!({"metadata": {"labels": {"a": "b"}}})));
        talk.quietly(merge("$guests/watched", json!({"spec": {"paused": true}})));
    });
    talk.send(watch(
        "$guests?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
        2,
    ));
}

fn revocations(talk: &mut Talk<'_>) {
    let path = "/apis/guestclusters.dev/v1alpha1/namespaces/$ns/guestrevocations";
    talk.send_all([
        get(path),
        get(&format!("{path}/missing")),
        delete(&format!("{path}/missing")),
        post(path, "{"),
        get("/apis/guestclusters.dev/v1alpha1/namespaces/$ns/guestcredentials"),
        get("/apis/guestclusters.dev/v1alpha1/namespaces/$ns/guestcredentials/missing"),
    ]);
}

fn releases(talk: &mut Talk<'_>) {
    talk.send_all([
        get(&format!("{RELEASES}/missing")),
        get(&format!("{RELEASES}?labelSelector=none=none")),
        delete(&format!("{RELEASES}/missing")),
        post(RELEASES, "{"),
    ]);
}
