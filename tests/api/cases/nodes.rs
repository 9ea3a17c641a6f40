//! Nodes, Leases, StorageClasses and Namespaces: what has no namespace, or is written most.

use serde_json::{Value, json};

use crate::{
    request::{apply, delete, get, json_patch, merge, post, put, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("nodes", nodes),
    ("node status", node_status),
    ("node validation", node_validation),
    ("leases", leases),
    ("lease validation", lease_validation),
    ("storage classes", storage_classes),
    ("storage class validation", storage_class_validation),
    ("volume attachments", volume_attachments),
    ("namespaces", namespaces),
    ("finalize", finalize),
    ("namespace status", namespace_status),
    ("tables", tables),
];

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/$ns/leases";
const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";
const ATTACHMENTS: &str = "/apis/storage.k8s.io/v1/volumeattachments";

fn nodes(talk: &mut Talk<'_>) {
    let path = "/api/v1/nodes/$ns";
    talk.send(post("/api/v1/nodes", json!({"metadata": {"name": "$ns"}, "spec": {"providerID": "p://1", "taints": [{"key": "a", "effect": "NoSchedule"}]}})));
    talk.send_all([
        post("/api/v1/nodes", json!({"metadata": {"name": "$ns"}})),
        put(
            path,
            json!({"metadata": {"name": "$ns"}, "spec": {"providerID": "p://1"}}),
        ),
        merge(path, json!({"spec": {"unschedulable": true}})),
        merge(path, json!({"spec": {"unschedulable": false}})),
        merge(path, json!({"spec": {"providerID": "p://2"}})),
        merge(path, json!({"spec": {"providerID": null}})),
        merge(
            path,
            json!({"spec": {"podCIDRs": ["10.0.0.0/24"], "podCIDR": "10.0.0.0/24"}}),
        ),
        merge(
            path,
            json!({"spec": {"podCIDRs": ["10.0.1.0/24"], "podCIDR": "10.0.1.0/24"}}),
        ),
        merge(path, json!({"status": {"phase": "Running"}})),
        strategic(path, json!({"spec": {"taints": [{"key": "b", "effect": "NoExecute"}]}})),
        strategic(
            path,
            json!({"metadata": {"labels": {"node-role.kubernetes.io/worker": ""}}}),
        ),
        apply(
            &format!("{path}?fieldManager=m"),
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"labels": {"x": "y"}}}),
        ),
        get("/api/v1/nodes?fieldSelector=spec.unschedulable=true,metadata.name=$ns"),
        get("/api/v1/nodes?fieldSelector=spec.podCIDR=x"),
        get(path),
        delete(path),
    ]);
}

fn node_status(talk: &mut Talk<'_>) {
    talk.quietly(post("/api/v1/nodes", json!({"metadata": {"name": "$ns"}})));
    let path = "/api/v1/nodes/$ns/status";
    let condition = |r#type: &str, status: &str| json!({"type": r#type, "status": status, "reason": "R"});
    talk.send_all([
        strategic(path, json!({"status": {"conditions": [condition("Ready", "True")]}})),
        strategic(path, json!({"status": {"conditions": [condition("MemoryPressure", "False")]}})),
        strategic(path, json!({"status": {"$setElementOrder/conditions": [{"type": "MemoryPressure"}, {"type": "Ready"}], "conditions": [{"type": "Ready", "status": "False"}]}})),
        strategic(path, json!({"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": "n"}]}})),
        strategic(path, json!({"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.2"}]}})),
        strategic(path, json!({"status": {"capacity": {"cpu": "4000m", "memory": "8192Mi"}}})),
        strategic(path, json!({"status": {"capacity": {"cpu": 4}, "allocatable": {"cpu": "x"}}})),
        merge(path, json!({"spec": {"unschedulable": true}, "metadata": {"labels": {"a": "b"}}})),
        merge(path, json!({"status": {"nodeInfo": {"kubeletVersion": "v1.37.0"}}})),
        merge(path, json!({"status": {"images": [{"names": ["a"], "sizeBytes": 5}], "volumesInUse": []}})),
        merge(path, json!({"status": null})),
        apply(&format!("{path}?fieldManager=m"), json!({"apiVersion": "v1", "kind": "Node", "status": {"conditions": [condition("Ready", "True")]}})),
        get("/api/v1/nodes/$ns"),
        get(path),
        delete("/api/v1/nodes/$ns"),
    ]);
}

