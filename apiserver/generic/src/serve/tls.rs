//! TLS: the server's certificate, and client certificates that are asked for but judged later.

use std::sync::{Arc, LazyLock};

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    server::{
        NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject as _};

/// A TLS configuration can't be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text is not PEM, or holds nothing of the kind.
    #[error("{what}: {error}")]
    Pem {
        /// Which text.
        what: &'static str,
        /// What is wrong; never the text itself.
        error: String,
    },
    /// The certificate and key can't be used.
    #[error(transparent)]
    Tls(#[from] Error),
}

/// HTTP/2 and HTTP/1.1 over TLS with this certificate chain (leaf first) and key. With `client_ca` a client certificate is
/// asked for, naming these CAs, and not required: the handshake proves that the client has its key, the authenticator
/// judges the rest, so a bad certificate is a 401 that says so and not a broken connection.
pub fn server_config(
    cert_chain_pem: &[u8],
    key_pem: &[u8],
    client_ca: Option<&[u8]>,
) -> Result<ServerConfig, TlsError> {
    let provider = provider();
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| TlsError::Pem {
        what: "private key",
        error: error.to_string(),
    })?;
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = match client_ca {
        Some(ca) => builder.with_client_cert_verifier(Arc::new(AnyClient::new(ca, provider)?)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(certificates("certificate", cert_chain_pem)?, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Resumption would save clients little and cost each of thousands of servers its own store.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The one set of algorithms of the process.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
    PROVIDER.clone()
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |error: String| TlsError::Pem { what, error };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| wrong(error.to_string()))?;
    if chain.is_empty() {
        Err(wrong("no certificate found".to_owned()))
    } else {
        Ok(chain)
    }
}

/// Accepts any client certificate whose key signed the handshake.
#[derive(Debug)]
struct AnyClient {
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl AnyClient {
    fn new(ca_pem: &[u8], provider: Arc<CryptoProvider>) -> Result<AnyClient, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates("client CA", ca_pem)? {
            roots.add(certificate)?;
        }
        Ok(AnyClient {
            hints: roots.subjects(),
            provider,
        })
    }
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
