//! What `kubectl get` shows of our kinds: columns as pure functions from an object's JSON to a cell.

use serde_json::{Value, json};

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Header in Kubernetes' spelling, such as `Control Plane`; clients print it in capitals.
    pub name: &'static str,
    /// `string`, or `date` for a time in RFC 3339 that clients show as an age.
    pub r#type: &'static str,
    /// 0 is always shown, 1 only by `-o wide`.
    pub priority: i32,
    /// What it shows.
    pub description: &'static str,
    /// The cell of an object; null where there is nothing to show.
    pub cell: fn(&Value) -> Value,
}

/// Columns of a GuestCluster after NAME.
pub const GUEST_CLUSTER: &[Column] = &[
    column("Version", 0, "Kubernetes version that the cluster runs.", version),
    column(
        "Control Plane",
        0,
        "Control-plane nodes that are Ready, of those wanted.",
        control_plane,
    ),
    column("Workers", 0, "Worker nodes that are Ready, of those wanted.", workers),
    column("Phase", 0, "Where the cluster is in its life.", |object| {
        text(object, "/status/phase")
    }),
    column(
        "Step",
        0,
        "Steps completed of the operation that runs or ran last.",
        step,
    ),
    AGE,
    column("Endpoint", 1, "Where the cluster's API answers.", endpoint),
    column("Updates", 1, "Versions that the cluster could be upgraded to.", updates),
    column("Message", 1, "What happens, or what blocks.", |object| {
        text(object, "/status/message")
    }),
];

/// Columns of a GuestClusterRelease after NAME.
pub const GUEST_CLUSTER_RELEASE: &[Column] = &[
    column("Version", 0, "Kubernetes version.", |object| {
        text(object, "/spec/version")
    }),
    column("Support", 0, "How far the release is supported.", |object| {
        text(object, "/spec/support")
    }),
    column("OS", 0, "Operating systems there are images for.", systems),
    AGE,
    column("Etcd", 1, "Where etcd runs.", |object| text(object, "/spec/etcd")),
];

/// Columns of a GuestCredential after NAME.
pub const GUEST_CREDENTIAL: &[Column] = &[
    column("Cluster", 0, "Guest cluster that it is for.", |object| {
        text(object, "/spec/clusterRef/name")
    }),
    column("User", 0, "Who it is for.", |object| text(object, "/spec/user")),
    column("Level", 0, "What it adds to the person's own rights.", |object| {
        text(object, "/spec/level")
    }),
    Column {
        r#type: "date",
        ..column("Issued", 0, "When it was minted.", |object| {
            text(object, "/spec/issuedAt")
        })
    },
    column("Expires", 0, "When it ends by itself.", |object| {
        text(object, "/spec/expirationTimestamp")
    }),
    column("Source", 1, "Where the request came from.", |object| {
        text(object, "/spec/sourceAddress")
    }),
    column("Reason", 1, "Why it was asked for.", |object| {
        text(object, "/spec/reason")
    }),
];

/// Columns of a GuestRevocation after NAME.
pub const GUEST_REVOCATION: &[Column] = &[
    column("Cluster", 0, "Guest cluster whose credentials end.", |object| {
        text(object, "/spec/clusterRef/name")
    }),
    column("User", 0, "Whose credentials end; none for everybody's.", |object| {
        text(object, "/spec/subject/user")
    }),
    column(
        "In Force",
        0,
        "Whether every control-plane node refuses them.",
        in_force,
    ),
    column("Blocked Until", 0, "Until when no new ones are minted.", |object| {
        text(object, "/spec/blockUntil")
    }),
    AGE,
];

const AGE: Column = Column {
    name: "Age",
    r#type: "date",
    priority: 0,
    description: "When the object was created.",
    cell: |object| text(object, "/metadata/creationTimestamp"),
};

const fn column(name: &'static str, priority: i32, description: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column {
        name,
        r#type: "string",
        priority,
        description,
        cell,
    }
}

fn text(object: &Value, pointer: &str) -> Value {
    object
        .pointer(pointer)
        .filter(|value| value.is_string())
        .cloned()
        .unwrap_or_default()
}

/// Status of condition InForce.
fn in_force(object: &Value) -> Value {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let condition = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "InForce");
    condition
        .map(|condition| text(condition, "/status"))
        .unwrap_or_default()
}

/// The version it runs, or asks for as long as none is chosen.
fn version(object: &Value) -> Value {
    match text(object, "/status/distribution/version") {
        Value::Null => text(object, "/spec/distribution/version"),
        version => version,
    }
}

