//! Pods, Services, ServiceAccounts and ResourceQuotas, as far as they are kept.

use serde_json::{Value, json};

use crate::{
    request::{apply, delete, get, json_patch, merge, post, put, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("service accounts", service_accounts),
    ("quotas", quotas),
    ("endpoints", endpoints),
    ("endpoints validation", endpoints_validation),
    ("services", services),
    ("service validation", service_validation),
    ("pods", pods),
    ("pod status", pod_status),
    ("tables", tables),
];

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

fn service_accounts(talk: &mut Talk<'_>) {
    let path = "$core/serviceaccounts/a";
    talk.send(post(
        "$core/serviceaccounts",
        json!({"metadata": {"name": "a"}, "secrets": [{"name": "one"}], "imagePullSecrets": [{"name": "p"}]}),
    ));
    talk.send_all([
        put(path, json!({"metadata": {"name": "a"}, "secrets": [{"name": "two"}]})),
        merge(path, json!({"automountServiceAccountToken": false})),
        merge(path, json!({"imagePullSecrets": [{}]})),
        strategic(path, json!({"secrets": [{"name": "three"}]})),
        strategic(path, json!({"secrets": [{"name": "two", "$patch": "delete"}]})),
        strategic(path, json!({"imagePullSecrets": [{"name": "q"}]})),
        apply(
            &format!("{path}?fieldManager=m"),
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "imagePullSecrets": [{"name": "r"}]}),
        ),
        apply(
            "$core/serviceaccounts/new?fieldManager=m",
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "new"}}),
        ),
        get(path),
        get(path).accept(TABLE),
        delete(path),
    ]);
    for name in ["A", "a_b", "a.b", ""] {
        talk.send(post(
            "$core/serviceaccounts?dryRun=All",
            json!({"metadata": {"name": name}}),
        ));
    }
}

