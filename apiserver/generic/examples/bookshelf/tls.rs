//! A certificate of the server's own, and a kubeconfig that trusts it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use generic_apiserver::serve::tls;
use rustls::ServerConfig;
use serde_json::json;
use tokio::net::TcpListener;

/// A certificate and its key, PEM.
pub struct Identity {
    certificate: String,
    key: String,
}

/// A new one for this computer.
pub fn self_signed() -> anyhow::Result<Identity> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    Ok(Identity {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    })
}

impl Identity {
    /// What the server takes; it could be replaced while it serves.
    pub fn server_config(&self) -> anyhow::Result<Arc<ArcSwap<ServerConfig>>> {
        let config = tls::server_config(self.certificate.as_bytes(), self.key.as_bytes(), None)?;
        Ok(Arc::new(ArcSwap::from_pointee(config)))
    }
}

/// A kubeconfig for who has the token; JSON, which every YAML reader accepts.
pub fn kubeconfig(identity: &Identity, listener: &TcpListener, token: &str) -> anyhow::Result<String> {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "bookshelf",
        "clusters": [{"name": "bookshelf", "cluster": {
            "server": format!("https://{}", listener.local_addr()?),
            "certificate-authority-data": STANDARD.encode(&identity.certificate),
        }}],
        "users": [{"name": "librarian", "user": {"token": token}}],
        "contexts": [{"name": "bookshelf", "context": {"cluster": "bookshelf", "user": "librarian"}}],
    });
    Ok(config.to_string())
}
