use super::*;
use http::{Method, Request, Response};
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;

/// Requests that a guest got, by method and path.
type Seen = Arc<Mutex<Vec<String>>>;

/// A guest with these pods on node `n`, whose budget refuses to let `web` go.
fn guest(pods: Vec<Value>) -> (Client, Seen) {
    let seen = Seen::default();
    let told = Arc::clone(&seen);
    let answer = move |request: Request<Body>| {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        told.lock().push(format!("{method} {path}"));
        let (code, body) = match (&method, path.as_str()) {
            (&Method::PATCH, "/api/v1/nodes/n") => (200, json!({"metadata": {"name": "n"}})),
            (&Method::GET, "/api/v1/pods") => (200, json!({"metadata": {}, "items": pods})),
            (&Method::GET, "/apis/apps/v1/namespaces/x/daemonsets/there") => (
                200,
                json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {"name": "there"}}),
            ),
            (&Method::POST, "/api/v1/namespaces/x/pods/web/eviction") => (
                429,
                json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 429, "reason": "TooManyRequests",
                    "message": "Cannot evict pod as it would violate the pod's disruption budget.",
                    "details": {"causes": [{"reason": "DisruptionBudget", "message": "The disruption budget web needs 2 healthy pods and has 2 currently"}]},
                }),
            ),
            (&Method::POST, path) if path.ends_with("/eviction") => (
                201,
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
            ),
            _ => (
                404,
                json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404, "reason": "NotFound", "message": "not found"}),
            ),
        };
        let response = Response::builder()
            .status(code)
            .body(Body::from(body.to_string().into_bytes()));
        async move { response.map_err(std::io::Error::other) }
    };
    (Client::new(tower::service_fn(answer), "default"), seen)
}

fn pod(name: &str, owner: Option<(&str, &str)>) -> Value {
    let owners: Vec<_> = owner
        .iter()
        .map(
            |(kind, name)| json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": true}),
        )
        .collect();
    json!({
        "metadata": {"name": name, "namespace": "x", "ownerReferences": owners},
        "spec": {"nodeName": "n", "containers": []}, "status": {"phase": "Running"},
    })
}

fn node() -> Node {
    serde_json::from_value(json!({"metadata": {"name": "n"}})).unwrap()
}

#[tokio::test]
async fn a_blocked_drain_names_the_pod_and_the_budget_and_leaves_daemons_alone() {
    let daemon = pod("agent", Some(("DaemonSet", "there")));
    let orphan = pod("lost", Some(("DaemonSet", "gone")));
    let (client, seen) = guest(vec![pod("web", None), daemon, orphan]);
    let message = proceed(&client, &node(), Timestamp::now()).await.unwrap().unwrap();
    assert_eq!(
        message,
        "2 Pods have not moved yet: x/web: Cannot evict pod as it would violate the pod's disruption budget. \
         The disruption budget web needs 2 healthy pods and has 2 currently; x/lost: being deleted, still on the Node"
    );
    let seen = seen.lock().clone();
    assert_eq!(
        seen[0], "PATCH /api/v1/nodes/n",
        "no new pods come before the others go"
    );
    let evicted = |name: &str| seen.contains(&format!("POST /api/v1/namespaces/x/pods/{name}/eviction"));
    assert!(evicted("web") && evicted("lost") && !evicted("agent"), "{seen:?}");
}

#[tokio::test]
async fn a_node_without_pods_that_move_is_drained() {
    let (client, _) = guest(vec![pod("agent", Some(("DaemonSet", "there")))]);
    assert_eq!(proceed(&client, &node(), Timestamp::now()).await.unwrap(), None);
}
