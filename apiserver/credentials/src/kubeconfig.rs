//! Kubeconfigs with a client certificate: the admin's of an embedded supervisor, and Cluster API's of a guest.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::x509::CertifiedKey;

/// What a kubeconfig with one context says.
pub struct Kubeconfig<'a> {
    /// Name of the cluster.
    pub cluster: &'a str,
    /// Name of the user entry.
    pub user: &'a str,
    /// Name of the context, made current.
    pub context: &'a str,
    /// `https://host:port`.
    pub server: &'a str,
    /// PEM of the server's certificate authority.
    pub certificate_authority: &'a str,
    /// The user's certificate and key.
    pub credential: &'a CertifiedKey,
    /// Default namespace of the context.
    pub namespace: Option<&'a str>,
}

impl Kubeconfig<'_> {
    /// The file's content: JSON, which every YAML reader accepts. Holds a private key: write it with mode 0600.
    pub fn render(&self) -> String {
        let mut context = json!({"cluster": self.cluster, "user": self.user});
        if let Some(namespace) = self.namespace {
            context["namespace"] = json!(namespace);
        }
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": self.context,
            "clusters": [{"name": self.cluster, "cluster": {
                "server": self.server,
                "certificate-authority-data": STANDARD.encode(self.certificate_authority),
            }}],
            "contexts": [{"name": self.context, "context": context}],
            "users": [{"name": self.user, "user": {
                "client-certificate-data": STANDARD.encode(&self.credential.certificate),
                "client-key-data": STANDARD.encode(&self.credential.key),
            }}],
        });
        format!("{config:#}\n")
    }
}
