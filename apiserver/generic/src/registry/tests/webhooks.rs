//! Admission webhooks over real writes and real TLS: whom they are called for, what they are told, and what becomes of it.

use std::{convert::Infallible, net::Ipv4Addr, sync::Arc};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{WIDGETS, World, widget};
use crate::{
    admission::{
        Admission, Surroundings,
        webhook::{
            MutatingWebhooks, ServiceReference, ValidatingWebhooks, Webhook, WebhookMetrics, WebhookSource, Webhooks,
        },
    },
    authn::testing::serving_certificate,
    serve::tls,
    status::Status,
    storage::redb::Engine,
};

/// What a webhook answers to a request: HTTP status and body.
type Behaviour = dyn Fn(&str, &Value) -> (u16, Value) + Send + Sync;

/// A server with webhooks, each at a path of its own, that remembers what it was asked.
struct Server {
    port: u16,
    authority: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    _serving: JoinSet<()>,
}

impl Server {
    async fn start(behaviour: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (authority, certificate, key) = serving_certificate(&["127.0.0.1", "hook.ns.svc"]);
        let tls = tls::server_config(certificate.as_bytes(), key.as_bytes(), None).unwrap();
        let asked = Arc::<Mutex<Vec<(String, Value)>>>::default();
        let mut serving = JoinSet::new();
        serving.spawn(serve(
            listener,
            TlsAcceptor::from(Arc::new(tls)),
            asked.clone(),
            Arc::new(behaviour),
        ));
        Server {
            port,
            authority,
            asked,
            _serving: serving,
        }
    }

    /// A webhook at a path, for creates and updates of widgets.
    fn hook(&self, path: &str, fields: &Value) -> Value {
        let mut hook = json!({
            "name": format!("{path}.example.io"),
            "clientConfig": {
                "url": format!("https://127.0.0.1:{}/{path}", self.port), "caBundle": BASE64_STANDARD.encode(&self.authority),
            },
            "rules": [{
                "operations": ["CREATE", "UPDATE"], "apiGroups": ["demo.example.io"], "apiVersions": ["v1"], "resources": ["widgets"],
            }],
            "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 5, "admissionReviewVersions": ["v1"],
        });
        hook.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        hook
    }

    fn paths(&self) -> Vec<String> {
        let mut asked = self.asked.lock();
        std::mem::take(&mut *asked).into_iter().map(|(path, _)| path).collect()
    }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    behaviour: Arc<Behaviour>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, asked, behaviour) = (acceptor.clone(), asked.clone(), behaviour.clone());
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |request: Request<Incoming>| {
                let (asked, behaviour) = (asked.clone(), behaviour.clone());
                async move {
                    let path = request.uri().path().trim_start_matches('/').to_owned();
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let review: Value = serde_json::from_slice(&body).unwrap();
                    let (status, answer) = behaviour(&path, &review["request"]);
                    asked.lock().push((path, review));
                    let body = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
                    let response = Response::builder()
                        .status(status)
                        .body(Full::<Bytes>::from(body))
                        .unwrap();
                    Ok::<_, Infallible>(response)
                }
            });
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// A review that answers a request.
fn review(request: &Value, response: &Value) -> (u16, Value) {
    let mut response = response.clone();
    response["uid"] = request["uid"].clone();
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    (200, review)
}

fn patching(request: &Value, patch: &Value) -> (u16, Value) {
    let patch = BASE64_STANDARD.encode(patch.to_string());
    review(
        request,
        &json!({"allowed": true, "patchType": "JSONPatch", "patch": patch}),
    )
}

/// A cluster whose only service is `hook` in `ns`.
struct Cluster {
    hooks: Arc<[Arc<Webhook>]>,
    port: u16,
}

#[async_trait]
impl Surroundings for Cluster {
    async fn namespace(&self, _: &str) -> Result<Arc<Value>, Status> {
        Ok(Arc::new(json!({"metadata": {"name": "ns", "labels": {"team": "a"}}})))
    }
}

#[async_trait]
impl WebhookSource for Cluster {
    async fn hooks(&self) -> Result<Arc<[Arc<Webhook>]>, String> {
        Ok(self.hooks.clone())
    }

    async fn resolve(&self, service: &ServiceReference) -> Result<(String, u16), String> {
        match service.name.as_str() {
            "hook" => Ok(("127.0.0.1".to_owned(), self.port)),
            other => Err(format!("service {other:?} not found")),
        }
    }
}

