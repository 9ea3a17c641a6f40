//! The registry in process, over the embedded store in memory, by requests as clients send them.

mod admission;
mod apply;
mod create;
mod definitions;
mod delete;
mod faults;
mod forms;
mod list;
mod patch;
mod policies;
mod property;
mod read;
mod replicas;
mod rotation;
mod scale;
mod special;
mod update;
mod watch;
mod webhooks;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use self::definitions::definitions;
use super::Registry;
use crate::{
    admission::Admission,
    authn::User,
    authz::{Access, Attributes, Authorizer, Decision, Target},
    cache::Limits,
    request::RequestInfo,
    serve::{Body, Resources as _},
    storage::{Store, redb::Engine},
};

pub(super) const WIDGETS: &str = "/apis/demo.example.io/v1/namespaces/ns/widgets";
pub(super) const GADGETS: &str = "/apis/builtin.example.io/v1/namespaces/ns/gadgets";

/// One server for one test.
pub(super) struct World {
    pub(super) registry: Arc<Registry>,
    user: User,
    authorizer: NoCreate,
}

/// Allows everything but, where told so, to create.
struct NoCreate(bool);

#[async_trait]
impl Authorizer for NoCreate {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        let refused = self.0 && attributes.verb == "create" && matches!(attributes.target, Target::Resource { .. });
        let reason = String::new();
        Ok(if refused {
            Decision::NoOpinion { reason }
        } else {
            Decision::Allow { reason }
        })
    }
}

/// An answer whose body has been read.
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
}

impl World {
    pub(super) async fn new() -> World {
        World::with(Limits::default(), false).await
    }

    /// A world whose user may change objects but not create them.
    pub(super) async fn without_create() -> World {
        World::with(Limits::default(), true).await
    }

    /// A world that forgets the past at once.
    pub(super) async fn forgetful() -> World {
        World::with(
            Limits {
                history_bytes: 1,
                ..Limits::default()
            },
            false,
        )
        .await
    }

    /// A world over a store that others may write too.
    pub(super) async fn over(store: Arc<dyn Store>) -> World {
        World::start(store, Limits::default(), false).await
    }

    /// A world with admission plug-ins, over a store.
    pub(super) async fn admitted_by(store: Arc<dyn Store>, plugins: Vec<Arc<dyn Admission>>) -> World {
        let registry = Registry::start(store, definitions(), plugins).await.unwrap();
        World::of(registry, false)
    }

    async fn with(limits: Limits, refuse_create: bool) -> World {
        let store = Engine::in_memory().unwrap().keyspace("test/");
        World::start(store, limits, refuse_create).await
    }

    async fn start(store: Arc<dyn Store>, limits: Limits, refuse_create: bool) -> World {
        let registry = Registry::start_with_limits(store, definitions(), Vec::new(), limits)
            .await
            .unwrap();
        World::of(registry, refuse_create)
    }

    fn of(registry: Arc<Registry>, refuse_create: bool) -> World {
        let user = User {
            name: "alice".into(),
            ..User::default()
        };
        World {
            registry,
            user,
            authorizer: NoCreate(refuse_create),
        }
    }

    /// Sends a request and returns the answer with its body still to be read.
    pub(super) async fn send(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> http::Response<Body> {
        let (method, uri) = line.split_once(' ').unwrap();
        let (method, uri): (Method, http::Uri) = (method.parse().unwrap(), uri.parse().unwrap());
        let info = RequestInfo::parse(&method, &uri);
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::copy_from_slice(body)).unwrap();
        self.registry
            .handle(&info, Access::new(&self.user, &self.authorizer), request)
            .await
    }

    /// Sends a request and reads the answer.
    pub(super) async fn call(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let (parts, body) = self.send(line, headers, body).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            code: parts.status.as_u16(),
            headers: parts.headers,
            bytes,
        }
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.call(&format!("GET {path}"), &[], b"").await
    }

    pub(super) async fn post(&self, path: &str, object: &Value) -> Reply {
        self.call(&format!("POST {path}"), &[], object.to_string().as_bytes())
            .await
    }

    pub(super) async fn put(&self, path: &str, object: &Value) -> Reply {
        self.call(&format!("PUT {path}"), &[], object.to_string().as_bytes())
            .await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        self.call(&format!("DELETE {path}"), &[], b"").await
    }

    pub(super) async fn merge(&self, path: &str, patch: &Value) -> Reply {
        self.patch("application/merge-patch+json", path, patch).await
    }

    /// Server-side apply.
    pub(super) async fn apply(&self, path: &str, config: &Value) -> Reply {
        self.patch("application/apply-patch+yaml", path, config).await
    }

    pub(super) async fn patch(&self, media_type: &str, path: &str, patch: &Value) -> Reply {
        self.call(
            &format!("PATCH {path}"),
            &[("content-type", media_type)],
            patch.to_string().as_bytes(),
        )
        .await
    }

    /// Creates a widget in `ns` and returns it.
    pub(super) async fn widget(&self, name: &str) -> Value {
        self.post(WIDGETS, &widget(name)).await.expect(201)
    }

    /// Opens a watch.
    pub(super) async fn watch(&self, path_and_query: &str) -> Watch {
        self.watch_as(path_and_query, "application/json").await
    }

    pub(super) async fn watch_as(&self, path_and_query: &str, accept: &str) -> Watch {
        let response = self
            .send(&format!("GET {path_and_query}"), &[("accept", accept)], b"")
            .await;
        assert_eq!(response.status(), 200, "{path_and_query}");
        assert_eq!(response.headers()["content-type"], "application/json");
        Watch {
            body: response.into_body(),
            read: Vec::new(),
        }
    }
}

impl Reply {
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.bytes)))
    }

    /// The body, when the code is as expected.
    #[track_caller]
    pub(super) fn expect(&self, code: u16) -> Value {
        assert_eq!(self.code, code, "{}", String::from_utf8_lossy(&self.bytes));
        let json = self.json();
        if code >= 400 {
            assert_eq!((&json["kind"], &json["apiVersion"]), (&json!("Status"), &json!("v1")));
            assert_eq!((&json["status"], &json["code"]), (&json!("Failure"), &json!(code)));
            assert!(json["metadata"].is_object());
        }
        json
    }

    /// An error's reason and message, when the code is as expected.
    #[track_caller]
    pub(super) fn refused(&self, code: u16) -> (String, String) {
        let json = self.expect(code);
        let text = |field: &str| json[field].as_str().unwrap_or_default().to_owned();
        (text("reason"), text("message"))
    }

    pub(super) fn warnings(&self) -> Vec<&str> {
        self.headers
            .get_all("warning")
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect()
    }
}

/// An open watch.
pub(super) struct Watch {
    body: Body,
    read: Vec<u8>,
}

impl Watch {
    /// The next event; none at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = self.body.frame().await?.unwrap();
            self.read.extend_from_slice(frame.data_ref().unwrap());
        }
    }

    /// The next event as `TYPE name`.
    pub(super) async fn next_line(&mut self) -> String {
        let event = self.next().await.expect("the watch goes on");
        format!(
            "{} {}",
            event["type"].as_str().unwrap(),
            event["object"]["metadata"]["name"].as_str().unwrap_or("-")
        )
    }
}

/// A widget's body as a client posts it.
pub(super) fn widget(name: &str) -> Value {
    json!({
        "apiVersion": "demo.example.io/v1", "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"replicas": 1},
    })
}

pub(super) fn version_of(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}
