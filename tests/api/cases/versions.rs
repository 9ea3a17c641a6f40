//! Kinds of several versions, which are stored as v1beta1. Those of a Shape have fields of their own, those of a Line the same.

use serde_json::{Value, json};

use crate::{
    request::{apply, delete, get, json_patch, merge, post, put, watch},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("documents", documents),
    ("openapi", openapi),
    ("views", views),
    ("writes", writes),
    ("fields of another version", other_fields),
    ("validation", validation),
    ("not served", not_served),
    ("tables", tables),
    ("selectors", selectors),
    ("watch", watched),
    ("delete", deleted),
    ("status and scale", status_and_scale),
    ("owners", owners),
    ("apply", applied),
    ("apply conflicts", conflicts),
    ("owners of other fields", owners_of_other_fields),
];

const GROUP: &str = "versions.example.io";
const LINES: &str = "lines.example.io";
const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha2"];
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

fn shapes(version: &str) -> String {
    format!("/apis/{GROUP}/{version}/namespaces/$ns/shapes")
}

fn shape(version: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": format!("{GROUP}/{version}"), "kind": "Shape", "metadata": {"name": name}, "spec": spec})
}

/// Shows the object in every version.
fn look(talk: &mut Talk<'_>, name: &str) {
    talk.send_all(VERSIONS.map(|version| get(&format!("{}/{name}", shapes(version)))));
}