fn source(server: &Server, hooks: &[Value]) -> Arc<Cluster> {
    let mut webhooks = Webhooks::default();
    webhooks
        .set(&json!({"metadata": {"name": "c"}, "webhooks": hooks}))
        .unwrap();
    Arc::new(Cluster {
        hooks: webhooks.hooks(),
        port: server.port,
    })
}

async fn world(plugin: Arc<dyn Admission>) -> World {
    World::admitted_by(Engine::in_memory().unwrap().keyspace("test/"), vec![plugin]).await
}

async fn validated_by(server: &Server, hooks: &[Value]) -> World {
    let metrics = Arc::<WebhookMetrics>::default();
    world(Arc::new(ValidatingWebhooks::new(source(server, hooks), metrics))).await
}

async fn mutated_by(server: &Server, hooks: &[Value]) -> World {
    let metrics = Arc::<WebhookMetrics>::default();
    world(Arc::new(MutatingWebhooks::new(source(server, hooks), metrics))).await
}

#[tokio::test]
async fn a_refusal_is_the_webhooks() {
    let server = Server::start(|path, request| match path {
        "plain" => review(request, &json!({"allowed": false})),
        "worded" => review(
            request,
            &json!({"allowed": false, "status": {"code": 403, "reason": "Forbidden", "message": "not today"}, "warnings": ["mind"]}),
        ),
        _ => review(request, &json!({"allowed": true})),
    })
    .await;
    let table = [
        (
            "plain",
            400,
            "",
            "admission webhook \"plain.example.io\" denied the request without explanation",
        ),
        (
            "worded",
            403,
            "Forbidden",
            "admission webhook \"worded.example.io\" denied the request: not today",
        ),
    ];
    for (path, code, reason, message) in table {
        let hooks = [server.hook("fine", &json!({})), server.hook(path, &json!({}))];
        let world = validated_by(&server, &hooks).await;
        let reply = world.post(WIDGETS, &widget("a")).await;
        assert_eq!(reply.refused(code), (reason.to_owned(), message.to_owned()));
        assert_eq!(reply.warnings().len(), usize::from(path == "worded"));
        let mut asked = server.paths();
        asked.sort();
        assert_eq!(asked, ["fine", path]);
    }
}