fn node_validation(talk: &mut Talk<'_>) {
    for spec in [
        json!({"taints": [{"key": "a"}]}),
        json!({"taints": [{"key": "a", "effect": "Nonsense"}]}),
        json!({"taints": [{"key": "a b", "effect": "NoSchedule"}]}),
        json!({"taints": [{"key": "", "effect": "NoSchedule"}]}),
        json!({"taints": [{"key": "a", "value": "c d", "effect": "NoSchedule"}]}),
        json!({"taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule", "value": "x"}]}),
        json!({"taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoExecute"}]}),
        json!({"podCIDRs": ["nonsense"]}),
        json!({"podCIDR": "nonsense"}),
        json!({"podCIDRs": ["10.0.0.0/24", "10.1.0.0/24"]}),
        json!({"podCIDRs": ["10.0.0.0/24", "fd00::/64"], "podCIDR": "10.0.0.0/24"}),
        json!({"podCIDRs": ["10.0.0.0/24"], "podCIDR": "10.1.0.0/24"}),
    ] {
        talk.send(post(
            "/api/v1/nodes?dryRun=All",
            json!({"metadata": {"name": "v"}, "spec": spec}),
        ));
    }
    for name in ["Bad_", "a.b", ""] {
        talk.send(post("/api/v1/nodes?dryRun=All", json!({"metadata": {"name": name}})));
    }
}

fn leases(talk: &mut Talk<'_>) {
    let lease = |holder: &str| json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 1, "acquireTime": "2020-01-01T00:00:00.000001Z", "renewTime": "2020-01-01T00:00:01.000000Z"}});
    talk.send(post(LEASES, lease("a")))
        .keep("rv", "/metadata/resourceVersion");
    let path = format!("{LEASES}/l");
    talk.send_all([
        put(&path, lease("b")),
        put(&path, {
            let mut lease = lease("b");
            lease["metadata"]["resourceVersion"] = "$rv".into();
            lease
        }),
        put(&path, {
            let mut lease = lease("c");
            lease["metadata"]["resourceVersion"] = "1".into();
            lease
        }),
        merge(&path, json!({"spec": {"renewTime": "2020-01-01T00:00:02.000000Z"}})),
        merge(&path, json!({"spec": {"holderIdentity": null, "renewTime": null}})),
        merge(&path, json!({"spec": {"leaseTransitions": 0, "holderIdentity": ""}})),
        merge(&path, json!({"spec": null})),
        strategic(&path, json!({"spec": {"holderIdentity": "d"}})),
        apply(
            &format!("{path}?fieldManager=m"),
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {"leaseDurationSeconds": 20}}),
        ),
        put(
            &format!("{LEASES}/new"),
            json!({"metadata": {"name": "new"}, "spec": {"holderIdentity": "x"}}),
        ),
        put(
            &format!("{LEASES}/new"),
            json!({"metadata": {"name": "new"}, "spec": {"holderIdentity": "y"}}),
        ),
        put(
            &format!("{LEASES}/newer"),
            json!({"metadata": {"name": "newer", "resourceVersion": "5"}}),
        ),
        put(
            &format!("{LEASES}/newest"),
            json!({"metadata": {"name": "newest", "uid": "11111111-2222-3333-4444-555555555555"}}),
        ),
        get(LEASES),
        delete(&path),
    ]);
}

