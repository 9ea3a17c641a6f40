//! Roles and bindings, and the reviews of what they give.

use serde_json::{Value, json};

use crate::{
    client::User,
    request::{apply, delete, get, merge, post, put, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("roles", roles),
    ("cluster roles", cluster_roles),
    ("aggregation", aggregation),
    ("bindings", bindings),
    ("cluster bindings", cluster_bindings),
    ("changes of bindings", changes_of_bindings),
    ("reviews", reviews),
    ("local reviews", local_reviews),
    ("own reviews", own_reviews),
    ("rules reviews", rules_reviews),
    ("named reviews", named_reviews),
    ("token reviews", token_reviews),
];

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const GROUP: &str = "rbac.authorization.k8s.io";

fn roles(talk: &mut Talk<'_>) {
    let roles = format!("{RBAC}/namespaces/$ns/roles");
    for rule in rules() {
        talk.send(post(
            &format!("{roles}?dryRun=All"),
            json!({"metadata": {"name": "r"}, "rules": [rule]}),
        ));
    }
    for name in ["a:b", "a b", "A.b", ".", "..", "a/b", "a%b", "", "x-"] {
        talk.send(post(
            &format!("{roles}?dryRun=All"),
            json!({"metadata": {"name": name}}),
        ));
    }
    let role = |verbs: &[&str]| json!({"metadata": {"name": "a"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]});
    talk.send(post(&roles, role(&["get"])))
        .keep("rv", "/metadata/resourceVersion");
    let path = format!("{roles}/a");
    talk.send_all([
        put(&path, role(&["get", "list"])),
        put(&path, role(&[])),
        merge(&path, json!({"rules": null})),
        merge(&path, json!({"rules": [{"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]}]})),
        merge(&path, json!({"rules": [{"verbs": ["get"]}]})),
        strategic(&path, json!({"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]})),
        apply(&format!("{path}?fieldManager=m"), json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": []})),
        apply(&format!("{path}?fieldManager=m&force=true"), json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["watch"]}]})),
        apply(&format!("{roles}/new?fieldManager=m"), json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "new"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["watch"]}]})),
        put(&format!("{roles}/put"), json!({"metadata": {"name": "put"}, "rules": []})),
        delete(&path),
    ]);
}

fn rules() -> [Value; 10] {
    [
        json!({}),
        json!({"verbs": []}),
        json!({"verbs": ["get"]}),
        json!({"verbs": ["get"], "apiGroups": [""]}),
        json!({"verbs": ["get"], "resources": ["pods"]}),
        json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}),
        json!({"verbs": ["get"], "nonResourceURLs": ["/healthz"]}),
        json!({"nonResourceURLs": ["/healthz"]}),
        json!({"verbs": ["get"], "nonResourceURLs": ["/healthz"], "apiGroups": [""], "resources": ["pods"]}),
        json!({"verbs": [""], "apiGroups": ["*"], "resources": ["*/*"]}),
    ]
}

fn cluster_roles(talk: &mut Talk<'_>) {
    for rule in rules() {
        talk.send(post(
            &format!("{RBAC}/clusterroles?dryRun=All"),
            json!({"metadata": {"name": "r"}, "rules": [rule]}),
        ));
    }
    let path = format!("{RBAC}/clusterroles/$ns");
    talk.send_all([
        post(&format!("{RBAC}/clusterroles"), json!({"metadata": {"name": "$ns", "namespace": "x"}, "rules": [{"verbs": ["get"], "nonResourceURLs": ["/a"]}]})),
        post(&format!("{RBAC}/clusterroles"), json!({"metadata": {"name": "$ns"}, "rules": [{"verbs": ["get"], "nonResourceURLs": ["/a"]}]})),
        merge(&path, json!({"metadata": {"labels": {"a": "b"}}})),
        get(&path).accept("application/json;as=Table;v=v1;g=meta.k8s.io"),
        get(&format!("{RBAC}/namespaces/$ns/roles")).accept("application/json;as=Table;v=v1;g=meta.k8s.io"),
        delete(&path),
    ]);
}

