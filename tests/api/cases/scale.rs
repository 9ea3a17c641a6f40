//! The scale subresource.

use serde_json::{Value, json};

use super::{widget, widget_with};
use crate::{
    request::{apply, get, json_patch, merge, post, put, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("read", read),
    ("write", write),
    ("patch", patch),
    ("other bodies", other_bodies),
    ("other patches", other_patches),
    ("whole numbers", whole_numbers),
    ("apply", applied),
    ("apply to custom resources", applied_to_custom_resources),
    ("applied by others", applied_by_others),
    ("tables", tables),
    ("deployments", deployments),
    ("without version", without_version),
];

fn scale(name: &str, revision: &str, spec: Value) -> Value {
    json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": name, "namespace": "$ns", "resourceVersion": revision}, "spec": spec})
}

fn read(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"replicas": 3}))));
    talk.quietly(post(
        "$widgets",
        widget_with(json!({"name": "labels", "labels": {"a": "b"}, "annotations": {"c": "d"}})),
    ));
    talk.send_all([
        get("$widgets/a/scale"),
        get("$widgets/labels/scale"),
        get("$widgets/missing/scale"),
    ]);
    talk.send(merge(
        "$widgets/a/status",
        json!({"status": {"replicas": 2, "selector": "app=x"}}),
    ));
    talk.send_all([
        get("$widgets/a/scale"),
        get("$widgets/a/scale").accept("application/yaml"),
        get("$widgets/a/scale?resourceVersion=0"),
    ]);
}

fn write(talk: &mut Talk<'_>) {
    talk.send(post("$widgets", widget("a", json!({"replicas": 3}))))
        .keep("rv", "/metadata/resourceVersion")
        .keep("uid", "/metadata/uid");
    talk.send(put("$widgets/a/scale", scale("a", "$rv", json!({"replicas": 4}))).without("content-type"));
    talk.keep("rv", "/metadata/resourceVersion");
    for body in [
        scale("a", "1", json!({"replicas": 5})),
        scale("a", "", json!({"replicas": 5})),
        scale("a", "", json!({"replicas": 5})),
        scale("a", "", json!({"replicas": -1})),
        scale("a", "", json!({"replicas": 1001})),
        scale("a", "", json!({"replicas": 0})),
        scale("a", "", json!({})),
        scale("b", "", json!({"replicas": 5})),
        scale("", "", json!({"replicas": 5})),
        json!({"spec": {"replicas": 6}}),
        json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a", "uid": "11111111-2222-3333-4444-555555555555"}, "spec": {"replicas": 6}}),
        json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a", "labels": {"x": "y"}}, "spec": {"replicas": 8}, "status": {"replicas": 9}}),
    ] {
        talk.send(put("$widgets/a/scale", body));
    }
    talk.send(put(
        "$widgets/missing/scale",
        scale("missing", "", json!({"replicas": 5})),
    ));
    talk.send(put(
        "$widgets/a/scale?dryRun=All",
        scale("a", "", json!({"replicas": 9})),
    ));
    talk.send(put(
        "$widgets/a/scale?fieldManager=hpa",
        scale("a", "", json!({"replicas": 10})),
    ));
    talk.send(get("$widgets/a"));
}

fn patch(talk: &mut Talk<'_>) {
    talk.send(post("$widgets", widget("a", json!({"replicas": 3}))));
    talk.send_all([
        merge("$widgets/a/scale", json!({"spec": {"replicas": 4}})),
        merge("$widgets/a/scale", json!({"spec": {"replicas": 4}})),
        merge("$widgets/a/scale", json!({"spec": {"replicas": null}})),
        merge("$widgets/a/scale", json!({"spec": {"replicas": -4}})),
        merge("$widgets/a/scale", json!({"metadata": {"labels": {"a": "b"}}})),
        merge("$widgets/a/scale", json!({"metadata": {"resourceVersion": "1"}})),
        json_patch(
            "$widgets/a/scale",
            json!([{"op": "replace", "path": "/spec/replicas", "value": 6}]),
        ),
        merge("$widgets/missing/scale", json!({"spec": {"replicas": 4}})),
        get("$widgets/a"),
    ]);
}

