//! What a server says about its kinds' fields.

use serde_json::{Map, Value, json};

use crate::{request::get, talk::Talk};

pub(crate) const CASES: super::Cases = &[("v3", v3), ("v2", v2), ("forms", forms), ("operations", operations)];

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

/// What operations take and answer.
fn operations(talk: &mut Talk<'_>) {
    talk.send_all([
        get(WIDGETS).view(all_operations),
        get("/openapi/v3/apis/plain.example.io/v1beta1").view(all_operations),
        get("/openapi/v3/apis/coordination.k8s.io/v1").view(all_operations),
        get("/openapi/v3/apis/storage.k8s.io/v1")
            .view(|body| operations_of(body, &["storageclasses", "volumeattachments"])),
        get("/openapi/v3/apis/rbac.authorization.k8s.io/v1").view(all_operations),
        get("/openapi/v3/apis/authorization.k8s.io/v1").view(all_operations),
        get("/openapi/v3/apis/authentication.k8s.io/v1").view(|body| operations_of(body, &["selfsubjectreviews"])),
        get("/openapi/v3/apis/events.k8s.io/v1").view(all_operations),
        get("/openapi/v3/apis/apps/v1").view(|body| operations_of(body, &["deployments"])),
        get("/openapi/v3/api/v1").view(|body| {
            operations_of(
                body,
                &[
                    "configmaps",
                    "endpoints",
                    "secrets",
                    "namespaces",
                    "nodes",
                    "resourcequotas",
                    "services",
                ],
            );
        }),
    ]);
}

fn all_operations(body: &mut Value) {
    operations_of(body, &[]);
}

/// By method and path: id, action and kind, parameters by their name and place, media types and answers. Of what both serve: not
/// the watches under paths of their own, the documents of discovery, and the subresources of what runs.
fn operations_of(body: &mut Value, resources: &[&str]) {
    let mut operations = Map::new();
    for (path, item) in body["paths"].as_object().into_iter().flatten() {
        let of_object = path.replace("/namespaces/{namespace}/", "/");
        let named = |resource: &str| of_object.split('/').any(|part| part == resource);
        let is_wanted = resources.is_empty() || resources.iter().any(|resource| named(resource));
        if !is_wanted || ["watch", "proxy", "token"].into_iter().any(named) || path.ends_with('/') {
            continue;
        }
        let shared = item["parameters"].as_array().cloned().unwrap_or_default();
        for (method, operation) in item.as_object().into_iter().flatten() {
            if method != "parameters" {
                operations.insert(format!("{method} {path}"), shown(operation, &shared));
            }
        }
    }
    *body = operations.into();
}

fn shown(operation: &Value, shared: &[Value]) -> Value {
    let own = operation["parameters"].as_array().cloned().unwrap_or_default();
    let answers = operation["responses"].as_object().into_iter().flatten();
    json!({
        "id": operation["operationId"],
        "action": operation["x-kubernetes-action"],
        "kind": operation["x-kubernetes-group-version-kind"],
        "tags": operation["tags"],
        "parameters": own.iter().chain(shared).map(parameter).collect::<Map<_, _>>(),
        "body": media_types(&operation["requestBody"]),
        "answers": answers.map(|(code, answer)| (code.clone(), media_types(answer))).collect::<Map<_, _>>(),
    })
}

fn parameter(parameter: &Value) -> (String, Value) {
    let text = |field: &str| parameter[field].as_str().unwrap_or_default().to_owned();
    let schema = &parameter["schema"];
    (
        format!("{} in {}", text("name"), text("in")),
        json!([schema["type"], parameter["required"]]),
    )
}

/// Each media type with the component that it carries.
fn media_types(content: &Value) -> Value {
    let types = content["content"].as_object().into_iter().flatten();
    types
        .map(|(media_type, carried)| (media_type.clone(), carried["schema"].clone()))
        .collect::<Map<_, _>>()
        .into()
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
