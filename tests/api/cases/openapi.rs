//! What a server says about its kinds' fields.

use serde_json::Value;

use crate::{request::get, talk::Talk};

pub(crate) const CASES: super::Cases = &[("v3", v3), ("v2", v2), ("forms", forms)];

const WIDGETS: &str = "/openapi/v3/apis/demo.example.io/v1";

fn v3(talk: &mut Talk<'_>) {
    talk.send(get("/openapi/v3").view(shared_paths));
    talk.keep("url", "/paths/apis~1demo.example.io~1v1/serverRelativeURL");
    talk.send_all([
        get("$url").view(kinds),
        get(WIDGETS).view(kinds),
        get(&format!("{WIDGETS}?hash=0123")),
        get("/openapi/v3/apis/plain.example.io/v1beta1").view(kinds),
    ]);
    talk.keep_header("etag", "etag");
    talk.send(get("/openapi/v3/apis/plain.example.io/v1beta1").header("if-none-match", "$etag"));
}

fn v2(talk: &mut Talk<'_>) {
    talk.send_all([
        get("/openapi/v2").view(widget_definition),
        get("/openapi/v2").accept("application/json").view(widget_definition),
    ]);
    talk.keep_header("etag", "etag");
    talk.send(get("/openapi/v2").header("if-none-match", "$etag"));
}

fn forms(talk: &mut Talk<'_>) {
    talk.send_all([
        get("/openapi/v3/apis/nothing.example.io/v1"),
        get("/openapi/v3/nothing"),
    ]);
}

fn shared_paths(body: &mut Value) {
    if let Some(paths) = body["paths"].as_object_mut() {
        paths.retain(|path, _| path.contains("example.io/"));
    }
}

/// The kinds of the group, without those that all groups share.
fn kinds(body: &mut Value) {
    let mut schemas = body["components"]["schemas"].take();
    if let Some(schemas) = schemas.as_object_mut() {
        schemas.retain(|name, _| name.contains("example"));
    }
    sort_required(&mut schemas);
    *body = schemas;
}

/// Required fields are a set.
fn sort_required(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| match value {
            Value::Array(names) if key == "required" => names.sort_by_key(Value::to_string),
            other => sort_required(other),
        }),
        Value::Array(items) => items.iter_mut().for_each(sort_required),
        _ => {}
    }
}

fn widget_definition(body: &mut Value) {
    *body = body["definitions"]["io.example.demo.v1.Widget"]["x-kubernetes-group-version-kind"].take();
}