fn quotas(talk: &mut Talk<'_>) {
    let path = "$core/resourcequotas/q";
    talk.send(post("$core/resourcequotas", json!({"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "100", "cpu": "1"}}, "status": {"hard": {"cpu": "9"}}})));
    talk.send_all([
        put(
            path,
            json!({"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "200"}}}),
        ),
        merge(path, json!({"spec": {"hard": {"memory": "2048Mi"}}})),
        merge(path, json!({"spec": {"scopes": ["BestEffort"]}})),
        merge(path, json!({"status": {"hard": {"cpu": "9"}}})),
        strategic(path, json!({"spec": {"hard": {"memory": null, "cpu": 2}}})),
        apply(
            &format!("{path}?fieldManager=m"),
            json!({"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"secrets": "10"}}}),
        ),
        merge(
            "$core/resourcequotas/q/status",
            json!({"status": {"hard": {"configmaps": "200"}, "used": {"configmaps": "3"}}}),
        ),
        merge(
            "$core/resourcequotas/q/status",
            json!({"status": {"used": {"nonsense": "3"}}}),
        ),
        merge(
            "$core/resourcequotas/q/status",
            json!({"spec": {"hard": {"pods": "1"}}}),
        ),
        get(path),
        get(path).accept(TABLE),
        delete(path),
    ]);
}

/// A Service that has no address of its own: addresses differ.
fn headless(name: &str, spec: Value) -> Value {
    let mut service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"clusterIP": "None", "selector": {"a": "b"}}});
    for (field, value) in spec.as_object().unwrap() {
        service["spec"][field] = value.clone();
    }
    service
}

fn services(talk: &mut Talk<'_>) {
    let path = "$core/services/s";
    talk.send(post(
        "$core/services",
        headless(
            "s",
            json!({"ports": [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]}),
        ),
    ));
    talk.send_all([
        put(
            path,
            headless(
                "s",
                json!({"ports": [{"name": "http", "port": 81, "targetPort": "web"}]}),
            ),
        ),
        merge(path, json!({"spec": {"selector": {"c": "d"}}})),
        strategic(path, json!({"spec": {"ports": [{"port": 82, "name": "more"}]}})),
        strategic(path, json!({"spec": {"ports": [{"port": 81, "name": "web"}]}})),
        strategic(path, json!({"spec": {"ports": [{"port": 81, "$patch": "delete"}]}})),
        strategic(path, json!({"spec": {"ports": [{"name": "no key"}]}})),
        merge(path, json!({"spec": {"sessionAffinity": "ClientIP"}})),
        merge(path, json!({"spec": {"sessionAffinity": null}})),
        // kube-apiserver may judge a write on what its cache showed a moment ago, and warn of that.
        get(path),
        apply(
            &format!("{path}?fieldManager=m"),
            json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 90, "name": "applied"}]}}),
        ),
        merge(
            "$core/services/s/status",
            json!({"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}),
        ),
        post(
            "$core/services",
            json!({"metadata": {"name": "external"}, "spec": {"type": "ExternalName", "externalName": "example.com"}}),
        ),
        post(
            "$core/services",
            json!({"metadata": {"name": "anywhere"}, "spec": {"clusterIP": "None"}}),
        ),
        put("$core/services/new", headless("new", json!({}))),
        get(path),
        delete(path),
    ]);
}

fn service_validation(talk: &mut Talk<'_>) {
    for spec in [
        json!({"ports": [{"port": 0}]}),
        json!({"ports": [{"port": 70000}]}),
        json!({"ports": [{"port": 80, "protocol": "Odd"}]}),
        json!({"ports": [{"port": 80, "targetPort": "not a name"}]}),
        json!({"ports": [{"port": 80}, {"port": 81}]}),
        json!({"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]}),
        json!({"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]}),
        json!({"ports": [{"port": 80, "name": "Bad_"}]}),
        json!({"selector": {"a b": "c"}}),
        json!({"type": "Odd"}),
        json!({"sessionAffinity": "Odd"}),
        json!({"type": "ExternalName"}),
        json!({"clusterIP": "nonsense"}),
        json!({"externalIPs": ["nonsense"]}),
    ] {
        talk.send(post("$core/services?dryRun=All", headless("v", spec)));
    }
    for name in ["Bad", "1a", "a.b"] {
        talk.send(post("$core/services?dryRun=All", headless(name, json!({}))));
    }
}

fn endpoints(talk: &mut Talk<'_>) {
    let path = "$core/endpoints/e";
    let subset = |ip: &str, port: u16| json!({"addresses": [{"ip": ip}], "ports": [{"port": port}]});
    let named = |name: &str, subsets: Value| json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name}, "subsets": subsets});
    talk.send(post("$core/endpoints", named("e", json!([subset("192.0.2.1", 6443)]))));
    talk.send_all([
        put(
            path,
            named("e", json!([{"addresses": [{"ip": "2001:db8::1"}], "notReadyAddresses": [{"ip": "192.0.2.9", "hostname": "a", "nodeName": "n.b"}],
                "ports": [{"name": "a", "port": 1, "protocol": "UDP", "appProtocol": "x.y/z"}, {"name": "b", "port": 2}]}, subset("192.0.2.2", 80)])),
        ),
        get("$core/endpoints").accept(TABLE),
        merge(path, json!({"subsets": [{"addresses": [{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}, {"ip": "192.0.2.3"}, {"ip": "192.0.2.4"}]}]})),
        get(path).accept(TABLE),
        strategic(path, json!({"subsets": [subset("192.0.2.5", 443)]})),
        merge(path, json!({"subsets": null})),
        get(path).accept(TABLE),
        apply(&format!("{path}?fieldManager=m"), named("e", json!([subset("192.0.2.7", 1)]))),
        merge(path, json!({"metadata": {"labels": {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}}, "subsets": [subset("2001:DB8:0::1", 1)]})),
        put("$core/endpoints/new", named("new", json!([]))),
        get("$core/endpoints"),
        delete(path),
    ]);
}

fn endpoints_validation(talk: &mut Talk<'_>) {
    let address = |address: Value| json!({"addresses": [address]});
    let port = |port: Value| json!({"addresses": [{"ip": "192.0.2.1"}], "ports": [port]});
    let mut subsets = vec![
        json!({}),
        json!({"addresses": [], "ports": [{"port": 80}]}),
        json!({"addresses": "many"}),
        address(json!({})),
        address(json!({"ip": "192.0.2.1", "hostname": "Bad_"})),
        address(json!({"ip": "192.0.2.1", "nodeName": "Bad_"})),
        address(json!({"ip": "192.0.2.1", "bogus": 1})),
        port(json!({"port": 0})),
        port(json!({})),
        port(json!({"port": 80, "protocol": "Odd"})),
        port(json!({"port": 80, "name": "Bad_"})),
        port(json!({"port": 80, "appProtocol": "a b"})),
        json!({"notReadyAddresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}, {"port": 81, "name": "a"}]}),
    ];
    let addresses = [
        "nonsense",
        "127.0.0.1",
        "0.0.0.0",
        "169.254.1.1",
        "224.0.0.1",
        "224.0.1.1",
        "::1",
        "fe80::1",
        "ff02::1",
        "ff12::1",
        "ff0e::1",
        "::ffff:127.0.0.1",
        "::ffff:192.0.2.1",
        "192.000.002.001",
        "2001:DB8:0::1",
        "192.0.2",
        "192.0.2.",
    ];
    subsets.extend(addresses.map(|ip| address(json!({"ip": ip}))));
    for subset in subsets {
        let body = json!({"metadata": {"name": "v"}, "subsets": [subset]});
        talk.send(post("$core/endpoints?dryRun=All", body));
    }
    for name in ["Bad", "1a", "a.b"] {
        talk.send(post("$core/endpoints?dryRun=All", json!({"metadata": {"name": name}})));
    }
}

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
        "serviceAccountName": "s", "automountServiceAccountToken": false, "enableServiceLinks": false,
        "containers": [{"name": "c", "image": "example.com/i:1", "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
        "volumes": [{"name": "v", "emptyDir": {}}]}})
}

fn pods(talk: &mut Talk<'_>) {
    talk.quietly(post("$core/serviceaccounts", json!({"metadata": {"name": "s"}})));
    let path = "$core/pods/p";
    talk.send(post("$core/pods", pod("p")));
    talk.send_all([
        merge(path, json!({"metadata": {"labels": {"a": "b"}}})),
        strategic(path, json!({"spec": {"containers": [{"name": "c", "image": "example.com/i:2"}]}})),
        strategic(&format!("{path}?dryRun=All"), json!({"spec": {"containers": [{"name": "c", "env": [{"name": "B", "value": "2"}]}]}})),
        strategic(path, json!({"spec": {"containers": [{"image": "no key"}]}})),
        strategic(path, json!({"spec": {"$setElementOrder/containers": [{"name": "c"}], "containers": [{"name": "c", "image": "example.com/i:3"}]}})),
        strategic(path, json!({"spec": {"$setElementOrder/containers": "c"}})),
        strategic(&format!("{path}?dryRun=All"), json!({"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "emptyDir"], "emptyDir": {"medium": "Memory"}}]}})),
        strategic(path, json!({"spec": {"volumes": [{"name": "v", "$retainKeys": "name"}]}})),
        strategic(path, json!({"spec": {"tolerations": [{"key": "a", "operator": "Exists"}]}})),
        json_patch(path, json!([{"op": "replace", "path": "/spec/containers/0/image", "value": "example.com/i:4"}])),
        get("$core/pods?fieldSelector=spec.serviceAccountName=s,status.phase=Pending"),
        get("$core/pods?fieldSelector=spec.nodeName=x"),
        get("$core/pods?fieldSelector=spec.hostNetwork=true"),
        get(path),
        delete(path),
        get(path),
    ]);
}

fn pod_status(talk: &mut Talk<'_>) {
    talk.quietly(post("$core/serviceaccounts", json!({"metadata": {"name": "s"}})));
    talk.quietly(post("$core/pods", pod("p")));
    let path = "$core/pods/p/status";
    talk.send_all([
        strategic(
            path,
            json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
        ),
        strategic(
            path,
            json!({"status": {"conditions": [{"type": "Initialized", "status": "True"}]}}),
        ),
        merge(path, json!({"status": {"phase": "Running", "podIP": "10.0.0.1"}})),
        merge(path, json!({"spec": {"nodeName": "n"}})),
    ]);
}

fn tables(talk: &mut Talk<'_>) {
    talk.quietly(post("$core/serviceaccounts", json!({"metadata": {"name": "s"}})));
    talk.quietly(post("$core/pods", pod("p")));
    talk.quietly(post("$core/services", headless("s", json!({"ports": [{"port": 80}]}))));
    talk.quietly(post(
        "$core/services",
        json!({"metadata": {"name": "e"}, "spec": {"type": "ExternalName", "externalName": "example.com"}}),
    ));
    for path in [
        "$core/pods",
        "$core/services",
        "$core/serviceaccounts",
        "$core/resourcequotas",
    ] {
        talk.send(get(path).accept(TABLE));
    }
}
