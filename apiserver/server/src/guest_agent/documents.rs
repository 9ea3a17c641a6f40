//! What is served on loopback: the discovery document and the guest's keys for kube-apiserver, and for the kubelet how the agent is.

use std::{sync::Arc, time::Duration};

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use generic_apiserver::{
    authn::Connection,
    serve::listener::{self, Bounds, Handler},
};
use guestcluster_credentials::{
    Trust,
    authentication_configuration::discovery_document,
    jwks,
    trust_object::{AGENT_LIVE_PATH, AGENT_READY_PATH},
};
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::pulse::Pulse;

/// Where the discovery document is.
pub(super) const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";
/// Where the keys are.
pub(super) const KEYS_PATH: &str = "/keys";
/// Without it, each bad token would make kube-apiserver fetch the keys. A change of keys needs no shorter one: it changes
/// kube-apiserver's file as well, and with that kube-apiserver begins anew.
const CACHED: &str = "max-age=300";

/// The documents, none before the guest trusts anything; and the agent's pulse.
#[derive(Default)]
pub(super) struct Documents {
    pair: ArcSwapOption<Pair>,
    pulse: Pulse,
}

struct Pair {
    discovery: Bytes,
    keys: Bytes,
}

impl Documents {
    /// Serves this from now on.
    pub(super) fn show(&self, trust: &Trust, keys_url: &str) {
        let discovery = discovery_document(&trust.guest_uid, keys_url).to_string().into();
        let keys = jwks(&trust.keys).to_string().into();
        self.pair.store(Some(Arc::new(Pair { discovery, keys })));
    }

    /// Told when the agent begins a round of its work.
    pub(super) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let documents = self.pair.load();
        match (path, documents.as_ref()) {
            (DISCOVERY_PATH, Some(pair)) => document(pair.discovery.clone()),
            (KEYS_PATH, Some(pair)) => document(pair.keys.clone()),
            (AGENT_LIVE_PATH, _) if self.pulse.is_there() => empty(StatusCode::OK),
            (AGENT_READY_PATH, Some(_)) => empty(StatusCode::OK),
            (AGENT_LIVE_PATH, _) | (DISCOVERY_PATH | KEYS_PATH | AGENT_READY_PATH, None) => {
                empty(StatusCode::SERVICE_UNAVAILABLE)
            }
            _ => empty(StatusCode::NOT_FOUND),
        }
    }
}

/// Serves them until `stop`.
pub(super) async fn serve(
    documents: Arc<Documents>,
    listener: TcpListener,
    tls: Arc<ArcSwap<ServerConfig>>,
    stop: CancellationToken,
) {
    // One kube-apiserver asks, and whoever else can log in to the node.
    let bounds = Bounds {
        connections: 64,
        streams: 16,
        header_bytes: 16 * 1024,
        headers: 64,
        idle: Duration::from_secs(30),
        drain: Duration::from_secs(1),
        ..Bounds::default()
    };
    listener::serve(listener, tls, bounds, stop, || {}, Asked(documents)).await;
}

#[derive(Clone)]
struct Asked(Arc<Documents>);

impl Handler for Asked {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Incoming>, _connection: Connection) -> Response<Full<Bytes>> {
        self.0.answer(request.method(), request.uri().path())
    }
}

fn document(content: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(content));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(CACHED));
    response
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use guestcluster_credentials::SigningKey;
    use http_body_util::BodyExt as _;
    use serde_json::Value;

    use super::*;

    async fn json(response: Response<Full<Bytes>>) -> Value {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap()
    }

    #[tokio::test]
    async fn kube_apiserver_finds_the_keys_by_the_discovery_document_and_may_keep_them() {
        let documents = Documents::default();
        let get = |path: &str| documents.answer(&Method::GET, path);
        for path in [DISCOVERY_PATH, AGENT_READY_PATH] {
            assert_eq!(get(path).status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        }
        assert_eq!(get(AGENT_LIVE_PATH).status(), StatusCode::OK, "it waits for its keys");
        let key = SigningKey::generate().unwrap();
        let trust = Trust {
            guest_uid: "7b1e".to_owned(),
            generation: 1,
            keys: vec![key.public().clone()],
            revoked: BTreeMap::new(),
            floors: Vec::new(),
            trust_keys: Vec::new(),
        };
        documents.show(&trust, "https://127.0.0.1:10270/keys");
        assert!(
            get(KEYS_PATH).headers()[CACHE_CONTROL]
                .to_str()
                .unwrap()
                .starts_with("max-age=")
        );
        let discovery = json(get(DISCOVERY_PATH)).await;
        assert_eq!(discovery["jwks_uri"], "https://127.0.0.1:10270/keys");
        assert_eq!(json(get(KEYS_PATH)).await["keys"][0]["kid"], key.kid());
        assert_eq!(get(AGENT_READY_PATH).status(), StatusCode::OK);
        assert_eq!(get("/").status(), StatusCode::NOT_FOUND);
        assert_eq!(
            documents.answer(&Method::POST, KEYS_PATH).status(),
            StatusCode::METHOD_NOT_ALLOWED
        );
    }
}
