//! Tables, as kubectl asks for them.

use serde_json::json;

use super::{config_map, widget};
use crate::{
    request::{delete, get, merge, post, watch},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("widgets", widgets),
    ("watch", watched),
    ("built-in", built_in),
    ("other forms", other_forms),
    ("v1beta1", v1beta1),
];

const TABLE: &str =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

fn widgets(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"color": "red", "enabled": true, "weight": 1.5, "since": "2020-01-01T00:00:00Z", "tags": ["x", "y"]}))));
    talk.quietly(post("$widgets", widget("b", json!({"replicas": 0, "enabled": false}))));
    talk.quietly(merge(
        "$widgets/a/status",
        json!({"status": {"conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]}}),
    ));
    talk.send_all([
        get("$widgets").accept(TABLE),
        get("$widgets/a").accept(TABLE),
        get("$widgets?limit=1").accept(TABLE),
        get("$widgets?includeObject=None").accept(TABLE),
        get("$widgets?includeObject=Object").accept(TABLE),
        get("$widgets?includeObject=Metadata").accept(TABLE),
        get("$widgets?includeObject=x").accept(TABLE),
        get("$widgets/missing").accept(TABLE),
        get("$widgets?labelSelector=none=none").accept(TABLE),
        get("$widgets").accept("application/yaml;as=Table;v=v1;g=meta.k8s.io"),
        get("$widgets").accept("application/json;as=Table;v=v9;g=meta.k8s.io"),
        get("$widgets").accept("application/json;as=Table;v=v1;g=meta.k8s.io;x=y"),
        get("/apis/demo.example.io/v1/widgets?fieldSelector=metadata.namespace=$ns").accept(TABLE),
        post("$widgets", widget("c", json!({}))).accept(TABLE),
        merge("$widgets/c", json!({"spec": {"color": "blue"}})).accept(TABLE),
        get("$widgets/a/status").accept(TABLE),
        get("/apis/plain.example.io/v1beta1/gadgets?labelSelector=none=none").accept(TABLE),
        get("/apis/demo.example.io").accept(TABLE),
    ]);
}

/// Clients that take nothing but tables, and what has none.
fn other_forms(talk: &mut Talk<'_>) {
    const ONLY: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
    talk.quietly(post("$core/configmaps", config_map("a", json!({"x": "1"}))));
    talk.send_all([
        get("$core/configmaps?includeObject=None").accept(ONLY),
        get("$core/configmaps?includeObject=Object").accept(ONLY),
        get("$core/configmaps?includeObject=Metadata").accept(ONLY),
        get("$core/configmaps?includeObject=x").accept(ONLY),
        get("$core/configmaps/missing").accept(ONLY),
        get("$core/nothing").accept(ONLY),
    ]);
}

/// The older version of a Table, and of metadata.
fn v1beta1(talk: &mut Talk<'_>) {
    const TABLE: &str = "application/json;as=Table;v=v1beta1;g=meta.k8s.io";
    const PARTIAL: &str = "application/json;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io";
    const PARTIALS: &str = "application/json;as=PartialObjectMetadataList;v=v1beta1;g=meta.k8s.io";
    talk.quietly(post("$core/configmaps", config_map("a", json!({"x": "1"}))));
    talk.quietly(post("$widgets", widget("a", json!({"color": "red"}))));
    talk.quietly(post("$widgets", widget("b", json!({"color": "blue"}))));
    for path in ["$widgets", "$core/configmaps"] {
        talk.send_all([
            get(path).accept(TABLE),
            get(&format!("{path}?includeObject=Metadata")).accept(TABLE),
            get(&format!("{path}?includeObject=Object")).accept(TABLE),
            get(&format!("{path}?includeObject=None")).accept(TABLE),
            get(&format!("{path}/a")).accept(TABLE),
            get(&format!("{path}/missing")).accept(TABLE),
            get(path).accept(PARTIALS),
            get(path).accept(PARTIAL),
            get(&format!("{path}/a")).accept(PARTIAL),
            get(&format!("{path}/a")).accept(PARTIALS),
            get(path).accept(&format!("{TABLE},application/json;as=Table;v=v1;g=meta.k8s.io")),
            get(&format!("{path}?labelSelector=none=none")).accept(TABLE),
            watch(&format!("{path}?watch=true&timeoutSeconds=1"), 1).accept(TABLE),
            watch(&format!("{path}?watch=true&timeoutSeconds=1"), 1).accept(PARTIAL),
            watch(
                &format!("{path}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&limit=1&fieldSelector=metadata.name=a"),
                2,
            )
            .accept(TABLE),
        ]);
    }
    talk.send_all([
        get("$widgets/a/scale").accept(TABLE),
        get("$widgets/a").accept("application/yaml;as=Table;v=v1beta1;g=meta.k8s.io"),
        get("$widgets/a").accept("application/json;as=Table;v=v1alpha1;g=meta.k8s.io"),
        post("$widgets", widget("c", json!({}))).accept(TABLE),
        merge("$widgets/c", json!({"spec": {"color": "red"}})).accept(PARTIAL),
        delete("$widgets/c").accept(TABLE),
        delete("$widgets").accept(TABLE),
    ]);
}

fn watched(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({"color": "red"}))));
    talk.quietly(post("$widgets", widget("b", json!({"color": "blue"}))));
    talk.send(get("$widgets").accept(TABLE))
        .keep("rv", "/metadata/resourceVersion");
    talk.watching(
        watch("$widgets?watch=true&resourceVersion=$rv", 2).accept(TABLE),
        |talk| {
            talk.send(merge("$widgets/a", json!({"spec": {"color": "green"}})));
            talk.send(merge("$widgets/b", json!({"spec": {"color": "green"}})));
        },
    );
    talk.send(watch("$widgets?watch=true&timeoutSeconds=1", 2).accept(TABLE));
    talk.send(
        watch(
            "$widgets?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
            3,
        )
        .accept(TABLE),
    );
}

fn built_in(talk: &mut Talk<'_>) {
    talk.quietly(post("$core/configmaps", config_map("a", json!({"x": "1", "y": "2"}))));
    talk.quietly(post(
        "$core/secrets",
        json!({"metadata": {"name": "a"}, "data": {"x": "eA=="}}),
    ));
    talk.quietly(post(
        "$core/serviceaccounts",
        json!({"metadata": {"name": "a"}, "secrets": [{"name": "s"}]}),
    ));
    talk.quietly(post("/api/v1/nodes", json!({"metadata": {"name": "table"}})));
    talk.quietly(post(
        "/apis/coordination.k8s.io/v1/namespaces/$ns/leases",
        json!({"metadata": {"name": "a"}, "spec": {"holderIdentity": "me"}}),
    ));
    talk.quietly(post(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/roles",
        json!({"metadata": {"name": "a"}}),
    ));
    talk.quietly(post("/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/rolebindings", json!({"metadata": {"name": "a"}, "subjects": [{"kind": "User", "name": "u"}], "roleRef": {"kind": "Role", "name": "a", "apiGroup": "rbac.authorization.k8s.io"}})));
    talk.quietly(post("$core/events", json!({"metadata": {"name": "a"}, "involvedObject": {"kind": "ConfigMap", "name": "a", "namespace": "$ns"}, "reason": "Because", "message": "It happened", "type": "Normal", "count": 3})));
    for path in [
        "$core/configmaps",
        "$core/configmaps/a",
        "$core/secrets",
        "$core/serviceaccounts",
        "$core/events",
        "/api/v1/namespaces/$ns",
        "/api/v1/nodes/table",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/rolebindings",
    ] {
        talk.send(get(path).accept(TABLE));
    }
}
