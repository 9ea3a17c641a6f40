//! TLS as a Go client speaks it.

use std::sync::Arc;

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{
    CipherSuite, ClientConfig, RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::Value;

/// The authority and the client certificate of a kubeconfig with one user, as JSON.
pub(super) fn of_kubeconfig(kubeconfig: &Value) -> anyhow::Result<Arc<ClientConfig>> {
    let pem = |pointer: &str| {
        let data = kubeconfig.pointer(pointer).and_then(Value::as_str);
        Ok::<_, anyhow::Error>(STANDARD.decode(data.with_context(|| format!("no {pointer}"))?)?)
    };
    let certificate = CertificateDer::from_pem_slice(&pem("/users/0/user/client-certificate-data")?)?;
    let key = PrivateKeyDer::from_pem_slice(&pem("/users/0/user/client-key-data")?)?;
    let builder = builder(&pem("/clusters/0/cluster/certificate-authority-data")?)?;
    Ok(finish(builder.with_client_auth_cert(vec![certificate], key)?))
}

/// An authority alone, in PEM.
pub(super) fn of_authority(authority: &[u8]) -> anyhow::Result<Arc<ClientConfig>> {
    Ok(finish(builder(authority)?.with_no_client_auth()))
}

fn builder(authority: &[u8]) -> anyhow::Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority)?)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(provider())).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots))
}

/// Go's clients prefer AES-128-GCM; the order decides which cipher a rustls server takes.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    provider
}

fn finish(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}