/// Bodies that are no Scale, or not quite.
fn bodies() -> Vec<Value> {
    let with = |field: &str, value: Value| {
        let mut body = scale("a", "", json!({"replicas": 5}));
        body[field] = value;
        body
    };
    vec![
        with("kind", json!("Widget")),
        with("kind", json!("Other")),
        with("kind", json!("")),
        with("kind", json!(null)),
        with("kind", json!(5)),
        with("apiVersion", json!("autoscaling/v2")),
        with("apiVersion", json!("autoscaling/v9")),
        with("apiVersion", json!("apps/v1")),
        with("apiVersion", json!("demo.example.io/v1")),
        with("apiVersion", json!("v1")),
        with("apiVersion", json!("a/b/c")),
        with("apiVersion", json!("")),
        with("apiVersion", json!(null)),
        with("apiVersion", json!(1)),
        widget("a", json!({"replicas": 5})),
        with("spec", json!(null)),
        with("spec", json!("x")),
        with("spec", json!([])),
        with("spec", json!({"replicas": "5"})),
        with("spec", json!({"replicas": 1.5})),
        with("spec", json!({"replicas": true})),
        with("spec", json!({"replicas": null})),
        with("spec", json!({"replicas": 3_000_000_000_i64})),
        with("spec", json!({"replicas": 5, "other": 1})),
        with("status", json!({"replicas": "x"})),
        with("status", json!({"selector": 1})),
        with("status", json!(null)),
        with("other", json!(1)),
        with("metadata", json!(null)),
        with("metadata", json!({})),
        with("metadata", json!("a")),
        with("metadata", json!({"name": 1})),
        with("metadata", json!({"name": "a", "namespace": "elsewhere"})),
        with("metadata", json!({"name": "a", "generation": "x"})),
        with("metadata", json!({"name": "a", "resourceVersion": "x"})),
        with("metadata", json!({"name": "a", "resourceVersion": 7})),
        with("metadata", json!({"name": "a", "labels": {"a": 1}})),
        with("metadata", json!({"name": "a", "bogus": 1})),
        json!({}),
        json!([]),
        json!("x"),
        json!(null),
    ]
}

fn other_bodies(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"replicas": 3}))));
    talk.send_all(bodies().into_iter().map(|body| put("$widgets/a/scale", body)));
    let unknown = json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"}, "spec": {"replicas": 7, "x": 1}, "y": 2});
    let twice = r#"{"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"}, "spec": {"replicas": 8, "replicas": 9}}"#;
    talk.send_all([
        put("$widgets/a/scale?fieldValidation=Strict", &unknown),
        put("$widgets/a/scale?fieldValidation=Ignore", &unknown),
        put("$widgets/a/scale?fieldValidation=Strict", twice),
        put("$widgets/a/scale", twice),
        put("$widgets/a/scale", "{"),
        put("$widgets/a/scale", ""),
        put(
            "$widgets/a/scale",
            "apiVersion: autoscaling/v1\nkind: Scale\nmetadata: {name: a}\nspec: {replicas: 4}\n",
        )
        .header("content-type", "application/yaml"),
        put("$widgets/a/scale", scale("a", "", json!({"replicas": 5}))).header("content-type", "text/plain"),
        put("$widgets/missing/scale", widget("missing", json!({}))),
        get("$widgets/a"),
    ]);
}

fn other_patches(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"replicas": 3}))));
    talk.send_all(bodies().into_iter().map(|body| merge("$widgets/a/scale", body)));
    talk.send_all([
        merge(
            "$widgets/a/scale?fieldValidation=Strict",
            json!({"spec": {"replicas": 7, "x": 1}, "y": 2}),
        ),
        merge(
            "$widgets/a/scale?fieldValidation=Ignore",
            json!({"spec": {"replicas": 7, "x": 1}, "y": 2}),
        ),
        merge(
            "$widgets/a/scale",
            json!({"spec": {"replicas": 7}, "status": {"replicas": 70, "selector": "x=y"}}),
        ),
        merge(
            "$widgets/a/scale",
            json!({"metadata": {"uid": "11111111-2222-3333-4444-555555555555"}}),
        ),
        merge(
            "$widgets/a/scale",
            json!({"metadata": {"creationTimestamp": "2001-01-01T00:00:00Z"}}),
        ),
        json_patch(
            "$widgets/a/scale",
            json!([{"op": "test", "path": "/spec/replicas", "value": 1}]),
        ),
        json_patch(
            "$widgets/a/scale",
            json!([{"op": "replace", "path": "/spec/replicas", "value": "x"}]),
        ),
        json_patch(
            "$widgets/a/scale",
            json!([{"op": "replace", "path": "/kind", "value": "Widget"}]),
        ),
        json_patch("$widgets/a/scale", json!([{"op": "remove", "path": "/kind"}])),
        json_patch("$widgets/a/scale", json!([{"op": "remove", "path": "/spec"}])),
        strategic("$widgets/a/scale", json!({"spec": {"replicas": 9}})),
        merge("$widgets/a/scale", json!({"spec": {"replicas": 9}})).header("content-type", "application/json"),
        get("$widgets/a"),
    ]);
}

