//! Who may do what, and what is said to those who may not.

use serde_json::{Value, json};

use super::{config_map, widget};
use crate::{
    client::User,
    request::{apply, delete, get, merge, post, put, watch},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("nobody", nobody),
    ("bad credential", bad_credential),
    ("without rights", without_rights),
    ("with a role", with_a_role),
    ("impersonation", impersonation),
    ("constrained impersonation", constrained_impersonation),
    ("reviews", reviews),
];

fn nobody(talk: &mut Talk<'_>) {
    for path in [
        "/",
        "/healthz",
        "/livez",
        "/readyz",
        "/apis",
        "/api",
        "/openapi/v2",
        "/metrics",
        "$widgets",
        "$widgets/a",
        "/nothing",
        "/apis/nothing.example.io/v1/a",
    ] {
        talk.send(get(path).by(User::Nobody));
    }
    talk.send_all([
        post("$widgets", widget("a", json!({}))).by(User::Nobody),
        post("$widgets", "{").by(User::Nobody),
        post("$widgets", "{")
            .header("content-type", "text/plain")
            .by(User::Nobody),
    ]);
}

fn bad_credential(talk: &mut Talk<'_>) {
    for authorization in [
        "Bearer nonsense",
        "Bearer ",
        "Basic YTpi",
        "nonsense",
        "bearer nonsense",
    ] {
        talk.send(get("$widgets").header("authorization", authorization).by(User::Nobody));
    }
    talk.send_all([
        get("/healthz")
            .header("authorization", "Bearer nonsense")
            .by(User::Nobody),
        get("/nothing")
            .header("authorization", "Bearer nonsense")
            .by(User::Nobody),
        get("$widgets")
            .header("authorization", "Bearer nonsense")
            .by(User::Admin),
        get("$widgets")
            .header("x-remote-user", "admin")
            .header("x-remote-group", "system:masters")
            .by(User::Nobody),
    ]);
}

fn without_rights(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    let dev = [
        get("/"),
        get("/apis/demo.example.io/v1"),
        get("/metrics"),
        get("/nothing"),
        get("$widgets"),
        get("$widgets/a"),
        get("$widgets/a/status"),
        get("$widgets/a/scale"),
        get("/apis/demo.example.io/v1/widgets"),
        get("$widgets?fieldSelector=metadata.name=a"),
        watch("$widgets?watch=true", 1),
        watch("/apis/demo.example.io/v1/watch/namespaces/$ns/widgets", 1),
        get("/api/v1/nodes"),
        get("/api/v1/namespaces/$ns"),
        get("$core/secrets"),
        get("/apis/nothing.example.io/v1/things"),
        post("$widgets", widget("b", json!({}))),
        put("$widgets/a", widget("a", json!({}))),
        merge("$widgets/a", json!({})),
        apply("$widgets/a?fieldManager=m", widget("a", json!({}))),
        delete("$widgets/a"),
        delete("$widgets"),
        post("/api/v1/namespaces", json!({"metadata": {"name": "dev-may-not"}})),
        get("/apis/<&>/v1/things"),
    ];
    talk.send_all(dev.map(|request| request.by(User::Dev)));
}