fn lease_validation(talk: &mut Talk<'_>) {
    for spec in [
        json!({"leaseDurationSeconds": 0}),
        json!({"leaseDurationSeconds": -1}),
        json!({"leaseTransitions": -1}),
        json!({"leaseDurationSeconds": 0, "leaseTransitions": -1}),
        json!({"strategy": "OldestEmulationVersion"}),
        json!({"strategy": "Nonsense"}),
        json!({"strategy": "example.com/mine"}),
        json!({"strategy": "example.com/a b"}),
        json!({"preferredHolder": "x"}),
        json!({"preferredHolder": "x", "strategy": "OldestEmulationVersion"}),
    ] {
        talk.send(post(
            &format!("{LEASES}?dryRun=All"),
            json!({"metadata": {"name": "v"}, "spec": spec}),
        ));
    }
    talk.quietly(post(LEASES, json!({"metadata": {"name": "a"}})));
    talk.send(merge(
        &format!("{LEASES}/a"),
        json!({"spec": {"leaseDurationSeconds": 0}}),
    ));
}

fn storage_classes(talk: &mut Talk<'_>) {
    let path = format!("{CLASSES}/$ns");
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "$ns"}, "provisioner": "example.com/p", "parameters": {"a": "b"}, "allowVolumeExpansion": true, "mountOptions": ["ro"]});
    let with = |field: &str, value: Value| {
        let mut class = class.clone();
        class[field] = value;
        class
    };
    talk.send(post(CLASSES, &class));
    talk.send_all([
        put(&path, &class),
        put(&path, with("provisioner", json!("example.com/q"))),
        put(&path, with("parameters", json!({"a": "c"}))),
        put(&path, with("reclaimPolicy", json!("Retain"))),
        put(&path, with("volumeBindingMode", json!("WaitForFirstConsumer"))),
        put(&path, with("allowVolumeExpansion", json!(false))),
        put(&path, with("mountOptions", json!(["rw"]))),
        merge(&path, json!({"parameters": null})),
        merge(&path, json!({"provisioner": null})),
        merge(&path, json!({"reclaimPolicy": null})),
        merge(
            &path,
            json!({"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}),
        ),
        strategic(&path, json!({"mountOptions": ["x"]})),
        apply(
            &format!("{path}?fieldManager=m&force=true"),
            json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "example.com/r"}),
        ),
        get(&path),
        get(&path).accept(TABLE),
        delete(&path),
    ]);
}

fn volume_attachments(talk: &mut Talk<'_>) {
    let path = format!("{ATTACHMENTS}/$ns");
    let attachment = |spec: Value| json!({"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": "$ns"}, "spec": spec});
    let good = || json!({"attacher": "csi.example.com", "nodeName": "n", "source": {"persistentVolumeName": "v"}});
    let with = |field: &str, value: Value| {
        let mut spec = good();
        spec[field] = value;
        attachment(spec)
    };
    talk.send_all([
        post(ATTACHMENTS, attachment(json!({}))),
        post(ATTACHMENTS, with("attacher", json!(""))),
        post(ATTACHMENTS, with("attacher", json!("a b"))),
        post(ATTACHMENTS, with("attacher", json!("CSI.Example.com"))),
        delete(&path),
        post(ATTACHMENTS, with("nodeName", json!(""))),
        post(ATTACHMENTS, with("source", json!({}))),
        post(ATTACHMENTS, with("source", json!({"persistentVolumeName": ""}))),
        post(ATTACHMENTS, with("attacher", json!("a".repeat(64)))),
        post(ATTACHMENTS, with("nodeName", json!("N"))),
        post(ATTACHMENTS, attachment(good())),
        put(&path, with("nodeName", json!("m"))),
        merge(&path, json!({"spec": {"nodeName": "m"}})),
        merge(&path, json!({"metadata": {"labels": {"a": "b"}}})),
        merge(&format!("{path}/status"), json!({"status": {"attached": true}})),
        get(&path),
        get(&path).accept(TABLE),
        delete(&path),
    ]);
}