#[tokio::test]
async fn a_webhook_is_told_what_happens() {
    let server = Server::start(|_, request| review(request, &json!({"allowed": true}))).await;
    let world = validated_by(&server, &[server.hook("w", &json!({}))]).await;
    world.post(WIDGETS, &widget("a")).await.expect(201);
    world
        .merge(&format!("{WIDGETS}/a"), &json!({"spec": {"replicas": 2}}))
        .await
        .expect(200);
    world.delete(&format!("{WIDGETS}/a")).await.expect(200);
    let asked = std::mem::take(&mut *server.asked.lock());
    let [(_, created), (_, updated)] = asked.as_slice() else {
        panic!("not meant for deletes: {asked:#?}");
    };
    assert_eq!(
        (&created["apiVersion"], &created["kind"]),
        (&json!("admission.k8s.io/v1"), &json!("AdmissionReview"))
    );
    let request = &created["request"];
    assert_eq!(request["operation"], "CREATE");
    assert_eq!(
        request["kind"],
        json!({"group": "demo.example.io", "version": "v1", "kind": "Widget"})
    );
    assert_eq!(request["resource"]["resource"], "widgets");
    assert_eq!((&request["name"], &request["namespace"]), (&json!("a"), &json!("ns")));
    assert_eq!(request["userInfo"]["username"], "alice");
    assert_eq!(request["options"]["kind"], "CreateOptions");
    assert_eq!(
        (&request["dryRun"], &request["oldObject"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(request["object"]["spec"]["replicas"], 1);
    let replicas = |object: &str| updated["request"][object]["spec"]["replicas"].clone();
    assert_eq!((replicas("oldObject"), replicas("object")), (json!(1), json!(2)));
}

#[tokio::test]
async fn a_call_that_fails_refuses_unless_failures_are_ignored() {
    let server = Server::start(|path, request| match path {
        "broken" => (500, json!("it broke")),
        "told" => (400, json!({"kind": "Status", "message": "no such thing"})),
        "unread" => (200, json!("no JSON")),
        "stranger" => review(&json!({"uid": "other"}), &json!({"allowed": true})),
        "patching" => patching(request, &json!([])),
        _ => (404, json!("")),
    })
    .await;
    let calling =
        |path: &str, why: &str| format!("Internal error occurred: failed calling webhook \"{path}.example.io\": {why}");
    let table = [
        (
            "broken",
            "failed to call webhook: an error on the server (\"it broke\") has prevented the request from succeeding"
                .to_owned(),
        ),
        ("told", "failed to call webhook: no such thing".to_owned()),
        (
            "missing",
            "failed to call webhook: the server could not find the requested resource".to_owned(),
        ),
        (
            "patching",
            "received invalid webhook response: validating webhook may not return response.patch".to_owned(),
        ),
    ];
    for (path, why) in table {
        let world = validated_by(&server, &[server.hook(path, &json!({}))]).await;
        let (reason, message) = world.post(WIDGETS, &widget("a")).await.refused(500);
        assert_eq!((reason.as_str(), message), ("InternalError", calling(path, &why)));
        let ignored = validated_by(&server, &[server.hook(path, &json!({"failurePolicy": "Ignore"}))]).await;
        ignored.post(WIDGETS, &widget("a")).await.expect(201);
    }
    for (path, why) in [("unread", "json parse error"), ("stranger", "expected response.uid=")] {
        let world = validated_by(&server, &[server.hook(path, &json!({}))]).await;
        let (_, message) = world.post(WIDGETS, &widget("a")).await.refused(500);
        assert!(message.contains(why), "{message}");
    }
    let untrusted = json!({"clientConfig": {"url": format!("https://localhost:{}/x", server.port), "caBundle": BASE64_STANDARD.encode(&server.authority)}});
    let world = validated_by(&server, &[server.hook("w", &untrusted)]).await;
    let (_, message) = world.post(WIDGETS, &widget("a")).await.refused(500);
    assert!(
        message.contains("failed to call webhook: Post \"https://localhost:"),
        "{message}"
    );
}

#[tokio::test]
async fn silence_ends_with_the_webhooks_time() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let server = Server::start(|_, request| review(request, &json!({"allowed": true}))).await;
    let url = format!("https://{}/w", silent.local_addr().unwrap());
    let fields = json!({
        "timeoutSeconds": 1,
        "clientConfig": {"url": url, "caBundle": BASE64_STANDARD.encode(&server.authority)},
    });
    let world = validated_by(&server, &[server.hook("w", &fields)]).await;
    let (_, message) = world.post(WIDGETS, &widget("a")).await.refused(500);
    let why = format!("failed to call webhook: Post \"{url}?timeout=1s\": context deadline exceeded");
    assert!(message.ends_with(&why), "{message}");
}

#[tokio::test]
async fn a_service_is_found_and_must_show_its_name() {
    let server = Server::start(|_, request| review(request, &json!({"allowed": false}))).await;
    let at = |name: &str| {
        let service = json!({"namespace": "ns", "name": name, "path": "/w"});
        json!({"clientConfig": {"service": service, "caBundle": BASE64_STANDARD.encode(&server.authority)}})
    };
    let world = validated_by(&server, &[server.hook("w", &at("hook"))]).await;
    world.post(WIDGETS, &widget("a")).await.refused(400);
    assert_eq!(server.paths(), ["w"]);
    let world = validated_by(&server, &[server.hook("w", &at("none"))]).await;
    let (_, message) = world.post(WIDGETS, &widget("a")).await.refused(500);
    let why = "failed to call webhook: Post \"https://none.ns.svc:443/w?timeout=5s\": service \"none\" not found";
    assert!(message.ends_with(why), "{message}");
}

#[tokio::test]
async fn only_what_is_meant_is_sent() {
    let server = Server::start(|_, request| review(request, &json!({"allowed": true}))).await;
    let table = [
        (
            json!({"namespaceSelector": {"matchLabels": {"team": "b"}}}),
            "",
            201,
            false,
        ),
        (
            json!({"objectSelector": {"matchLabels": {"loud": "yes"}}}),
            "",
            201,
            false,
        ),
        (json!({"rules": []}), "", 201, false),
        (
            json!({"matchConditions": [{"name": "c", "expression": "object.spec.replicas > 1"}]}),
            "",
            201,
            false,
        ),
        (
            json!({"matchConditions": [{"name": "c", "expression": "request.name == 'a'"}]}),
            "",
            201,
            true,
        ),
        (
            json!({"matchConditions": [{"name": "c", "expression": "object.nope"}]}),
            "",
            403,
            false,
        ),
        (json!({"sideEffects": "Some"}), "?dryRun=All", 400, false),
        (json!({"sideEffects": "NoneOnDryRun"}), "?dryRun=All", 201, true),
    ];
    for (fields, query, code, asked) in table {
        let world = validated_by(&server, &[server.hook("w", &fields)]).await;
        let reply = world.post(&format!("{WIDGETS}{query}"), &widget("a")).await;
        reply.expect(code);
        assert_eq!(!server.paths().is_empty(), asked, "{fields}");
        if code == 400 {
            let (_, message) = reply.refused(400);
            assert_eq!(message, "admission webhook \"w.example.io\" does not support dry run");
        }
    }
}

#[tokio::test]
async fn patches_are_applied_in_order_and_what_they_make_is_validated() {
    let server = Server::start(|path, request| match path {
        "first" => patching(
            request,
            &json!([{"op": "add", "path": "/metadata/labels", "value": {"by": "first"}}]),
        ),
        "second" => {
            let by = format!(
                "{}, second",
                request["object"]["metadata"]["labels"]["by"].as_str().unwrap()
            );
            patching(
                request,
                &json!([
                    {"op": "add", "path": "/metadata/annotations", "value": {"by": by}},
                    {"op": "add", "path": "/spec/bogus", "value": 1},
                ]),
            )
        }
        "mistyping" => patching(
            request,
            &json!([{"op": "replace", "path": "/spec/replicas", "value": -1}]),
        ),
        "renaming" => patching(
            request,
            &json!([{"op": "replace", "path": "/metadata/name", "value": "other"}]),
        ),
        _ => patching(request, &json!([{"op": "remove", "path": "/spec/nope"}])),
    })
    .await;
    let hooks = |paths: &[&str]| {
        paths
            .iter()
            .map(|path| server.hook(path, &json!({})))
            .collect::<Vec<_>>()
    };
    let world = mutated_by(&server, &hooks(&["first", "second"])).await;
    let made = world.post(WIDGETS, &widget("a")).await.expect(201);
    assert_eq!(made["metadata"]["labels"]["by"], "first");
    assert_eq!(made["metadata"]["annotations"]["by"], "first, second");
    assert_eq!(
        made["spec"].get("bogus"),
        None,
        "what the schema does not know is not kept"
    );
    let table = [
        ("mistyping", 422, "should be greater than or equal to 0"),
        (
            "renaming",
            500,
            "admission webhook \"renaming.example.io\" attempted to modify metadata.name",
        ),
        ("misfit", 500, "Internal error occurred: "),
    ];
    for (path, code, why) in table {
        let world = mutated_by(&server, &hooks(&[path])).await;
        let (_, message) = world.post(WIDGETS, &widget("a")).await.refused(code);
        assert!(message.contains(why), "{message}");
    }
}

#[tokio::test]
async fn a_webhook_that_wants_to_is_called_again_when_others_changed_the_object() {
    let server = Server::start(|path, request| {
        let labels = &request["object"]["metadata"]["labels"];
        let mut labels = labels.as_object().cloned().unwrap_or_default();
        labels.insert(path.to_owned(), "seen".into());
        patching(
            request,
            &json!([{"op": "add", "path": "/metadata/labels", "value": labels}]),
        )
    })
    .await;
    let again = json!({"reinvocationPolicy": "IfNeeded"});
    let hook = |path: &str, fields: &Value| server.hook(path, fields);
    let table = [
        (vec![hook("a", &again), hook("b", &json!({}))], vec!["a", "b", "a"]),
        (vec![hook("a", &json!({})), hook("b", &again)], vec!["a", "b"]),
        (vec![hook("a", &again), hook("b", &again)], vec!["a", "b", "a"]),
    ];
    for (hooks, expected) in table {
        let world = mutated_by(&server, &hooks).await;
        world.post(WIDGETS, &widget("a")).await.expect(201);
        assert_eq!(server.paths(), expected);
    }
}

#[tokio::test]
async fn calls_are_counted() {
    let server = Server::start(|_, request| review(request, &json!({"allowed": request["name"] == "a"}))).await;
    let metrics = Arc::<WebhookMetrics>::default();
    let hooks = source(&server, &[server.hook("w", &json!({}))]);
    let world = world(Arc::new(ValidatingWebhooks::new(hooks, metrics.clone()))).await;
    world.post(WIDGETS, &widget("a")).await.expect(201);
    world.post(WIDGETS, &widget("b")).await.refused(400);
    let mut page = String::new();
    metrics.append(&mut page);
    let of = "name=\"w.example.io\",type=\"validating\",operation=\"CREATE\"";
    for line in [
        format!("apiserver_admission_webhook_admission_duration_seconds_count{{{of},rejected=\"false\"}} 1"),
        format!("apiserver_admission_webhook_request_total{{{of},code=\"400\",rejected=\"true\"}} 1"),
        format!("apiserver_admission_webhook_rejection_count{{{of},error_type=\"no_error\",rejection_code=\"400\"}} 1"),
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
}