fn aggregation(talk: &mut Talk<'_>) {
    for rule in [
        json!({}),
        json!({"clusterRoleSelectors": []}),
        json!({"clusterRoleSelectors": [{}]}),
        json!({"clusterRoleSelectors": [{"matchLabels": {"a b": "c"}}]}),
        json!({"clusterRoleSelectors": [{"matchLabels": {"a": "c d"}}]}),
        json!({"clusterRoleSelectors": [{"matchExpressions": [{"key": "a", "operator": "In"}]}]}),
        json!({"clusterRoleSelectors": [{"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]}]}),
        json!({"clusterRoleSelectors": [{"matchExpressions": [{"key": "a", "operator": "Nonsense"}]}]}),
        json!({"clusterRoleSelectors": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}]}),
    ] {
        talk.send(post(
            &format!("{RBAC}/clusterroles?dryRun=All"),
            json!({"metadata": {"name": "r"}, "aggregationRule": rule}),
        ));
    }
}

fn user(name: &str) -> Value {
    json!({"kind": "User", "name": name, "apiGroup": GROUP})
}

/// Subjects, most of them wrong.
fn subjects() -> [Value; 14] {
    [
        json!({}),
        json!({"kind": "User"}),
        json!({"kind": "User", "name": "u"}),
        json!({"kind": "User", "name": "u", "apiGroup": "x"}),
        json!({"kind": "User", "name": "u", "apiGroup": GROUP, "namespace": "n"}),
        json!({"kind": "Group", "name": "g"}),
        json!({"kind": "Group", "name": "g", "apiGroup": "v1"}),
        json!({"kind": "ServiceAccount", "name": "s"}),
        json!({"kind": "ServiceAccount", "name": "s", "namespace": "n"}),
        json!({"kind": "ServiceAccount", "name": "s", "namespace": "n", "apiGroup": GROUP}),
        json!({"kind": "ServiceAccount", "name": "S_", "namespace": "n"}),
        json!({"kind": "ServiceAccount", "namespace": "n"}),
        json!({"kind": "Robot", "name": "r"}),
        json!({"kind": "user", "name": "u", "apiGroup": GROUP}),
    ]
}

fn bindings(talk: &mut Talk<'_>) {
    let bindings = format!("{RBAC}/namespaces/$ns/rolebindings?dryRun=All");
    for subject in subjects() {
        talk.send(post(&bindings, json!({"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r", "apiGroup": GROUP}, "subjects": [subject]})));
    }
    for reference in references() {
        talk.send(post(
            &bindings,
            json!({"metadata": {"name": "b"}, "roleRef": reference}),
        ));
    }
    talk.send(post(&bindings, json!({"metadata": {"name": "b"}})));
    talk.send(post(&bindings, json!({"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"}, "subjects": [{}, {"kind": "Robot"}]})));
}

fn references() -> [Value; 9] {
    [
        json!({}),
        json!({"kind": "Role"}),
        json!({"name": "r"}),
        json!({"kind": "Role", "name": "r"}),
        json!({"kind": "ClusterRole", "name": "r"}),
        json!({"kind": "Robot", "name": "r"}),
        json!({"kind": "Role", "name": "r", "apiGroup": "x"}),
        json!({"kind": "Role", "name": "a/b", "apiGroup": GROUP}),
        json!({"kind": "ClusterRole", "name": "a%b", "apiGroup": GROUP}),
    ]
}

