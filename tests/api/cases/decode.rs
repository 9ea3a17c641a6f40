//! Bodies of built-in kinds whose values do not fit, and the form in which those that fit come back.

use serde_json::{Value, json};

use crate::{
    request::{get, json_patch, merge, post, put, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("metadata", metadata),
    ("values", values),
    ("selves", selves),
    ("forms", forms),
    ("unknown fields", unknown_fields),
    ("patches", patches),
];

/// A dry run of a POST: kind's path, and what beside the name is in the body.
fn tries(talk: &mut Talk<'_>, path: &str, bodies: impl IntoIterator<Item = Value>) {
    for mut body in bodies {
        if body["metadata"].is_null() {
            body["metadata"] = json!({"name": "d"});
        }
        talk.send(post(&format!("{path}?dryRun=All"), body));
    }
}

fn metadata(talk: &mut Talk<'_>) {
    let bodies = [
        json!({"name": 1}),
        json!({"name": true}),
        json!({"name": {}}),
        json!({"name": []}),
        json!({"name": "a", "namespace": 1}),
        json!({"name": "a", "labels": []}),
        json!({"name": "a", "labels": {"a": 1}}),
        json!({"name": "a", "labels": {"a": null}}),
        json!({"name": "a", "annotations": {"a": {"b": "c"}}}),
        json!({"name": "a", "finalizers": "x"}),
        json!({"name": "a", "finalizers": [1]}),
        json!({"name": "a", "ownerReferences": {}}),
        json!({"name": "a", "ownerReferences": ["x"]}),
        json!({"name": "a", "ownerReferences": [{"apiVersion": 1}]}),
        json!({"name": "a", "ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": 5}]}),
        json!({"name": "a", "ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "u", "controller": "yes"}]}),
        json!({"name": "a", "creationTimestamp": 5}),
        json!({"name": "a", "creationTimestamp": "yesterday"}),
        json!({"name": "a", "creationTimestamp": "2020-13-01T00:00:00Z"}),
        json!({"name": "a", "creationTimestamp": "2020-01-01"}),
        json!({"name": "a", "creationTimestamp": null}),
        json!({"name": "a", "generation": "1"}),
        json!({"name": "a", "generation": 1.5}),
        json!({"name": "a", "deletionGracePeriodSeconds": true}),
        json!({"name": "a", "managedFields": {}}),
        json!({"name": "a", "managedFields": [{"manager": 1}]}),
        json!({"name": "a", "managedFields": [{"time": "x"}]}),
        json!({"name": "a", "selfLink": 1}),
    ];
    tries(
        talk,
        "$core/configmaps",
        bodies.map(|metadata| json!({"metadata": metadata})),
    );
    tries(
        talk,
        "$core/configmaps",
        [
            json!({"metadata": []}),
            json!({"metadata": "x"}),
            json!({"metadata": 1}),
        ],
    );
}

fn values(talk: &mut Talk<'_>) {
    tries(
        talk,
        "$core/configmaps",
        [
            json!({"data": []}),
            json!({"data": "a"}),
            json!({"data": {"a": 1}}),
            json!({"data": {"a": true}}),
            json!({"data": {"a": {}}}),
            json!({"data": {"a": []}}),
            json!({"binaryData": {"a": "no base64"}}),
            json!({"binaryData": {"a": "YQ="}}),
            json!({"binaryData": {"a": 1}}),
            json!({"binaryData": {"a": {}}}),
            json!({"immutable": "true"}),
            json!({"immutable": 1}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": 1}),
        ],
    );
    tries(
        talk,
        "$core/secrets",
        [
            json!({"data": {"a": "%"}}),
            json!({"data": {"a": "YQ==YQ=="}}),
            json!({"data": {"a": "YQ==\n"}}),
            json!({"stringData": {"a": 1}}),
            json!({"stringData": []}),
            json!({"type": 1}),
            json!({"type": {}}),
        ],
    );
    tries(
        talk,
        "/apis/coordination.k8s.io/v1/namespaces/$ns/leases",
        [
            json!({"spec": []}),
            json!({"spec": {"leaseDurationSeconds": "5"}}),
            json!({"spec": {"leaseDurationSeconds": 1.5}}),
            json!({"spec": {"leaseDurationSeconds": 3_000_000_000_i64}}),
            json!({"spec": {"renewTime": "2020-01-01T00:00:00Z"}}),
            json!({"spec": {"renewTime": "2020-01-01T00:00:00.123456+02:00"}}),
            json!({"spec": {"renewTime": 5}}),
            json!({"spec": {"holderIdentity": 1}}),
            json!({"spec": {"strategy": 1}}),
        ],
    );
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/$ns";
    tries(
        talk,
        &format!("{rbac}/roles"),
        [
            json!({"rules": {}}),
            json!({"rules": [1]}),
            json!({"rules": [{"verbs": "get"}]}),
            json!({"rules": [{"verbs": [1]}]}),
        ],
    );
    tries(
        talk,
        &format!("{rbac}/rolebindings"),
        [
            json!({"roleRef": "admin"}),
            json!({"roleRef": {"kind": 1}}),
            json!({"roleRef": {}, "subjects": "me"}),
            json!({"roleRef": {}, "subjects": [{"kind": []}]}),
        ],
    );
    tries(
        talk,
        "$core/pods",
        [
            json!({"spec": {"containers": {}}}),
            json!({"spec": {"containers": ["x"]}}),
            json!({"spec": {"containers": [{"name": 1}]}}),
            json!({"spec": {"containers": [{"name": "a", "ports": [{"containerPort": "80"}]}]}}),
            json!({"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "one"}}}]}}),
            json!({"spec": {"containers": [{"name": "a", "livenessProbe": {"httpGet": {"port": true}}}]}}),
            json!({"spec": {"volumes": [{"name": "a", "emptyDir": []}]}}),
            json!({"spec": {"volumes": [{"name": "a", "emptyDir": {"sizeLimit": "1Qi"}}]}}),
            json!({"spec": {"terminationGracePeriodSeconds": "x"}}),
        ],
    );
    tries(
        talk,
        "$core/services",
        [
            json!({"spec": {"ports": [{"port": "80"}]}}),
            json!({"spec": {"ports": [{"port": 80, "targetPort": 1.5}]}}),
            json!({"spec": {"ports": [{"port": 80, "targetPort": false}]}}),
            json!({"spec": {"selector": ["a"]}}),
            json!({"spec": {"type": 1}}),
        ],
    );
    tries(
        talk,
        "$core/resourcequotas",
        [
            json!({"spec": {"hard": {"pods": "many"}}}),
            json!({"spec": {"hard": {"pods": ""}}}),
            json!({"spec": {"hard": {"pods": true}}}),
            json!({"spec": {"hard": ["pods"]}}),
            json!({"spec": {"scopes": "x"}}),
        ],
    );
    tries(
        talk,
        "/api/v1/namespaces",
        [
            json!({"spec": {"finalizers": "kubernetes"}}),
            json!({"spec": 1}),
            json!({"status": []}),
            json!({"status": {"phase": 1}}),
        ],
    );
}

/// Who names the kind, and who does not.
fn selves(talk: &mut Talk<'_>) {
    for body in [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}),
        json!({"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "s"}}),
        json!({"apiVersion": "apps/v1", "kind": "ConfigMap", "metadata": {"name": "s"}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "s"}}),
        json!({"apiVersion": "v1", "kind": "Nonsense", "metadata": {"name": "s"}}),
        json!({"kind": "Nonsense", "metadata": {"name": "s"}}),
        json!({"apiVersion": "v1", "metadata": {"name": "s"}}),
        json!({"kind": "ConfigMap", "metadata": {"name": "s"}}),
        json!({"apiVersion": "", "kind": "", "metadata": {"name": "s"}}),
        json!({"apiVersion": null, "kind": null, "metadata": {"name": "s"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMapList", "items": []}),
        json!({"apiVersion": "v1", "kind": 1}),
    ] {
        talk.send(post("$core/configmaps?dryRun=All", body));
    }
    for body in [
        json!({"apiVersion": "coordination.k8s.io/v1beta1", "kind": "Lease", "metadata": {"name": "s"}}),
        json!({"apiVersion": "coordination.k8s.io/v7", "kind": "Lease", "metadata": {"name": "s"}}),
        json!({"apiVersion": "v1", "kind": "Lease", "metadata": {"name": "s"}}),
        json!({"kind": "Lease", "metadata": {"name": "s"}}),
    ] {
        talk.send(post(
            "/apis/coordination.k8s.io/v1/namespaces/$ns/leases?dryRun=All",
            body,
        ));
    }
}

fn forms(talk: &mut Talk<'_>) {
    talk.send_all([
        post("$core/configmaps", json!({"metadata": {"name": "a", "labels": {}, "annotations": null, "finalizers": [], "generateName": ""}, "data": {"a": null}, "binaryData": {}})),
        post("$core/configmaps", json!({"metadata": {"name": "b"}, "data": {}, "binaryData": {"a": "", "b": null, "c": "AAE="}, "immutable": false})),
        post("$core/secrets", json!({"metadata": {"name": "a"}, "type": "", "data": {"a": null, "b": ""}})),
        post("$core/secrets", json!({"metadata": {"name": "b"}, "data": {"a": "YQ==\n"}, "stringData": {}})),
        post("/apis/coordination.k8s.io/v1/namespaces/$ns/leases", json!({"metadata": {"name": "a"}})),
        post("/apis/coordination.k8s.io/v1/namespaces/$ns/leases", json!({"metadata": {"name": "b"}, "spec": {"holderIdentity": "", "leaseTransitions": 0, "renewTime": "2020-01-01T00:00:00.123456+02:00"}})),
        post("/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/roles", json!({"metadata": {"name": "a"}})),
        post("/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/roles", json!({"metadata": {"name": "b"}, "rules": []})),
        post("/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/roles", json!({"metadata": {"name": "c"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": [], "nonResourceURLs": null}]})),
        post("/apis/rbac.authorization.k8s.io/v1/clusterroles", json!({"metadata": {"name": "$ns-a"}})),
        post("/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/rolebindings", json!({"metadata": {"name": "a"}, "roleRef": {"kind": "Role", "name": "a"}, "subjects": []})),
        post("/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/rolebindings", json!({"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "a"}, "subjects": [{"kind": "User", "name": "u", "namespace": ""}, {"kind": "ServiceAccount", "name": "s"}]})),
        post("$core/resourcequotas", json!({"metadata": {"name": "a"}})),
        post("$core/resourcequotas", json!({"metadata": {"name": "b"}, "spec": {"hard": {"pods": 5, "cpu": "1000m", "memory": "1024Mi", "requests.memory": "1.5Gi", "requests.cpu": "0.1", "limits.cpu": "1e3", "limits.memory": "3000000000", "requests.storage": "0"}}})),
        post("$core/serviceaccounts", json!({"metadata": {"name": "a"}, "secrets": [], "imagePullSecrets": null})),
        post("$core/services", json!({"metadata": {"name": "headless"}, "spec": {"clusterIP": "None", "selector": {"a": "b"}}})),
        post("$core/events", json!({"metadata": {"name": "a"}, "involvedObject": {"namespace": "$ns"}})),
        post("/api/v1/nodes", json!({"metadata": {"name": "$ns"}})),
        post("/api/v1/nodes", json!({"metadata": {"name": "$ns-more"}, "spec": {"taints": []}, "status": {"capacity": {"cpu": "2000m", "memory": "2048Ki"}, "conditions": [{"type": "Ready", "status": "True"}]}})),
        post("/apis/storage.k8s.io/v1/storageclasses", json!({"metadata": {"name": "$ns"}, "provisioner": "example.com/p", "parameters": {}, "mountOptions": []})),
    ]);
}

fn unknown_fields(talk: &mut Talk<'_>) {
    for validation in ["Warn", "Ignore", "Strict"] {
        let query = format!("dryRun=All&fieldValidation={validation}");
        talk.send_all([
            post(&format!("$core/configmaps?{query}"), json!({"metadata": {"name": "a", "bogus": 1}, "bogus": {"a": 1}, "data": {"a": "b"}})),
            post(&format!("$core/configmaps?{query}"), "{\"metadata\":{\"name\":\"a\",\"name\":\"b\"},\"data\":{\"x\":\"1\",\"x\":\"2\"}}"),
            post(&format!("$core/secrets?{query}"), json!({"metadata": {"name": "a"}, "Data": {"a": "YQ=="}, "stringdata": {}})),
            post(&format!("/apis/coordination.k8s.io/v1/namespaces/$ns/leases?{query}"), json!({"metadata": {"name": "a"}, "spec": {"holder": "me"}})),
            post(&format!("/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/roles?{query}"), json!({"metadata": {"name": "a"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "verb": "x"}]})),
            post(&format!("$core/services?{query}"), json!({"metadata": {"name": "a"}, "spec": {"clusterIP": "None", "port": 1, "ports": [{"port": 80, "name": "x", "bogus": {}}]}})),
            post(&format!("$core/configmaps?{query}"), "metadata:\n  name: a\n  bogus: 1\ndata:\n  a: b\n").header("content-type", "application/yaml"),
        ]);
    }
}

fn patches(talk: &mut Talk<'_>) {
    talk.quietly(post(
        "$core/configmaps",
        json!({"metadata": {"name": "a"}, "data": {"x": "1"}}),
    ));
    talk.quietly(post(
        "$core/secrets",
        json!({"metadata": {"name": "a"}, "data": {"x": "YQ=="}}),
    ));
    talk.quietly(post(
        "/apis/coordination.k8s.io/v1/namespaces/$ns/leases",
        json!({"metadata": {"name": "a"}}),
    ));
    let lease = "/apis/coordination.k8s.io/v1/namespaces/$ns/leases/a";
    for patch in [
        json!({"data": {"x": 1}}),
        json!({"data": []}),
        json!({"data": "x"}),
        json!({"immutable": "yes"}),
        json!({"immutable": 1}),
        json!({"binaryData": {"a": "no base64"}}),
        json!({"binaryData": {"a": 1}}),
        json!({"metadata": {"labels": {"a": 1}}}),
        json!({"metadata": {"labels": "x"}}),
        json!({"metadata": {"finalizers": "x"}}),
        json!({"metadata": {"finalizers": [1]}}),
        json!({"metadata": {"deletionTimestamp": 1}}),
        json!({"metadata": {"creationTimestamp": "x"}}),
        json!({"metadata": "x"}),
    ] {
        talk.send(merge("$core/configmaps/a?dryRun=All", &patch).view(without_object));
        talk.send(strategic("$core/configmaps/a?dryRun=All", &patch));
    }
    for patch in [
        json!({"spec": "x"}),
        json!({"spec": {"leaseDurationSeconds": "5"}}),
        json!({"spec": {"leaseDurationSeconds": 1.5}}),
        json!({"spec": {"leaseDurationSeconds": true}}),
        json!({"spec": {"renewTime": "x"}}),
        json!({"spec": {"renewTime": 1}}),
        json!({"spec": {"strategy": 1}}),
    ] {
        talk.send(merge(&format!("{lease}?dryRun=All"), &patch).view(without_object));
        talk.send(strategic(&format!("{lease}?dryRun=All"), &patch));
    }
    talk.send_all([
        json_patch(
            "$core/configmaps/a",
            json!([{"op": "replace", "path": "/data/x", "value": 1}]),
        )
        .view(without_object),
        json_patch(
            "$core/configmaps/a",
            json!([{"op": "replace", "path": "/data", "value": []}]),
        )
        .view(without_object),
        put(
            "$core/configmaps/a",
            json!({"metadata": {"name": "a"}, "data": {"x": 1}}),
        ),
        put(
            "$core/secrets/a",
            json!({"metadata": {"name": "a"}, "data": {"x": "?"}}),
        ),
        merge("$core/configmaps/a?fieldValidation=Strict", json!({"bogus": 1})).view(without_object),
        strategic(
            "$core/configmaps/a?fieldValidation=Strict",
            json!({"bogus": 1, "metadata": {"more": []}}),
        ),
        strategic(
            "$core/configmaps/a?fieldValidation=Strict",
            "{\"data\":{\"x\":\"1\",\"x\":\"2\"}}",
        ),
        get("$core/configmaps/a"),
    ]);
}

/// Refusals repeat the whole object, whose fields are in no order that means anything.
fn without_object(body: &mut Value) {
    let shorten = |text: &mut Value| {
        let Some(whole) = text.as_str() else { return };
        if let (Some(begin), Some(end)) = (whole.find("Invalid value: \"{"), whole.rfind("}\": ")) {
            *text = format!("{}(the object){}", &whole[..begin], &whole[end + 2..]).into();
        }
    };
    for place in ["/message", "/details/causes/0/message"] {
        if let Some(text) = body.pointer_mut(place) {
            shorten(text);
        }
    }
}
