//! Against an API server that is played: it answers what the test says.

use std::sync::Arc;

use guestcluster_types::upstream::capi::Cluster;
use http::{Request, Response, StatusCode};
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// What the API server has, and what it was asked.
#[derive(Default)]
struct Api {
    /// Whether Clusters are served at the version that we read.
    served: bool,
    forbidden: bool,
    old_version: bool,
    /// What comes after the Cluster in each list.
    listed: Vec<Value>,
    /// What watches tell, each once.
    told: Vec<Value>,
    lists: usize,
    watches: usize,
}

type Shared = Arc<Mutex<Api>>;

fn client(api: &Shared) -> Client {
    let api = api.clone();
    let answer = tower::service_fn(move |request: Request<Body>| {
        let api = api.clone();
        async move { Ok::<_, std::io::Error>(api.lock().answer(&request)) }
    });
    Client::new(answer, "default")
}

impl Api {
    fn answer(&mut self, request: &Request<Body>) -> Response<Body> {
        let old = json!({"groupVersion": "cluster.x-k8s.io/v1beta1", "version": "v1beta1"});
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let body = match request.uri().path() {
            "/apis" if self.old_version => json!({"groups": [{"name": "cluster.x-k8s.io", "versions": [old]}]}),
            "/apis" => json!({"groups": []}),
            "/apis/cluster.x-k8s.io/v1beta1" => json!({"groupVersion": "cluster.x-k8s.io/v1beta1",
                "resources": [{"name": "clusters", "singularName": "", "namespaced": true, "kind": "Cluster", "verbs": []}]}),
            _ if self.forbidden => {
                return status(
                    StatusCode::FORBIDDEN,
                    "Forbidden",
                    "user ours cannot list resource clusters",
                );
            }
            _ if !self.served => return plain(StatusCode::NOT_FOUND, "404 page not found\n"),
            // The watch ends at once, as that of a kind that is removed does.
            _ if is_watch => {
                self.watches += 1;
                let event = if self.told.is_empty() {
                    String::new()
                } else {
                    format!("{}\n", self.told.remove(0))
                };
                return plain(StatusCode::OK, &event);
            }
            _ => {
                self.lists += 1;
                let cluster = json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
                    "metadata": {"name": format!("dev-{}", self.lists), "namespace": "team-a", "resourceVersion": "7"}, "spec": {}});
                let items = [&[cluster], &self.listed[..]].concat();
                json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "ClusterList", "metadata": {"resourceVersion": "7"},
                    "items": items})
            }
        };
        plain(StatusCode::OK, &body.to_string())
    }
}

fn plain(code: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.as_bytes().to_vec()));
    *response.status_mut() = code;
    response
}

fn status(code: StatusCode, reason: &str, message: &str) -> Response<Body> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason,
        "message": message, "code": code.as_u16()});
    plain(code, &status.to_string())
}

/// The next thing that is seen, but for the begin of lists.
async fn next(seen: &mut (impl Stream<Item = Seen<Cluster>> + Unpin)) -> String {
    let next = async {
        loop {
            match seen.next().await.expect("without end") {
                Seen::Event(Event::Init) => {}
                Seen::Event(Event::InitDone) => return "all".to_owned(),
                Seen::Event(event) => return event.to_string(),
                Seen::Lost(lost) => return lost.sentence("Cluster"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.expect("in time")
}

#[tokio::test]
async fn a_kind_may_come_go_and_come_back() {
    let api = Shared::default();
    let mut seen = Box::pin(follow::<Cluster>(&client(&api), watcher::Config::default()));
    assert_eq!(
        next(&mut seen).await,
        "Cluster of cluster.x-k8s.io/v1beta2 is not served"
    );

    api.lock().served = true;
    assert_eq!(
        next(&mut seen).await,
        "InitApply(dev-1)",
        "the trouble is told once, however often it was tried"
    );
    assert_eq!(next(&mut seen).await, "all");

    api.lock().served = false;
    assert_eq!(
        next(&mut seen).await,
        "Cluster of cluster.x-k8s.io/v1beta2 is not served"
    );

    api.lock().served = true;
    assert_eq!(
        next(&mut seen).await,
        "InitApply(dev-2)",
        "a new list, not the old watch"
    );
    assert_eq!(next(&mut seen).await, "all");
}

#[tokio::test]
async fn other_versions_and_missing_rights_are_named() {
    let api = Shared::default();
    api.lock().old_version = true;
    let mut seen = Box::pin(follow::<Cluster>(&client(&api), watcher::Config::default()));
    assert_eq!(
        next(&mut seen).await,
        "Cluster of cluster.x-k8s.io/v1beta2 is not served, only v1beta1"
    );
    api.lock().forbidden = true;
    assert_eq!(next(&mut seen).await, "user ours cannot list resource clusters");
    *api.lock() = Api {
        served: true,
        ..Api::default()
    };
    assert_eq!(next(&mut seen).await, "InitApply(dev-1)");
}

/// No CRD that we know takes this in; a later one may.
fn unreadable(name: &str) -> Value {
    json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
        "metadata": {"name": name, "namespace": "team-a", "resourceVersion": "8"}, "spec": {"paused": "on Sundays"}})
}

#[tokio::test]
async fn an_object_that_cannot_be_read_hides_no_others() {
    let api = Shared::default();
    *api.lock() = Api {
        served: true,
        listed: vec![unreadable("odd")],
        ..Api::default()
    };
    let mut seen = Box::pin(follow::<Cluster>(&client(&api), watcher::Config::default()));
    assert_eq!(
        next(&mut seen).await,
        "InitApply(dev-2)",
        "of the second list: the first is not read at all"
    );
    assert_eq!(next(&mut seen).await, "all");

    let mut other = unreadable("other");
    other["spec"]["paused"] = json!(true);
    api.lock().told = vec![
        json!({"type": "ADDED", "object": unreadable("odder")}),
        json!({"type": "ADDED", "object": other}),
        json!({"type": "DELETED", "object": unreadable("odder")}),
    ];
    assert_eq!(next(&mut seen).await, "Apply(other)");
    assert_eq!(
        next(&mut seen).await,
        "InitApply(dev-3)",
        "it may have been read before: a new list says what is left"
    );
}

#[tokio::test]
async fn an_object_that_is_told_of_and_cannot_be_read_hides_no_others() {
    let api = Shared::default();
    *api.lock() = Api {
        served: true,
        told: vec![json!({"type": "ADDED", "object": unreadable("odd")})],
        ..Api::default()
    };
    let mut seen = Box::pin(follow::<Cluster>(&client(&api), watcher::Config::default()));
    assert_eq!(next(&mut seen).await, "InitApply(dev-1)");
    assert_eq!(next(&mut seen).await, "all");
    assert_eq!(next(&mut seen).await, "InitApply(dev-2)");
}

#[test]
fn a_trouble_is_news_once() {
    let mut state = Follow::new("Cluster".to_owned());
    let lost = || {
        Some(Unavailable::Forbidden {
            message: "no".to_owned(),
        })
    };
    assert!(state.fails(lost(), "x (403)"));
    assert!(!state.fails(lost(), "x (403)"));
    assert!(state.fails(None, "connection refused"));
    assert!(!state.fails(None, "connection refused"));
    assert!(state.fails(lost(), "x (403)"));
    state.goes_on();
    assert!(state.fails(lost(), "x (403)"), "a trouble that came back");
}