fn storage_class_validation(talk: &mut Talk<'_>) {
    let long = "p".repeat(64);
    let many: serde_json::Map<String, Value> = (0..513).map(|n| (format!("k{n}"), json!("v"))).collect();
    for mut class in [
        json!({}),
        json!({"provisioner": ""}),
        json!({"provisioner": "a b"}),
        json!({"provisioner": "Example.com/P"}),
        json!({"provisioner": format!("example.com/{long}")}),
        json!({"provisioner": "p", "reclaimPolicy": "Recycle"}),
        json!({"provisioner": "p", "reclaimPolicy": ""}),
        json!({"provisioner": "p", "volumeBindingMode": "Later"}),
        json!({"provisioner": "p", "volumeBindingMode": ""}),
        json!({"provisioner": "p", "parameters": {"": "x"}}),
        json!({"provisioner": "p", "parameters": many}),
        json!({"provisioner": "p", "allowedTopologies": [{"matchLabelExpressions": [{"key": "zone", "values": ["a"]}]}]}),
        json!({"provisioner": "p", "allowedTopologies": [{"matchLabelExpressions": [{"key": "zone", "values": []}]}]}),
        json!({"provisioner": "p", "allowedTopologies": [{"matchLabelExpressions": [{"key": "a b", "values": ["a"]}]}]}),
        json!({"provisioner": "p", "allowedTopologies": [{}]}),
    ] {
        class["metadata"] = json!({"name": "v"});
        talk.send(post(&format!("{CLASSES}?dryRun=All"), class));
    }
}

fn namespaces(talk: &mut Talk<'_>) {
    let path = "/api/v1/namespaces/$ns-a";
    talk.send_all([
        post(
            "/api/v1/namespaces",
            json!({"metadata": {"name": "$ns-a"}, "spec": {"finalizers": ["example.com/f"]}}),
        ),
        post(
            "/api/v1/namespaces?dryRun=All",
            json!({"metadata": {"generateName": "$ns-"}}),
        )
        .view(without_name_label),
        post(
            "/api/v1/namespaces?dryRun=All",
            json!({"metadata": {"name": "b"}, "spec": {"finalizers": ["nonsense"]}}),
        ),
        post(
            "/api/v1/namespaces?dryRun=All",
            json!({"metadata": {"name": "b"}, "spec": {"finalizers": ["a b/c"]}}),
        ),
        put(path, json!({"metadata": {"name": "$ns-a", "labels": {"a": "b"}}})),
        put(path, json!({"metadata": {"name": "$ns-a"}, "spec": {"finalizers": []}})),
        merge(path, json!({"spec": {"finalizers": null}})),
        merge(path, json!({"metadata": {"labels": null}})),
        strategic(path, json!({"metadata": {"labels": {"x": "y"}}})),
        apply(
            &format!("{path}?fieldManager=m"),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"labels": {"applied": "yes"}}}),
        ),
        apply(
            "/api/v1/namespaces/$ns-b?fieldManager=m",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "$ns-b"}}),
        ),
        get("/api/v1/namespaces?fieldSelector=metadata.name=$ns-a"),
        get("/api/v1/namespaces?fieldSelector=status.phase=Terminating,metadata.name=$ns-a"),
        get("/api/v1/namespaces?fieldSelector=name=$ns-a"),
        get("/api/v1/namespaces?labelSelector=kubernetes.io/metadata.name=$ns-b"),
        delete(&format!("{path}?dryRun=All")),
        delete(path),
        merge(path, json!({"metadata": {"labels": {"late": "yes"}}})),
        delete(path),
    ]);
}

/// A generated name is in a label too.
fn without_name_label(body: &mut Value) {
    if let Some(labels) = body.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("kubernetes.io/metadata.name");
    }
}

