//! Against an API server that is played: it answers what the test says.

use std::sync::Arc;

use guestcluster_types::upstream::capi::Cluster;
use http::{Request, Response, StatusCode};
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::json;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// What the API server has, and what it was asked.
#[derive(Default)]
struct Api {
    /// Whether Clusters are served at the version that we read.
    served: bool,
    forbidden: bool,
    old_version: bool,
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
                return plain(StatusCode::OK, "");
            }
            _ => {
                self.lists += 1;
                let cluster = json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
                    "metadata": {"name": format!("dev-{}", self.lists), "namespace": "team-a", "resourceVersion": "7"}, "spec": {}});
                json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "ClusterList", "metadata": {"resourceVersion": "7"}, "items": [cluster]})
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