fn with_a_role(talk: &mut Talk<'_>) {
    let role = json!({"metadata": {"name": "some"}, "rules": [
        {"apiGroups": ["demo.example.io"], "resources": ["widgets"], "verbs": ["get", "patch"]},
        {"apiGroups": ["demo.example.io"], "resources": ["widgets/status"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["mine"], "verbs": ["get", "list", "watch", "update"]},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["create", "get"]},
    ]});
    let binding = json!({"metadata": {"name": "dev"}, "subjects": [{"kind": "User", "name": "dev", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"}});
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/$ns";
    talk.send_all([
        post(&format!("{rbac}/roles"), role),
        post(&format!("{rbac}/rolebindings"), binding),
        post("$widgets", widget("a", json!({}))),
        post("$core/configmaps", config_map("mine", json!({"a": "b"}))),
    ]);
    // Both look at the bindings now and then.
    talk.until_allowed(get("$widgets/a").by(User::Dev));
    let dev = [
        get("$widgets/a"),
        get("$widgets/missing"),
        get("$widgets"),
        get("$widgets/a/status"),
        get("$widgets/a/scale"),
        merge("$widgets/a", json!({"metadata": {"labels": {"a": "b"}}})),
        apply("$widgets/new?fieldManager=m", widget("new", json!({}))),
        put("$widgets/a", widget("a", json!({}))),
        get("$core/configmaps/mine"),
        get("$core/configmaps/other"),
        get("$core/configmaps"),
        get("$core/configmaps?fieldSelector=metadata.name=mine"),
        get("$core/configmaps?fieldSelector=metadata.name=other"),
        post(
            &format!("{rbac}/roles"),
            json!({"metadata": {"name": "less"}, "rules": [{"apiGroups": ["demo.example.io"], "resources": ["widgets"], "verbs": ["get"]}]}),
        ),
        post(
            &format!("{rbac}/roles"),
            json!({"metadata": {"name": "more"}, "rules": [{"apiGroups": ["demo.example.io"], "resources": ["widgets"], "verbs": ["get", "delete"]}]}),
        ),
        post(
            &format!("{rbac}/rolebindings"),
            json!({"metadata": {"name": "up"}, "subjects": [{"kind": "User", "name": "dev", "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}}),
        ),
    ];
    talk.send_all(dev.map(|request| request.by(User::Dev)));
}

fn impersonation(talk: &mut Talk<'_>) {
    let review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    talk.send_all([
        // First, as kube-apiserver tries the mode first that allowed somebody's last request.
        post(review, json!({})).header("impersonate-user", "system:node:a"),
        get("$widgets").header("impersonate-user", "somebody"),
        get("$widgets")
            .header("impersonate-user", "somebody")
            .header("impersonate-group", "system:masters"),
        get("$widgets").header("impersonate-user", "system:anonymous"),
        get("$widgets").header("impersonate-user", "system:serviceaccount:$ns:default"),
        get("/api/v1/nodes").header("impersonate-user", "system:node:a"),
    ]);
    talk.send_all([
        post(review, json!({})).header("impersonate-user", "somebody"),
        post(review, json!({})).header("impersonate-user", "system:serviceaccount:$ns:default"),
        post(review, json!({})).header("impersonate-user", "system:anonymous"),
        post(review, json!({}))
            .header("impersonate-user", "somebody")
            .header("impersonate-uid", "7")
            .header("impersonate-group", "g")
            .header("impersonate-extra-example.com%2fa", "x"),
        get("$widgets").header("impersonate-group", "g"),
        get("$widgets").header("impersonate-uid", "7"),
        get("$widgets").header("impersonate-extra-a", "b"),
        get("$widgets").header("impersonate-user", ""),
    ]);
    // Refused, in all modes.
    let dev = |name: &'static str, value: &str| get("$widgets").header(name, value).by(User::Dev);
    talk.send_all([
        dev("impersonate-user", "somebody"),
        dev("impersonate-user", "dev"),
        dev("impersonate-user", "<&>"),
        dev("impersonate-user", "system:anonymous"),
        dev("impersonate-user", "system:serviceaccount:$ns:default"),
        dev("impersonate-user", "system:serviceaccount:$ns:"),
        dev("impersonate-user", "system:node:a"),
        dev("impersonate-user", "system:node:A_"),
        dev("impersonate-group", "g"),
        dev("impersonate-user", "somebody").header("impersonate-group", "system:masters"),
        dev("impersonate-user", "system:serviceaccount:$ns:default").header("impersonate-group", "g"),
        dev("impersonate-user", "system:node:a").header("impersonate-uid", "7"),
        get("/version").header("impersonate-user", "somebody").by(User::Dev),
        get("/nothing").header("impersonate-user", "somebody").by(User::Dev),
        get("$widgets/a/status")
            .header("impersonate-user", "somebody")
            .by(User::Dev),
        post("$widgets", "{")
            .header("impersonate-user", "somebody")
            .by(User::Dev),
        get("$widgets").header("impersonate-user", "somebody").by(User::Nobody),
        watch("$widgets?watch=true", 1)
            .header("impersonate-user", "somebody")
            .by(User::Dev),
    ]);
}

/// Rights to act as somebody that hold for some requests only.
fn constrained_impersonation(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    let cluster = "/apis/rbac.authorization.k8s.io/v1";
    let role = |name: &str, rules: Value| json!({"metadata": {"name": format!("constrained-{name}")}, "rules": rules});
    let bind = |name: &str, kind: &str| {
        json!({"metadata": {"name": format!("constrained-{name}")}, "subjects": [{"kind": "User", "name": "dev", "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": format!("constrained-{name}")}})
    };
    let who = json!([
        {"apiGroups": ["authentication.k8s.io"], "resources": ["users"], "resourceNames": ["jane"], "verbs": ["impersonate:user-info"]},
        {"apiGroups": ["authentication.k8s.io"], "resources": ["groups"], "resourceNames": ["readers", "system:masters", ""], "verbs": ["impersonate:user-info"]},
        {"apiGroups": ["authentication.k8s.io"], "resources": ["uids"], "resourceNames": ["7"], "verbs": ["impersonate:user-info"]},
        {"apiGroups": ["authentication.k8s.io"], "resources": ["userextras/example.com/a", "userextras/a"], "resourceNames": ["x"], "verbs": ["impersonate:user-info"]},
        {"apiGroups": ["authentication.k8s.io"], "resources": ["nodes"], "resourceNames": ["n"], "verbs": ["impersonate:arbitrary-node"]},
        {"apiGroups": ["authentication.k8s.io"], "resources": ["serviceaccounts"], "resourceNames": ["default"], "verbs": ["impersonate:serviceaccount"]},
        {"nonResourceURLs": ["/version"], "verbs": ["impersonate-on:user-info:get"]},
    ]);
    let what = json!([
        {"apiGroups": ["demo.example.io"], "resources": ["widgets"], "verbs": ["impersonate-on:user-info:get", "impersonate-on:serviceaccount:get", "impersonate-on:arbitrary-node:get"]},
    ]);
    let readers = json!({"metadata": {"name": "constrained-read"}, "subjects": [
            {"kind": "Group", "name": "readers", "apiGroup": "rbac.authorization.k8s.io"},
            {"kind": "Group", "name": "system:nodes", "apiGroup": "rbac.authorization.k8s.io"},
            {"kind": "ServiceAccount", "name": "default", "namespace": "$ns"},
        ], "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "constrained-read"}});
    let rbac = format!("{cluster}/namespaces/$ns");
    let read = json!([{"apiGroups": ["demo.example.io"], "resources": ["widgets"], "verbs": ["get", "list"]}]);
    talk.send_all([
        post(&format!("{cluster}/clusterroles"), role("who", who)),
        post(&format!("{cluster}/clusterrolebindings"), bind("who", "ClusterRole")),
        post(&format!("{rbac}/roles"), role("what", what)),
        post(&format!("{rbac}/rolebindings"), bind("what", "Role")),
        post(&format!("{rbac}/roles"), role("read", read)),
        post(&format!("{rbac}/rolebindings"), readers),
    ]);
    let dev = |path: &str, user: &str| get(path).header("impersonate-user", user).by(User::Dev);
    let reader = |path: &str| dev(path, "jane").header("impersonate-group", "readers");
    talk.until_allowed(reader("$widgets/a"));
    talk.send_all([
        reader("$widgets/a"),
        reader("$widgets"),
        reader("$widgets/a/status"),
        reader("/version"),
        reader("/apis"),
        dev("$widgets/a", "jane"),
        dev("$widgets/a", "joe"),
        dev("$widgets/a", "jane").header("impersonate-group", "system:masters"),
        dev("$widgets/a", "jane").header("impersonate-group", ""),
        dev("$widgets/a", "jane").header("impersonate-group", "others"),
        reader("$widgets/a").header("impersonate-uid", "7"),
        reader("$widgets/a").header("impersonate-uid", "8"),
        reader("$widgets/a").header("impersonate-extra-example.com%2fa", "x"),
        reader("$widgets/a").header("impersonate-extra-example.com%2fa", "y"),
        reader("$widgets/a").header("impersonate-extra-a", "x"),
        dev("$widgets/a", "system:node:n"),
        dev("$widgets/a", "system:node:m"),
        dev("$widgets", "system:node:n"),
        dev("$widgets/a", "system:node:n").header("impersonate-group", "readers"),
        dev("$widgets/a", "system:serviceaccount:$ns:default"),
        dev("$widgets/a", "system:serviceaccount:$ns:other"),
        dev("$widgets/a", "system:serviceaccount:$ns:default").header("impersonate-group", "readers"),
        reader("$widgets/a").by(User::Nobody),
    ]);
}

fn reviews(talk: &mut Talk<'_>) {
    let access = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"namespace": "a", "verb": "get", "group": "demo.example.io", "resource": "widgets"}}});
    let authorization = "/apis/authorization.k8s.io/v1";
    talk.send_all([
        post(&format!("{authorization}/selfsubjectaccessreviews"), &access),
        post(&format!("{authorization}/selfsubjectaccessreviews"), &access).by(User::Dev),
        post(&format!("{authorization}/selfsubjectaccessreviews"), &access).by(User::Nobody),
        post(&format!("{authorization}/selfsubjectaccessreviews"), json!({"spec": {"nonResourceAttributes": {"path": "/apis", "verb": "get"}}})).by(User::Dev),
        post(&format!("{authorization}/subjectaccessreviews"), json!({"spec": {"user": "dev", "nonResourceAttributes": {"path": "/apis", "verb": "get"}}})),
        post(&format!("{authorization}/subjectaccessreviews"), json!({"spec": {"user": "dev", "groups": ["system:masters"], "resourceAttributes": {"verb": "get", "resource": "pods"}}})),
        post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({})).by(User::Nobody),
        get(&format!("{authorization}/selfsubjectaccessreviews")),
    ]);
}
