//! What a server says that it has.

use serde_json::Value;

use crate::{
    request::{get, method},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("documents", documents),
    ("aggregated", aggregated),
    ("not modified", not_modified),
    ("forms", forms),
    ("protobuf", protobuf),
    ("ranges", ranges),
    ("health", health),
    ("elsewhere", elsewhere),
];

/// The groups that both servers have.
const GROUPS: [&str; 9] = [
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "coordination.k8s.io",
    "demo.example.io",
    "events.k8s.io",
    "plain.example.io",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
];
/// Of the core group and those of built-ins, the resources that both serve.
const RESOURCES: [&str; 23] = [
    "configmaps",
    "namespaces",
    "namespaces/finalize",
    "namespaces/status",
    "nodes",
    "nodes/status",
    "resourcequotas",
    "resourcequotas/status",
    "secrets",
    "serviceaccounts",
    "events",
    "leases",
    "storageclasses",
    "volumeattachments",
    "volumeattachments/status",
    "clusterroles",
    "clusterrolebindings",
    "roles",
    "rolebindings",
    "selfsubjectreviews",
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "subjectaccessreviews",
];
const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

fn documents(talk: &mut Talk<'_>) {
    talk.send_all([
        get("/api"),
        get("/apis").view(shared_groups),
        get("/apis/demo.example.io"),
        get("/apis/demo.example.io/v1"),
        get("/apis/plain.example.io"),
        get("/apis/plain.example.io/v1beta1"),
        get("/api/v1").view(shared_resources),
        get("/version"),
    ]);
    for group in [
        "coordination.k8s.io",
        "events.k8s.io",
        "rbac.authorization.k8s.io",
        "storage.k8s.io",
    ] {
        talk.send(get(&format!("/apis/{group}")).view(first_version));
        talk.send(get(&format!("/apis/{group}/v1")).view(shared_resources));
    }
    talk.send(get("/apis/authorization.k8s.io/v1").view(shared_resources));
    talk.send(get("/apis/authentication.k8s.io/v1").view(shared_resources));
    talk.send_all([
        method("HEAD", "/apis/demo.example.io/v1"),
        get("/apis/demo.example.io/").accept("application/json"),
        get("/apis/demo.example.io/v1/"),
        get("/apis/").view(shared_groups),
        get("/api/"),
        get("/api/v1/").view(shared_resources),
    ]);
}

fn aggregated(talk: &mut Talk<'_>) {
    talk.send_all([
        get("/apis").accept(V2).view(shared_items),
        get("/apis")
            .accept(&format!("{V2},application/json"))
            .view(shared_items),
        get("/apis")
            .accept(&format!("{V2};profile=nopeer,{V2},application/json"))
            .view(shared_items),
        get("/apis")
            .accept("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json")
            .view(shared_groups),
        get("/apis")
            .accept("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList")
            .view(shared_groups),
        get("/api").accept(V2).view(shared_items),
        get("/apis")
            .accept("application/json;as=APIGroupDiscoveryList")
            .view(shared_groups),
        get("/apis/demo.example.io").accept(V2),
    ]);
}

fn not_modified(talk: &mut Talk<'_>) {
    talk.send(get("/apis").accept(V2).view(shared_items));
    talk.keep_header("etag", "etag");
    talk.send_all([
        get("/apis").accept(V2).header("if-none-match", "$etag"),
        get("/apis")
            .accept(V2)
            .header("if-none-match", "\"other\"")
            .view(shared_items),
        get("/apis").header("if-none-match", "$etag").view(shared_groups),
    ]);
}

/// In other forms than JSON.
fn forms(talk: &mut Talk<'_>) {
    for accept in [
        "application/yaml",
        "application/yaml;q=0.9,application/json;q=0.8",
        "text/html,application/yaml",
        "text/plain",
        "text/html",
        "application/yaml;as=Table;v=v1;g=meta.k8s.io",
        "application/yaml;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        "*/*",
    ] {
        all_forms(talk, accept);
    }
}

fn protobuf(talk: &mut Talk<'_>) {
    all_forms(talk, "application/vnd.kubernetes.protobuf");
    all_forms(talk, "application/vnd.kubernetes.protobuf,application/json;q=0.9");
}

fn ranges(talk: &mut Talk<'_>) {
    all_forms(talk, "application/*");
}

fn all_forms(talk: &mut Talk<'_>, accept: &str) {
    talk.send_all([
        get("/api").accept(accept).view(shared_items),
        get("/apis").accept(accept).view(shared_groups_or_items),
        get("/apis/demo.example.io").accept(accept),
        get("/apis/demo.example.io/v1").accept(accept),
        get("/apis/coordination.k8s.io").accept(accept).view(first_version),
        get("/apis/coordination.k8s.io/v1")
            .accept(accept)
            .view(shared_resources),
        get("/api/v1").accept(accept).view(shared_resources),
        get("/version").accept(accept),
    ]);
}

fn shared_groups_or_items(body: &mut Value) {
    shared_groups(body);
    shared_items(body);
}

fn health(talk: &mut Talk<'_>) {
    for path in ["/livez", "/readyz", "/healthz"] {
        talk.send_all([
            get(path),
            get(&format!("{path}/ping")),
            get(&format!("{path}/nothing")),
            get(&format!("{path}?verbose")).view(ends),
            get(&format!("{path}?exclude=ping")),
            get(&format!("{path}?exclude=nothing")),
            method("POST", path),
        ]);
    }
}

fn elsewhere(talk: &mut Talk<'_>) {
    talk.send_all([
        get("/apis/nothing.example.io"),
        get("/apis/nothing.example.io/v1"),
        get("/apis/nothing.example.io/v1/things"),
        get("/apis/demo.example.io/v9"),
        get("/apis/demo.example.io/v9/widgets"),
        get("/api/v9"),
        get("/api/v9/things"),
        get("/nothing"),
        get("/version/"),
        method("POST", "/version"),
        method("HEAD", "/version"),
    ]);
}

fn retain(body: &mut Value, list: &str, name: &str, shared: &[&str]) {
    if let Some(items) = body.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|item| {
            item.pointer(name)
                .and_then(Value::as_str)
                .is_some_and(|name| shared.contains(&name))
        });
        items.sort_by_key(|item| item.pointer(name).map(Value::to_string));
    }
}

fn shared_groups(body: &mut Value) {
    retain(body, "groups", "/name", &GROUPS);
    let groups = body.get_mut("groups").and_then(Value::as_array_mut);
    for group in groups.into_iter().flatten() {
        first_version(group);
    }
}

/// kube-apiserver serves betas of some groups, too.
fn first_version(group: &mut Value) {
    if let Some(versions) = group.get_mut("versions").and_then(Value::as_array_mut) {
        versions.truncate(1);
    }
}

fn shared_resources(body: &mut Value) {
    retain(body, "resources", "/name", &RESOURCES);
}

fn shared_items(body: &mut Value) {
    retain(body, "items", "/metadata/name", &GROUPS);
    let groups = body.get_mut("items").and_then(Value::as_array_mut);
    for group in groups.into_iter().flatten() {
        first_version(group);
        if group["metadata"]["name"]
            .as_str()
            .is_some_and(|name| name.ends_with(".k8s.io") || name == "apps")
        {
            retain(&mut group["versions"][0], "resources", "/resource", &RESOURCES);
        }
    }
}

/// The first and the last line: which checks there are is each server's own.
fn ends(body: &mut Value) {
    if let Some(text) = body.as_str() {
        let lines: Vec<_> = text.lines().collect();
        *body = serde_json::json!([lines.first(), lines.last()]);
    }
}