fn control_plane(object: &Value) -> Value {
    let desired = number(object, "/spec/topology/controlPlane/replicas");
    json!(format!("{}/{desired}", number(object, "/status/controlPlane/ready")))
}

fn workers(object: &Value) -> Value {
    let ready = sum(object, "/status/nodePools", "ready");
    json!(format!(
        "{ready}/{}",
        sum(object, "/spec/topology/nodePools", "replicas")
    ))
}

fn step(object: &Value) -> Value {
    let Some(operation) = object.pointer("/status/operation") else {
        return Value::Null;
    };
    json!(format!("{}/{}", number(operation, "/step"), number(operation, "/of")))
}

fn endpoint(object: &Value) -> Value {
    let endpoint = object.pointer("/status/apiEndpoint").cloned();
    match endpoint.and_then(|endpoint| serde_json::from_value::<crate::ApiEndpoint>(endpoint).ok()) {
        Some(endpoint) => json!(endpoint.to_string()),
        None => Value::Null,
    }
}

fn updates(object: &Value) -> Value {
    joined(object.pointer("/status/distribution/updatesAvailable"), Value::as_str)
}

fn systems(object: &Value) -> Value {
    joined(object.pointer("/spec/images"), |image| {
        image.get("os").and_then(Value::as_str)
    })
}

fn joined(list: Option<&Value>, text: fn(&Value) -> Option<&str>) -> Value {
    let texts: Vec<_> = list
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(text)
        .collect();
    if texts.is_empty() {
        Value::Null
    } else {
        json!(texts.join(","))
    }
}

fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

fn sum(object: &Value, list: &str, field: &str) -> i64 {
    let items = object.pointer(list).and_then(Value::as_array).into_iter().flatten();
    items
        .filter_map(|item| item.get(field).and_then(Value::as_i64))
        .fold(0, i64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: &[Column], object: &Value) -> Vec<String> {
        columns
            .iter()
            .map(|column| (column.cell)(object).as_str().unwrap_or("-").to_owned())
            .collect()
    }

    #[test]
    fn a_cluster_that_is_updated() {
        let object = json!({
            "metadata": {"name": "test", "creationTimestamp": "2026-11-20T10:00:00Z"},
            "spec": {"distribution": {"version": "v1.34"}, "topology": {
                "controlPlane": {"replicas": 3}, "nodePools": [{"name": "a", "replicas": 3}, {"name": "b", "replicas": 2}]}},
            "status": {
                "distribution": {"version": "v1.33.7", "target": "v1.34.2", "updatesAvailable": ["v1.34.1", "v1.34.2"]},
                "controlPlane": {"desired": 3, "ready": 2, "upToDate": 1},
                "nodePools": [{"name": "a", "desired": 3, "ready": 3}, {"name": "b", "desired": 2, "ready": 1}],
                "phase": "Updating", "operation": {"kind": "Upgrade", "step": 8, "of": 10},
                "apiEndpoint": {"host": "fd00::1", "port": 6443}, "message": "waiting",
            },
        });
        let cells = row(GUEST_CLUSTER, &object);
        let shown = ["v1.33.7", "2/3", "4/5", "Updating", "8/10", "2026-11-20T10:00:00Z"];
        assert_eq!(cells[..6], shown);
        assert_eq!(cells[6..], ["[fd00::1]:6443", "v1.34.1,v1.34.2", "waiting"]);
    }

    #[test]
    fn a_cluster_without_status() {
        let object =
            json!({"spec": {"distribution": {"version": "v1.34"}, "topology": {"controlPlane": {"replicas": 1}}}});
        assert_eq!(
            row(GUEST_CLUSTER, &object),
            ["v1.34", "0/1", "0/0", "-", "-", "-", "-", "-", "-"]
        );
        assert_eq!(row(GUEST_CLUSTER, &json!("not an object")).len(), GUEST_CLUSTER.len());
    }

    #[test]
    fn a_release() {
        let object = json!({"spec": {"version": "v1.34.2", "support": "supported", "etcd": "stacked", "images": [{"os": "photon-5"}, {"os": "ubuntu-24.04"}]}});
        assert_eq!(
            row(GUEST_CLUSTER_RELEASE, &object),
            ["v1.34.2", "supported", "photon-5,ubuntu-24.04", "-", "stacked"]
        );
    }
}