fn cluster_bindings(talk: &mut Talk<'_>) {
    let bindings = format!("{RBAC}/clusterrolebindings?dryRun=All");
    for subject in subjects() {
        talk.send(post(&bindings, json!({"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "r", "apiGroup": GROUP}, "subjects": [subject]})));
    }
    for reference in references() {
        talk.send(post(
            &bindings,
            json!({"metadata": {"name": "b"}, "roleRef": reference}),
        ));
    }
}

fn changes_of_bindings(talk: &mut Talk<'_>) {
    let bindings = format!("{RBAC}/namespaces/$ns/rolebindings");
    let binding = |role: &str, subjects: Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "a"}, "roleRef": {"kind": "Role", "name": role, "apiGroup": GROUP}, "subjects": subjects});
    talk.send(post(&bindings, binding("one", json!([user("a")]))));
    let path = format!("{bindings}/a");
    talk.send_all([
        put(&path, binding("one", json!([user("a"), user("b")]))),
        put(&path, binding("two", json!([user("a")]))),
        put(&path, binding("one", Value::Null)),
        put(&path, binding("one", json!([{"kind": "User", "name": "x"}]))),
        merge(&path, json!({"roleRef": {"name": "two"}})),
        merge(&path, json!({"roleRef": {"kind": "ClusterRole"}})),
        merge(&path, json!({"roleRef": null})),
        merge(&path, json!({"subjects": null})),
        strategic(&path, json!({"subjects": [user("c")]})),
        strategic(&path, json!({"roleRef": {"name": "two"}})),
        apply(&format!("{path}?fieldManager=m"), binding("two", json!([]))),
        apply(
            &format!("{path}?fieldManager=m&force=true"),
            binding("one", json!([user("d")])),
        ),
        get(&path).accept("application/json;as=Table;v=v1;g=meta.k8s.io"),
        get(&path),
        delete(&path),
    ]);
    let cluster = format!("{RBAC}/clusterrolebindings");
    talk.send_all([
        post(&cluster, json!({"metadata": {"name": "$ns"}, "roleRef": {"kind": "ClusterRole", "name": "one"}, "subjects": [{"kind": "Group", "name": "g"}]})),
        merge(&format!("{cluster}/$ns"), json!({"roleRef": {"name": "two"}})),
        merge(&format!("{cluster}/$ns"), json!({"subjects": []})),
        get(&format!("{cluster}/$ns")).accept("application/json;as=Table;v=v1;g=meta.k8s.io"),
    ]);
}

const REVIEWS: &str = "/apis/authorization.k8s.io/v1";

fn reviews(talk: &mut Talk<'_>) {
    let resource = json!({"namespace": "a", "verb": "get", "resource": "pods"});
    let path = json!({"path": "/apis", "verb": "get"});
    for spec in [
        json!({}),
        json!({"user": "u"}),
        json!({"resourceAttributes": resource}),
        json!({"nonResourceAttributes": path}),
        json!({"user": "u", "resourceAttributes": resource, "nonResourceAttributes": path}),
        json!({"user": "u", "resourceAttributes": resource}),
        json!({"user": "u", "resourceAttributes": {}}),
        json!({"groups": ["system:masters"], "resourceAttributes": resource}),
        json!({"groups": [], "resourceAttributes": resource}),
        json!({"user": "u", "uid": "1", "extra": {"a": ["b"]}, "nonResourceAttributes": path}),
        json!({"user": "u", "extra": {"a": "b"}, "nonResourceAttributes": path}),
        json!({"user": 1, "resourceAttributes": resource}),
        json!({"user": "u", "resourceAttributes": "pods"}),
        json!({"user": "system:anonymous", "groups": ["system:unauthenticated"], "nonResourceAttributes": path}),
        json!({"user": "system:anonymous", "groups": ["system:authenticated"], "nonResourceAttributes": path}),
        json!({"user": "u", "resourceAttributes": {"verb": "list", "resource": "pods", "fieldSelector": {}}}),
        json!({"user": "u", "resourceAttributes": {"verb": "list", "resource": "pods", "fieldSelector": {"rawSelector": "a=b"}}}),
        json!({"user": "u", "resourceAttributes": {"verb": "list", "resource": "pods", "labelSelector": {"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "Exists"}]}}}),
        json!({"user": "u", "resourceAttributes": {"verb": "list", "resource": "pods", "labelSelector": {"requirements": [{"key": "a", "operator": "In"}]}}}),
        json!({"user": "u", "resourceAttributes": {"verb": "list", "resource": "pods", "fieldSelector": {"requirements": [{"key": "", "operator": "In", "values": ["a"]}]}}}),
    ] {
        talk.send(post(&format!("{REVIEWS}/subjectaccessreviews"), json!({"spec": spec})));
    }
    talk.send_all([
        post(
            &format!("{REVIEWS}/subjectaccessreviews"),
            json!({"spec": {"user": "u", "nonResourceAttributes": path}, "status": {"allowed": true}}),
        ),
        post(
            &format!("{REVIEWS}/subjectaccessreviews?dryRun=All"),
            json!({"spec": {"user": "u", "nonResourceAttributes": path}}),
        ),
        post(
            &format!("{REVIEWS}/subjectaccessreviews?fieldValidation=Strict"),
            json!({"spec": {"user": "u", "group": ["x"], "nonResourceAttributes": path}}),
        ),
        post(
            &format!("{REVIEWS}/subjectaccessreviews"),
            json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": {}}),
        ),
        post(&format!("{REVIEWS}/subjectaccessreviews"), "{}"),
        post(&format!("{REVIEWS}/subjectaccessreviews"), ""),
        post(
            &format!("{REVIEWS}/subjectaccessreviews"),
            json!({"spec": {"user": "u", "nonResourceAttributes": path}}),
        )
        .by(User::Dev),
        get(&format!("{REVIEWS}/subjectaccessreviews")),
        delete(&format!("{REVIEWS}/subjectaccessreviews")),
        get(&format!("{REVIEWS}/subjectaccessreviews/a")),
    ]);
}

fn local_reviews(talk: &mut Talk<'_>) {
    let reviews = format!("{REVIEWS}/namespaces/$ns/localsubjectaccessreviews");
    for body in [
        json!({"spec": {"user": "u", "resourceAttributes": {"namespace": "$ns", "verb": "get", "resource": "pods"}}}),
        json!({"spec": {"user": "u", "resourceAttributes": {"namespace": "other", "verb": "get", "resource": "pods"}}}),
        json!({"spec": {"user": "u", "resourceAttributes": {"verb": "get", "resource": "pods"}}}),
        json!({"spec": {"user": "u", "nonResourceAttributes": {"path": "/a", "verb": "get"}}}),
        json!({"spec": {"user": "u"}}),
        json!({"metadata": {"namespace": "other"}, "spec": {"user": "u", "resourceAttributes": {"namespace": "other", "verb": "get", "resource": "pods"}}}),
        json!({"metadata": {"namespace": "$ns"}, "spec": {"user": "u", "resourceAttributes": {"namespace": "$ns", "verb": "get", "resource": "pods"}}}),
        json!({}),
    ] {
        talk.send(post(&reviews, body));
    }
    talk.send(post(&format!("{REVIEWS}/localsubjectaccessreviews"), json!({})));
}

fn own_reviews(talk: &mut Talk<'_>) {
    let reviews = format!("{REVIEWS}/selfsubjectaccessreviews");
    for body in [
        json!({}),
        json!({"spec": {}}),
        json!({"spec": {"resourceAttributes": {}, "nonResourceAttributes": {}}}),
        json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}),
        json!({"spec": {"resourceAttributes": {"verb": "*", "resource": "*", "group": "*"}}}),
        json!({"spec": {"nonResourceAttributes": {"path": "/apis", "verb": "get"}}}),
        json!({"spec": {"user": "x", "nonResourceAttributes": {"path": "/apis", "verb": "get"}}}),
        json!({"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "fieldSelector": {"requirements": []}}}}),
    ] {
        talk.send(post(&reviews, &body).by(User::Dev));
        talk.send(post(&reviews, &body));
    }
    for user in [User::Admin, User::Dev] {
        talk.send(post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({})).by(user));
        talk.send(
            post(
                "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                json!({"metadata": {"name": "a"}}),
            )
            .by(user),
        );
    }
    talk.send(
        post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({}))
            .header("impersonate-user", "someone")
            .header("impersonate-uid", "u1")
            .header("impersonate-group", "g1")
            .header("impersonate-extra-scopes", "x"),
    );
}

fn rules_reviews(talk: &mut Talk<'_>) {
    for body in [
        json!({}),
        json!({"spec": {}}),
        json!({"spec": {"namespace": "$ns"}}),
        json!({"spec": {"namespace": "missing"}}),
        json!({"spec": {"namespace": 1}}),
        json!({"metadata": {"name": "a"}, "spec": {"namespace": "$ns"}}),
    ] {
        talk.send(
            post(&format!("{REVIEWS}/selfsubjectrulesreviews"), body)
                .by(User::Dev)
                .view(sorted_rules),
        );
    }
}

/// The rules come in any order.
fn sorted_rules(body: &mut Value) {
    for list in ["resourceRules", "nonResourceRules"] {
        if let Some(rules) = body
            .pointer_mut(&format!("/status/{list}"))
            .and_then(Value::as_array_mut)
        {
            rules.sort_by_key(Value::to_string);
        }
    }
}

fn named_reviews(talk: &mut Talk<'_>) {
    let resource = json!({"namespace": "$ns", "verb": "get", "resource": "pods"});
    for metadata in [
        json!({"name": "x"}),
        json!({"labels": {"a": "b"}}),
        json!({"generateName": "x"}),
    ] {
        let review = json!({"metadata": metadata, "spec": {"user": "u", "resourceAttributes": resource}});
        let own = json!({"metadata": metadata, "spec": {"resourceAttributes": resource}});
        talk.send_all([
            post(&format!("{REVIEWS}/subjectaccessreviews"), &review),
            post(&format!("{REVIEWS}/namespaces/$ns/localsubjectaccessreviews"), &review),
            post(&format!("{REVIEWS}/selfsubjectaccessreviews"), own),
        ]);
    }
}

fn token_reviews(talk: &mut Talk<'_>) {
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    talk.send_all([
        post(reviews, json!({})),
        post(reviews, json!({"spec": {"token": "nonsense"}})),
        post(reviews, json!({"spec": {"token": "nonsense"}})).by(User::Dev),
        get(reviews),
    ]);
}