fn finalize(talk: &mut Talk<'_>) {
    let path = "/api/v1/namespaces/$ns-a/finalize";
    let namespace = |finalizers: Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "$ns-a", "labels": {"sneaked": "in"}}, "spec": {"finalizers": finalizers}, "status": {"phase": "Terminating"}});
    talk.send(post("/api/v1/namespaces", json!({"metadata": {"name": "$ns-a"}})));
    talk.send_all([
        get(path),
        post(path, namespace(json!([]))),
        merge(path, json!({"spec": {"finalizers": []}})),
        put(path, namespace(json!(["kubernetes", "example.com/f"]))),
        put(path, namespace(json!(["nonsense"]))),
        put(path, namespace(json!(["a b"]))),
        put(path, json!({"metadata": {"name": "other"}})),
        put(path, namespace(json!(["kubernetes", "example.com/f"]))),
        get("/api/v1/namespaces/$ns-a"),
        delete("/api/v1/namespaces/$ns-a"),
        put(path, namespace(json!(["kubernetes"]))),
        put(path, namespace(json!([]))),
        get("/api/v1/namespaces/$ns-a"),
        put(
            "/api/v1/namespaces/missing/finalize",
            json!({"metadata": {"name": "missing"}}),
        ),
    ]);
    talk.send(post("/api/v1/namespaces", json!({"metadata": {"name": "$ns-b"}})));
    talk.send_all([
        put(
            "/api/v1/namespaces/$ns-b/finalize",
            json!({"metadata": {"name": "$ns-b"}}),
        ),
        delete("/api/v1/namespaces/$ns-b"),
        get("/api/v1/namespaces/$ns-b"),
    ]);
}

fn namespace_status(talk: &mut Talk<'_>) {
    let path = "/api/v1/namespaces/$ns-a/status";
    talk.send(post("/api/v1/namespaces", json!({"metadata": {"name": "$ns-a"}})));
    talk.send_all([
        get(path),
        put(
            path,
            json!({"metadata": {"name": "$ns-a"}, "status": {"phase": "Active"}}),
        ),
        put(
            path,
            json!({"metadata": {"name": "$ns-a"}, "status": {"phase": "Terminating"}}),
        ),
        put(
            path,
            json!({"metadata": {"name": "$ns-a"}, "status": {"phase": "Nonsense"}}),
        ),
        put(path, json!({"metadata": {"name": "$ns-a"}})),
        merge(
            path,
            json!({"status": {"conditions": [{"type": "T", "status": "True"}]}}),
        ),
        merge(path, json!({"status": {"phase": "Terminating"}})),
        merge(
            path,
            json!({"spec": {"finalizers": []}, "metadata": {"labels": {"a": "b"}}}),
        ),
        strategic(
            path,
            json!({"status": {"conditions": [{"type": "U", "status": "False"}]}}),
        ),
        delete("/api/v1/namespaces/$ns-a"),
        merge(path, json!({"status": {"phase": "Active"}})),
        merge(
            path,
            json!({"status": {"conditions": [{"type": "V", "status": "True"}]}}),
        ),
        json_patch(path, json!([{"op": "remove", "path": "/status/phase"}])),
        get("/api/v1/namespaces/$ns-a"),
    ]);
}

fn tables(talk: &mut Talk<'_>) {
    talk.quietly(post("/api/v1/nodes", json!({"metadata": {"name": "$ns", "labels": {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "x"}}, "spec": {"unschedulable": true}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}], "conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.37.0", "osImage": "Linux", "kernelVersion": "6", "containerRuntimeVersion": "c://1", "architecture": "amd64"}}})));
    talk.quietly(post(
        LEASES,
        json!({"metadata": {"name": "a"}, "spec": {"holderIdentity": "me"}}),
    ));
    talk.quietly(post(LEASES, json!({"metadata": {"name": "b"}})));
    talk.quietly(post(CLASSES, json!({"metadata": {"name": "$ns", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "p", "reclaimPolicy": "Retain", "allowVolumeExpansion": true})));
    for path in [
        "/api/v1/nodes/$ns",
        LEASES,
        "/apis/storage.k8s.io/v1/storageclasses/$ns",
        "/api/v1/namespaces/$ns",
    ] {
        talk.send(get(path).accept(TABLE));
    }
    talk.quietly(delete("/api/v1/nodes/$ns"));
    talk.quietly(delete("/apis/storage.k8s.io/v1/storageclasses/$ns"));
}
