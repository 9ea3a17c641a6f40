//! The scale subresource.

use serde_json::{Value, json};

use super::{widget, widget_with};
use crate::{
    request::{get, json_patch, merge, post, put},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[("read", read), ("write", write), ("patch", patch)];

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
