//! Requests to the guest by a token.

use std::fs;

use kube::client::Body;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::Value;

/// A client that shows nothing of itself but the token of a request.
pub(super) struct Asked {
    client: kube::Client,
    runtime: tokio::runtime::Runtime,
}

/// Code and body of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) body: Value,
}

impl Asked {
    pub(super) fn of(server: &str, authority_file: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut config = kube::Config::new(server.parse().unwrap());
        let authority = fs::read(authority_file).unwrap();
        let certificates = CertificateDer::pem_slice_iter(&authority);
        config.root_cert = Some(certificates.map(|certificate| certificate.unwrap().to_vec()).collect());
        let client = runtime.block_on(async { kube::Client::try_from(config) }).unwrap();
        Self { client, runtime }
    }

    /// Sends a request with a token, and a body where there is one; a patch is a merge patch.
    pub(super) fn send(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let kind = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", kind)
            .body(Body::from(
                body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
            ))
            .unwrap();
        self.runtime.block_on(async {
            let response = match self.client.send(request).await {
                Ok(response) => response,
                Err(error) => {
                    return Answer {
                        code: 0,
                        body: error.to_string().into(),
                    };
                }
            };
            let code = response.status().as_u16();
            let body = response.into_body().collect_bytes().await.unwrap_or_default();
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            Answer { code, body }
        })
    }

    pub(super) fn get(&self, token: &str, path: &str) -> u16 {
        self.send(token, "GET", path, None).code
    }

    pub(super) fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.send(token, "POST", path, Some(body))
    }
}
