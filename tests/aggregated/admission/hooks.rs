//! A server with webhooks, each at a path of its own.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use guestcluster_credentials::x509::CertificateAuthority;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_rustls::TlsAcceptor;

/// The name in its certificate beside its address.
pub(super) const SERVICE: &str = "hooks";

/// It serves until the runtime ends.
pub(super) struct HookServer {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// PEM in Base64.
    pub(super) authority: String,
}

impl HookServer {
    /// Serves at this address, and as a service of this namespace.
    pub(super) fn start(runtime: &Runtime, address: IpAddr, namespace: &str) -> HookServer {
        let (authority, _) = CertificateAuthority::generate("hooks").unwrap();
        let name = format!("{SERVICE}.{namespace}.svc");
        let acceptor = TlsAcceptor::from(Arc::new(tls(&authority, &name, address)));
        let listener = runtime.block_on(TcpListener::bind((address, 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(serve));
                    // A client that hangs up is no matter of the test.
                    let _ = connection.await;
                });
            }
        });
        HookServer {
            address,
            port,
            authority: BASE64_STANDARD.encode(authority.certificate()),
        }
    }
}

fn tls(authority: &CertificateAuthority, name: &str, address: IpAddr) -> ServerConfig {
    let pair = authority
        .issue_server("hooks", &[name], &[address], Duration::from_hours(24))
        .unwrap();
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    config
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

async fn serve(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let review: Value = serde_json::from_slice(&body).unwrap();
    let (status, body) = answer(&path, &review["request"]);
    Ok(Response::builder().status(status).body(Full::from(body)).unwrap())
}

/// What the webhook at a path says: the HTTP status and the body.
fn answer(path: &str, request: &Value) -> (u16, String) {
    let refused = |status: Value| json!({"allowed": false, "status": status});
    let patched = |patch: Value, warnings: Value| {
        let patch = BASE64_STANDARD.encode(patch.to_string());
        json!({"allowed": true, "patchType": "JSONPatch", "patch": patch, "warnings": warnings})
    };
    let annotation = |text: String| json!([{"op": "add", "path": "/metadata/annotations", "value": {"by": text}}]);
    let mut response = match path {
        "deny-plain" | "deny-last" => json!({"allowed": false}),
        "deny-worded" | "by-service" => refused(json!({"code": 403, "reason": "Forbidden", "message": "not today"})),
        "deny-reason" => refused(json!({"code": 418, "reason": "Teapot", "details": {"name": "pot"}})),
        "break" => return (500, "broken".to_owned()),
        "patch-here" => patched(annotation("nobody".to_owned()), json!([])),
        "mutate-1" => patched(annotation("first".to_owned()), json!(["changed it"])),
        "mutate-2" => {
            let by = request["object"]["metadata"]["annotations"]["by"]
                .as_str()
                .unwrap_or("nobody");
            patched(annotation(format!("{by} and second")), json!([]))
        }
        "told" => refused(json!({"message": told(request)})),
        _ => return (404, String::new()),
    };
    response["uid"] = request["uid"].clone();
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    (200, review.to_string())
}

/// The request, without what differs in any two.
fn told(request: &Value) -> String {
    let mut request = request.clone();
    for object in ["object", "oldObject"] {
        let names = ["apiVersion", "kind"].map(|field| request[object][field].clone());
        let labels = request[object]["metadata"]["labels"].clone();
        request[object] = json!({"names": names, "labels": labels});
    }
    request["uid"] = Value::Null;
    // Our server says which manager and validation are in force where the client has left them out.
    for field in ["fieldManager", "fieldValidation"] {
        request["options"].as_object_mut().map(|options| options.remove(field));
    }
    request.to_string()
}