/// Only what is refused: kube-apiserver can't carry an applied Scale over to a custom resource.
fn applied(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"replicas": 3}))));
    let replicas = |count: i64| scale("a", "", json!({"replicas": count}));
    // Without a spec it would apply.
    let is_refused = |body: &Value| body.get("spec") != Some(&Value::Null);
    let refused = bodies().into_iter().filter(is_refused);
    talk.send_all(refused.map(|body| apply("$widgets/a/scale?fieldManager=one", body)));
    talk.send_all([
        apply("$widgets/a/scale", replicas(7)),
        apply("$widgets/a/scale?fieldManager=two", scale("a", "1", json!({"replicas": 7}))),
        apply("$widgets/a/scale?fieldManager=two", scale("b", "", json!({"replicas": 7}))),
        apply("$widgets/a/scale?fieldManager=two", json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": 7}})),
        apply("$widgets/a/scale?fieldManager=two", "apiVersion: autoscaling/v1\nkind: Scale\nmetadata: {name: a}\nspec: {replicas: 7}\n"),
        apply("$widgets/a/scale?fieldManager=two", json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a", "managedFields": []}, "spec": {"replicas": 7}})),
        apply("$widgets/a/scale?fieldManager=two", json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a", "labels": {"x": "y"}}, "spec": {"replicas": 7}})),
        get("$widgets/a"),
    ]);
}

fn applied_to_custom_resources(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"replicas": 3}))));
    talk.send_all([
        apply(
            "$widgets/a/scale?fieldManager=one&force=true",
            scale("a", "", json!({"replicas": 6})),
        ),
        apply(
            "$widgets/a/scale?fieldManager=one&force=true",
            scale("a", "", json!(null)),
        ),
    ]);
}

/// What has a fraction of zero.
fn whole_numbers(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"replicas": 3}))));
    talk.send_all([
        put("$widgets/a/scale", scale("a", "", json!({"replicas": 2.0}))),
        merge("$widgets/a/scale", json!({"spec": {"replicas": 4.0}})),
    ]);
}

/// Who applied the object, and who wrote its Scale.
fn applied_by_others(talk: &mut Talk<'_>) {
    let replicas = |count: i64| scale("a", "", json!({"replicas": count}));
    talk.send_all([
        apply(
            "$widgets/a?fieldManager=one",
            widget("a", json!({"replicas": 3, "color": "red"})),
        ),
        apply("$widgets/a/scale?fieldManager=two", replicas(5)),
        get("$widgets/a"),
        put("$widgets/a/scale?fieldManager=one", replicas(3)),
        get("$widgets/a"),
        put("$widgets/a/scale?fieldManager=three", replicas(6)),
        get("$widgets/a"),
        apply(
            "$widgets/a?fieldManager=one",
            widget("a", json!({"replicas": 3, "color": "red"})),
        ),
        merge("$widgets/a/scale?fieldManager=four", json!({"spec": {"replicas": 7}})),
        get("$widgets/a"),
        merge("$widgets/a/scale?fieldManager=four", json!({"spec": {"replicas": 7}})),
        get("$widgets/a"),
        merge("$widgets/a/scale?fieldManager=five", json!({"spec": {"replicas": 0}})),
        get("$widgets/a"),
        merge("$widgets/a/scale?fieldManager=six", json!({"spec": {"replicas": 2}})),
        get("$widgets/a"),
        merge("$widgets/a?fieldManager=seven", json!({"spec": {"replicas": 9}})),
        apply(
            "$widgets/a?fieldManager=one&force=true",
            widget("a", json!({"replicas": 10})),
        ),
        get("$widgets/a"),
        post("$widgets", widget("empty", json!({}))),
        get("$widgets/empty/scale"),
        merge(
            "$widgets/a?fieldManager=seven",
            json!({"metadata": {"managedFields": [{}]}}),
        ),
        merge("$widgets/a/scale?fieldManager=five", json!({"spec": {"replicas": 11}})),
        get("$widgets/a"),
    ]);
}

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

