//! Who owns what of built-in kinds.

use serde_json::{Value, json};

use super::config_map;
use crate::{
    request::{apply, get, json_patch, merge, post, put, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[("forgotten", forgotten), ("sent", sent), ("empty fields", empty_fields)];

/// Lists of owners that forget all of them, and lists that do not.
fn forgotten(talk: &mut Talk<'_>) {
    let path = "$core/configmaps/a";
    let owned = |managed: Value| {
        let mut map = config_map("a", json!({"x": "1"}));
        map["metadata"]["managedFields"] = managed;
        map
    };
    talk.send(post("$core/configmaps", config_map("a", json!({"x": "1"}))));
    for managed in [json!([{}]), Value::Null, json!([{}, {}]), json!([{"manager": ""}])] {
        talk.send(apply(
            &format!("{path}?fieldManager=m&force=true"),
            config_map("a", json!({"x": "1"})),
        ));
        talk.send(put(path, owned(managed.clone())));
        talk.send(merge(path, json!({"metadata": {"managedFields": managed}})));
    }
    talk.send_all([
        merge(path, json!({"metadata": {"managedFields": [{}]}})),
        merge(path, json!({"data": {"x": "2"}})),
        apply(&format!("{path}?fieldManager=m"), config_map("a", json!({"y": "1"}))),
        json_patch(
            path,
            json!([{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]),
        ),
        strategic(path, json!({"metadata": {"managedFields": [{}]}})),
        get(path),
    ]);
}

/// Lists of owners that a client makes up.
fn sent(talk: &mut Talk<'_>) {
    let entry = json!({"manager": "old", "operation": "Update", "apiVersion": "v1", "time": "2020-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:x": {}}}});
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = entry.clone();
        change(&mut changed);
        changed
    };
    for (number, managed) in [
        entry.clone(),
        with(&|entry| entry["operation"] = "Odd".into()),
        with(&|entry| entry["apiVersion"] = "".into()),
        with(&|entry| entry["fieldsType"] = "FieldsV2".into()),
        with(&|entry| entry["fieldsV1"] = json!({"x": {}})),
        with(&|entry| entry["fieldsV1"] = Value::Null),
        with(&|entry| entry["operation"] = "Apply".into()),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("m{number}");
        let mut map = config_map(&name, json!({"x": "1", "y": "2"}));
        map["metadata"]["managedFields"] = json!([managed]);
        talk.send(post("$core/configmaps", map));
        talk.send(merge(
            &format!("$core/configmaps/{name}"),
            json!({"metadata": {"managedFields": [managed]}}),
        ));
    }
}

fn empty_fields(talk: &mut Talk<'_>) {
    let leases = "/apis/coordination.k8s.io/v1/namespaces/$ns/leases";
    talk.send_all([
        post(leases, json!({"metadata": {"name": "a"}})),
        merge(&format!("{leases}/a"), json!({"spec": {}})),
        merge(&format!("{leases}/a"), json!({"spec": {"holderIdentity": "x"}})),
        merge(&format!("{leases}/a"), json!({"spec": {"holderIdentity": null}})),
        merge(&format!("{leases}/a"), json!({"spec": null})),
        apply(&format!("{leases}/a?fieldManager=m"), json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "a"}, "spec": {}})),
        apply(&format!("{leases}/b?fieldManager=m"), json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "b"}, "spec": {"holderIdentity": "y"}})),
        apply(&format!("{leases}/b?fieldManager=m"), json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "b"}})),
        post("$core/resourcequotas", json!({"metadata": {"name": "q"}})),
        apply("$core/resourcequotas/q/status?fieldManager=m", json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "status": {"used": {"pods": "1"}}})),
        apply("$core/resourcequotas/q/status?fieldManager=m", json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}})),
        get("$core/resourcequotas/q"),
    ]);
}
