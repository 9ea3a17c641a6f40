//! Evictions as the test plays them, in front of an API server that has none: a budget refuses those of a pod.

use std::{collections::BTreeMap, io, sync::Arc};

use bytes::Bytes;
use generic_apiserver::serve::LocalService;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, api::DeleteParams};
use parking_lot::Mutex;
use rustls::ServerConfig;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower::Service;

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// Which pods may not be evicted, and the budget that says so.
#[derive(Default)]
pub(crate) struct Evictions {
    budgets: Mutex<BTreeMap<String, String>>,
}

impl Evictions {
    /// Keeps a pod from being evicted.
    pub(crate) fn protect(&self, pod: &str, budget: &str) {
        self.budgets.lock().insert(pod.to_owned(), budget.to_owned());
    }

    /// Lets all pods go.
    pub(crate) fn allow_all(&self) {
        self.budgets.lock().clear();
    }

    /// Serves `server` with evictions, until it is dropped.
    pub(crate) async fn serve(
        self: Arc<Self>,
        client: Client,
        server: LocalService,
        listener: TcpListener,
        tls: ServerConfig,
    ) {
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        while let Ok((connection, _)) = listener.accept().await {
            let (evictions, acceptor) = (self.clone(), acceptor.clone());
            let (client, server) = (client.clone(), server.clone());
            tokio::spawn(async move {
                let Ok(connection) = acceptor.accept(connection).await else {
                    return;
                };
                let service = service_fn(move |request| {
                    let (evictions, client, mut server) = (evictions.clone(), client.clone(), server.clone());
                    async move {
                        match evicted(&request) {
                            Some((namespace, pod)) => Ok(evictions.evict(&client, &namespace, &pod).await),
                            None => server
                                .call(request)
                                .await
                                .map(|response| response.map(|body| body.map_err(io::Error::other).boxed_unsync())),
                        }
                    }
                });
                let _ = Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(connection), service)
                    .await;
            });
        }
    }

    async fn evict(&self, client: &Client, namespace: &str, pod: &str) -> Answer {
        let budget = self.budgets.lock().get(pod).cloned();
        if let Some(budget) = budget {
            let cause = format!("The disruption budget {budget} needs 1 healthy pods and has 1 currently");
            return answer(
                429,
                &json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 429, "reason": "TooManyRequests",
                    "message": "Cannot evict pod as it would violate the pod's disruption budget.",
                    "details": {"causes": [{"reason": "DisruptionBudget", "message": cause}]},
                }),
            );
        }
        let deleted = Api::<Pod>::namespaced(client.clone(), namespace)
            .delete(pod, &DeleteParams::default().grace_period(0))
            .await;
        match deleted {
            Ok(_) => answer(
                201,
                &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
            ),
            Err(error) => answer(
                404,
                &json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404, "reason": "NotFound",
                    "message": error.to_string(),
                }),
            ),
        }
    }
}

/// Namespace and name of the pod that a request evicts.
fn evicted(request: &Request<Incoming>) -> Option<(String, String)> {
    let path = request.uri().path().strip_prefix("/api/v1/namespaces/")?;
    let (namespace, pod) = path.strip_suffix("/eviction")?.split_once("/pods/")?;
    (request.method() == Method::POST).then(|| (namespace.to_owned(), pod.to_owned()))
}

fn answer(code: u16, body: &serde_json::Value) -> Answer {
    let body = Full::from(body.to_string())
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    response
}