fn tables(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"replicas": 3}))));
    talk.send_all([
        get("$widgets/a/scale").accept(TABLE),
        get("$widgets/a/scale?includeObject=None").accept(TABLE),
        get("$widgets/a/scale?includeObject=Object").accept(TABLE),
        get("$widgets/a/scale?includeObject=x").accept(TABLE),
        get("$widgets/missing/scale").accept(TABLE),
        get("$widgets/a/scale").accept("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"),
        get("$widgets/a/scale").accept("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"),
        merge("$widgets/a/scale", json!({"spec": {"replicas": 7}})).accept(TABLE),
        put("$widgets/a/scale", scale("a", "", json!({"replicas": 5}))).accept(TABLE),
    ]);
}

/// The Scale of a built-in kind.
fn deployments(talk: &mut Talk<'_>) {
    let path = "/apis/apps/v1/namespaces/$ns/deployments";
    let deployment = |replicas: i64| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
    };
    let replicas = |count: i64| scale("a", "", json!({"replicas": count}));
    let (item, of) = (format!("{path}/a"), format!("{path}/a/scale"));
    talk.quietly(post(path, deployment(3)));
    talk.send_all(bodies().into_iter().map(|body| put(&of, body)));
    // A patch that takes the version away is a case of its own.
    let has_version = |body: &Value| !matches!(body.get("apiVersion"), Some(Value::Null)) && body["apiVersion"] != "";
    talk.send_all(bodies().into_iter().filter(has_version).map(|body| merge(&of, body)));
    talk.send_all(
        bodies()
            .into_iter()
            .map(|body| apply(&format!("{of}?fieldManager=one&force=true"), body)),
    );
    talk.send_all([
        get(&of),
        get(&of).accept(TABLE),
        put(&of, replicas(4)),
        put(&of, replicas(-1)),
        put(&of, widget("a", json!({}))),
        put(&of, json!({"spec": {"replicas": 5}})),
        merge(&of, json!({"spec": {"replicas": 6}})),
        strategic(&of, json!({"spec": {"replicas": 7}})),
        merge(&of, json!({"spec": {"replicas": "x"}})),
        apply(&format!("{of}?fieldManager=one"), replicas(8)),
        apply(&format!("{of}?fieldManager=one&force=true"), replicas(8)),
        get(&item).view(owners_of_replicas),
        apply(&format!("{item}?fieldManager=two&force=true"), deployment(9)).view(owners_of_replicas),
        put(&of, replicas(10)),
        get(&item).view(owners_of_replicas),
        merge(&format!("{of}?fieldManager=three"), json!({"spec": {"replicas": 0}})),
        get(&item).view(owners_of_replicas),
        apply(&format!("{item}?fieldManager=two&force=true"), deployment(9)).view(owners_of_replicas),
        apply(&format!("{of}?fieldManager=one"), replicas(11)),
        apply(&format!("{of}?fieldManager=one&force=true"), replicas(11)),
        apply(&format!("{of}?fieldManager=two"), replicas(11)),
        apply(
            &format!("{of}?fieldManager=two"),
            json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "a"}}),
        ),
        apply(&format!("{of}?fieldManager=one&force=true&dryRun=All"), replicas(12)),
        apply(&format!("{of}?fieldManager=one&force=true"), replicas(-1)),
        get(&item).view(owners_of_replicas),
    ]);
}

/// A patch that takes the version away.
fn without_version(talk: &mut Talk<'_>) {
    let path = "/apis/apps/v1/namespaces/$ns/deployments";
    talk.quietly(post(
        path,
        json!({"metadata": {"name": "a"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}),
    ));
    talk.quietly(post("$widgets", widget("a", json!({"replicas": 3}))));
    for (version, replicas) in [(json!(null), 2), (json!(""), 4)] {
        talk.send(merge(
            "$widgets/a/scale",
            json!({"apiVersion": version, "spec": {"replicas": replicas}}),
        ));
    }
    for version in [json!(null), json!("")] {
        let patch = json!({"apiVersion": version, "spec": {"replicas": 2}});
        talk.send(merge(&format!("{path}/a/scale"), patch));
    }
}

/// Of the other fields some have defaults here that ours, which runs nothing, leaves out.
fn owners_of_replicas(body: &mut Value) {
    let mut owners = body["metadata"]["managedFields"].take();
    for owner in owners.as_array_mut().into_iter().flatten() {
        let replicas = owner["fieldsV1"]["f:spec"]["f:replicas"].take();
        owner["fieldsV1"] = replicas;
    }
    *body = owners;
}