fn documents(talk: &mut Talk<'_>) {
    talk.send_all([
        get("/apis").view(group),
        get("/apis/versions.example.io"),
        get("/apis/versions.example.io/v1"),
        get("/apis/versions.example.io/v1beta1"),
        get("/apis/versions.example.io/v1alpha2"),
        get("/apis/versions.example.io/v1alpha1"),
        get("/apis")
            .accept("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
            .view(group),
    ]);
}

/// What a list of groups says of this one.
fn group(body: &mut Value) {
    for field in ["groups", "items"] {
        if let Some(groups) = body[field].as_array_mut() {
            groups.retain(|group| group["name"] == GROUP || group["metadata"]["name"] == GROUP);
        }
    }
}

fn openapi(talk: &mut Talk<'_>) {
    for version in VERSIONS {
        talk.send(get(&format!("/openapi/v3/apis/{GROUP}/{version}")).view(kind));
    }
    talk.send_all([
        get("/openapi/v3/apis/versions.example.io/v1alpha1"),
        get("/openapi/v2").view(swagger),
    ]);
}

fn kind(body: &mut Value) {
    let schemas = body["components"]["schemas"].take();
    let own = schemas.as_object().into_iter().flatten();
    *body = own
        .filter(|(name, _)| name.ends_with(".Shape"))
        .map(named)
        .collect::<serde_json::Map<_, _>>()
        .into();
}

fn swagger(body: &mut Value) {
    let definitions = body["definitions"].take();
    let own = definitions.as_object().into_iter().flatten();
    let own = own.filter(|(name, _)| name.starts_with("io.example.versions."));
    let kinds = own.map(|(name, kind)| (name.clone(), kind["x-kubernetes-group-version-kind"].clone()));
    *body = kinds.collect::<serde_json::Map<_, _>>().into();
}

fn named((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn views(talk: &mut Talk<'_>) {
    for (name, version) in [("one", "v1"), ("two", "v1beta1"), ("three", "v1alpha2")] {
        let spec = json!({"owner": "ana", "corners": [{"name": "a", "x": 1}]});
        talk.send(post(&shapes(version), shape(version, name, spec)));
        look(talk, name);
    }
    for version in VERSIONS {
        talk.send_all([
            get(&shapes(version)),
            get(&format!(
                "/apis/{GROUP}/{version}/shapes?fieldSelector=metadata.namespace=$ns"
            )),
            get(&format!("{}?limit=1", shapes(version))),
            get(&shapes(version)).accept("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"),
            get(&format!("{}/missing", shapes(version))),
        ]);
    }
}

fn writes(talk: &mut Talk<'_>) {
    let (v1, beta, alpha) = (shapes("v1"), shapes("v1beta1"), shapes("v1alpha2"));
    talk.send(post(
        &beta,
        shape(
            "v1beta1",
            "a",
            json!({"colour": "blue", "corners": [{"name": "a", "old": "yes"}]}),
        ),
    ));
    look(talk, "a");
    talk.send(merge(&format!("{v1}/a"), json!({"spec": {"size": 5}})));
    look(talk, "a");
    talk.send(merge(
        &format!("{alpha}/a"),
        json!({"spec": {"colour": "green", "angle": 90}}),
    ));
    look(talk, "a");
    talk.send(json_patch(
        &format!("{v1}/a"),
        json!([{"op": "add", "path": "/spec/corners/0/y", "value": 7}]),
    ));
    look(talk, "a");
    talk.send(get(&format!("{v1}/a")))
        .keep("rv", "/metadata/resourceVersion");
    let mut whole = shape("v1", "a", json!({"size": 6, "shade": "light"}));
    whole["metadata"]["resourceVersion"] = "$rv".into();
    talk.send_all([put(&format!("{v1}/a"), &whole), put(&format!("{v1}/a"), &whole)]);
    look(talk, "a");
    talk.send_all([
        post(&v1, shape("v1", "a", json!({}))),
        post(&v1, shape("v1beta1", "b", json!({}))),
        post(&v1, shape("v1alpha1", "b", json!({}))),
        put(&format!("{v1}/a"), shape("v1beta1", "a", json!({}))),
        merge(&format!("{v1}/a"), json!({"apiVersion": "versions.example.io/v1beta1"})),
        post(&format!("{v1}?dryRun=All"), shape("v1", "c", json!({"shade": "grey"}))),
        merge(
            &format!("{v1}/a?dryRun=All"),
            json!({"spec": {"shade": "grey", "size": 9}}),
        ),
    ]);
    look(talk, "a");
}

fn other_fields(talk: &mut Talk<'_>) {
    let (v1, beta) = (shapes("v1"), shapes("v1beta1"));
    talk.send_all([
        post(&v1, shape("v1", "a", json!({"colour": "blue"}))),
        post(
            &format!("{v1}?fieldValidation=Strict"),
            shape("v1", "b", json!({"colour": "blue"})),
        ),
        post(
            &format!("{beta}?fieldValidation=Strict"),
            shape("v1beta1", "b", json!({"shade": "light"})),
        ),
        post(
            &format!("{beta}?fieldValidation=Ignore"),
            shape("v1beta1", "b", json!({"shade": "light"})),
        ),
    ]);
    look(talk, "a");
    look(talk, "b");
}

fn validation(talk: &mut Talk<'_>) {
    let (v1, beta) = (shapes("v1"), shapes("v1beta1"));
    talk.send_all([
        post(&v1, shape("v1", "a", json!({"size": 15}))),
        post(&beta, shape("v1beta1", "a", json!({"size": 15}))),
        post(&beta, shape("v1beta1", "b", json!({"size": 25}))),
        // What another version let in.
        merge(&format!("{v1}/a"), json!({"spec": {"owner": "ana"}})),
        merge(&format!("{v1}/a"), json!({"spec": {"size": 16}})),
        merge(&format!("{v1}/a"), json!({"metadata": {"labels": {"a": "b"}}})),
    ]);
    look(talk, "a");
}

fn not_served(talk: &mut Talk<'_>) {
    let unserved = shapes("v1alpha1");
    talk.send_all([
        get(&unserved),
        get(&format!("{unserved}/a")),
        post(&unserved, shape("v1alpha1", "a", json!({}))),
        get(&shapes("v2")),
    ]);
}

fn tables(talk: &mut Talk<'_>) {
    talk.quietly(post(
        &shapes("v1beta1"),
        shape("v1beta1", "a", json!({"colour": "blue", "owner": "ana"})),
    ));
    for version in VERSIONS {
        talk.send_all([
            get(&shapes(version)).accept(TABLE),
            get(&format!("{}/a", shapes(version))).accept(TABLE),
        ]);
    }
}

fn selectors(talk: &mut Talk<'_>) {
    for (name, colour, owner) in [("a", "blue", "ana"), ("b", "red", "bob")] {
        let spec = json!({"colour": colour, "owner": owner});
        talk.quietly(post(&shapes("v1beta1"), shape("v1beta1", name, spec)));
    }
    for version in VERSIONS {
        for field in ["spec.colour=blue", "spec.owner=bob", "metadata.name=a"] {
            talk.send(get(&format!("{}?fieldSelector={field}", shapes(version))));
        }
    }
}

fn watched(talk: &mut Talk<'_>) {
    talk.quietly(post(&shapes("v1"), shape("v1", "a", json!({}))));
    talk.send(get(&shapes("v1"))).keep("rv", "/metadata/resourceVersion");
    let change = |talk: &mut Talk<'_>| {
        talk.quietly(merge(
            &format!("{}/a", shapes("v1")),
            json!({"spec": {"size": 5, "shade": "light"}}),
        ));
        talk.quietly(post(
            &shapes("v1beta1"),
            shape("v1beta1", "b", json!({"colour": "blue"})),
        ));
        talk.quietly(merge(
            &format!("{}/b", shapes("v1beta1")),
            json!({"spec": {"colour": "green"}}),
        ));
        talk.quietly(delete(&format!("{}/b", shapes("v1alpha2"))));
        talk.quietly(merge(&format!("{}/a", shapes("v1beta1")), json!({"spec": {"size": 1}})));
    };
    for version in VERSIONS {
        let from = format!("{}?watch=true&resourceVersion=$rv&timeoutSeconds=5", shapes(version));
        talk.watching(watch(&from, 5), change);
        talk.send(get(&shapes(version))).keep("rv", "/metadata/resourceVersion");
        talk.send(watch(&format!("{}?watch=true&timeoutSeconds=1", shapes(version)), 1));
    }
}

fn deleted(talk: &mut Talk<'_>) {
    for (name, version) in [("a", "v1"), ("b", "v1beta1"), ("c", "v1alpha2")] {
        talk.quietly(post(
            &shapes("v1beta1"),
            shape("v1beta1", name, json!({"colour": "blue"})),
        ));
        talk.send(delete(&format!("{}/{name}", shapes(version))));
        look(talk, name);
    }
    let held = json!({"apiVersion": "versions.example.io/v1", "kind": "Shape", "metadata": {"name": "d", "finalizers": ["example.io/held"]}});
    talk.send_all([
        post(&shapes("v1"), held),
        delete(&format!("{}/d", shapes("v1"))),
        merge(
            &format!("{}/d", shapes("v1")),
            json!({"metadata": {"finalizers": null}}),
        ),
        get(&format!("{}/d", shapes("v1beta1"))),
        post(&shapes("v1beta1"), shape("v1beta1", "e", json!({"colour": "blue"}))),
        delete(&shapes("v1")),
        get(&shapes("v1beta1")),
    ]);
}

fn status_and_scale(talk: &mut Talk<'_>) {
    let (v1, beta, alpha) = (shapes("v1"), shapes("v1beta1"), shapes("v1alpha2"));
    talk.quietly(post(&v1, shape("v1", "a", json!({}))));
    talk.send_all([
        merge(
            &format!("{beta}/a/status"),
            json!({"status": {"phase": "Drawn", "area": 9}, "spec": {"size": 2}}),
        ),
        merge(&format!("{v1}/a/status"), json!({"status": {"phase": "Sold"}})),
        get(&format!("{v1}/a/status")),
        get(&format!("{alpha}/a/status")),
        get(&format!("{v1}/a/scale")),
        merge(&format!("{v1}/a/scale"), json!({"spec": {"replicas": 7}})),
        get(&format!("{beta}/a/scale")),
    ]);
    look(talk, "a");
}

fn line(version: &str, spec: Value) -> Value {
    json!({"apiVersion": format!("{LINES}/{version}"), "kind": "Line", "metadata": {"name": "a"}, "spec": spec})
}

/// The line, as this manager of fields writes it.
fn line_by(version: &str, manager: &str) -> String {
    format!("/apis/{LINES}/{version}/namespaces/$ns/lines/a?fieldManager={manager}")
}

fn look_at_line(talk: &mut Talk<'_>) {
    talk.send_all(["v1", "v1beta1"].map(|version| get(&format!("/apis/{LINES}/{version}/namespaces/$ns/lines/a"))));
}

fn owners(talk: &mut Talk<'_>) {
    let lines = format!("/apis/{LINES}/v1/namespaces/$ns/lines?fieldManager=one");
    let points = |x: i32, y: i32| json!({"spec": {"points": [{"name": "a", "x": x, "y": y}]}});
    talk.send_all([
        post(&lines, line("v1", json!({"owner": "ana"}))),
        merge(&line_by("v1beta1", "one"), json!({"spec": {"size": 5}})),
        merge(&line_by("v1beta1", "two"), json!({"spec": {"owner": "bob"}})),
        merge(&line_by("v1", "two"), points(1, 1)),
        merge(&line_by("v1beta1", "two"), points(2, 1)),
        merge(&line_by("v1beta1", "three"), points(2, 2)),
        merge(&line_by("v1", "one"), json!({"spec": {"points": null}})),
        merge(&line_by("v1", "one"), json!({"metadata": {"labels": {"a": "b"}}})),
        merge(&line_by("v1beta1", "one"), json!({"metadata": {"labels": {"a": "c"}}})),
    ]);
    look_at_line(talk);
}

fn applied(talk: &mut Talk<'_>) {
    let both = json!({"owner": "ana", "points": [{"name": "a", "x": 1}, {"name": "b", "y": 2}]});
    talk.send_all([
        apply(&line_by("v1", "m"), line("v1", both.clone())),
        apply(
            &line_by("v1beta1", "m"),
            line("v1beta1", json!({"owner": "ana", "points": [{"name": "a", "x": 1}]})),
        ),
        apply(
            &line_by("v1beta1", "m"),
            line("v1beta1", json!({"points": [{"name": "a", "y": 3}]})),
        ),
        apply(&line_by("v1", "m"), line("v1", json!({"size": 4}))),
        apply(&line_by("v1", "m"), line("v1", json!({"size": 4}))),
        apply(&line_by("v1beta1", "m"), line("v1beta1", json!({"size": 4}))),
        apply(&line_by("v1", "m"), line("v1beta1", json!({"size": 4}))),
        apply(&line_by("v1", "m&dryRun=All"), line("v1", json!({"size": 2}))),
        apply(&line_by("v1beta1", "other"), line("v1beta1", both)),
    ]);
    look_at_line(talk);
}

fn conflicts(talk: &mut Talk<'_>) {
    talk.send_all([
        apply(&line_by("v1", "one"), line("v1", json!({"owner": "ana", "size": 4}))),
        apply(&line_by("v1beta1", "two"), line("v1beta1", json!({"owner": "bob"}))),
        apply(
            &line_by("v1beta1", "two"),
            line("v1beta1", json!({"owner": "ana", "size": 4})),
        ),
        apply(&line_by("v1", "one"), line("v1", json!({"size": 5}))),
        apply(
            &line_by("v1beta1", "two&force=true"),
            line("v1beta1", json!({"size": 6})),
        ),
        apply(&line_by("v1", "one"), line("v1", json!({"size": 5}))),
        merge(&line_by("v1", "three"), json!({"spec": {"size": 7}})),
        apply(&line_by("v1beta1", "two"), line("v1beta1", json!({"size": 6}))),
    ]);
    look_at_line(talk);
}

fn owners_of_other_fields(talk: &mut Talk<'_>) {
    let by = |version: &str, manager: &str| format!("{}/a?fieldManager={manager}", shapes(version));
    talk.send_all([
        post(&shapes("v1beta1"), shape("v1beta1", "a", json!({"colour": "blue"}))),
        merge(&by("v1", "one"), json!({"spec": {"size": 4}})),
        apply(&by("v1", "two"), shape("v1", "a", json!({"owner": "ana"}))),
        apply(&by("v1beta1", "two"), shape("v1beta1", "a", json!({"colour": "blue"}))),
    ]);
}
