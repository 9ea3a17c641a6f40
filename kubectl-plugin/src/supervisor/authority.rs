//! Who signs for a supervisor: from a file, or shown by the server and recognized by its fingerprint. Nothing is trusted silently.

use std::{path::Path, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use super::hex;
use crate::{
    error::{CHECK_SERVER, Cause, Error, Result, cause},
    https,
};

const HANDSHAKE: Duration = Duration::from_secs(10);
/// Characters of a line of PEM (RFC 7468).
const PEM_LINE: usize = 64;

/// The certificate authority of a PEM file, as `flag` names it.
pub(crate) fn from_file(flag: &str, path: &Path) -> Result<String> {
    let failed = |why: &str| {
        Error::failed(format!("{flag} {}: {why}", path.display()))
            .next("It takes a PEM file with the certificate of the authority that signs for the server.")
    };
    let bytes = std::fs::read(path).map_err(|error| failed(&cause(&error)))?;
    let pem = String::from_utf8(bytes).map_err(|_| failed("it is not PEM"))?;
    https::certificates(&pem).map_err(|error| failed(&error.to_string()))?;
    Ok(pem)
}

/// The certificate with this fingerprint among those that the server shows, as PEM. Nothing but the handshake is sent.
pub(crate) async fn shown_by(server: &str, wanted: &str) -> Result<String> {
    let chain = tokio::time::timeout(HANDSHAKE, chain(server))
        .await
        .map_err(|late| Cause::of(&late).unreachable(server, CHECK_SERVER))??;
    let found = chain
        .iter()
        .find(|certificate| hex(&Sha256::digest(certificate)) == wanted);
    match found {
        Some(certificate) => Ok(pem(certificate)),
        None => Err(Error::failed(format!(
            "--ca-sha256: {server} shows no certificate with the fingerprint {wanted}: it is another server, or does not show its certificate authority"
        ))
        .next("Compare the fingerprint with what the supervisor's operator says, or give the authority itself: --certificate-authority FILE")),
    }
}

/// Reads a SHA-256 fingerprint: hexadecimal, of any case, with or without colons.
pub(crate) fn fingerprint(text: &str) -> std::result::Result<String, String> {
    let digits: String = text.chars().filter(|letter| *letter != ':').collect();
    if digits.len() != 64 || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("must be a SHA-256 fingerprint: 64 hexadecimal digits".to_owned());
    }
    Ok(digits.to_ascii_lowercase())
}

async fn chain(server: &str) -> Result<Vec<CertificateDer<'static>>> {
    let unreachable = |error: &(dyn std::error::Error + 'static)| Cause::of(error).unreachable(server, CHECK_SERVER);
    let url = Url::parse(server).map_err(|error| unreachable(&error))?;
    let (host, port) = (
        url.host_str().unwrap_or_default(),
        url.port_or_known_default().unwrap_or(443),
    );
    let host = host.trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| unreachable(&error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| unreachable(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Shown { provider }))
        .with_no_client_auth();
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|error| unreachable(&error))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let stream = stream.map_err(|error| unreachable(&error))?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(certificates
        .iter()
        .map(|certificate| certificate.clone().into_owned())
        .collect())
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_LINE));
        pem += line;
        pem.push('\n');
        rest = after;
    }
    pem + "-----END CERTIFICATE-----\n"
}

/// Looks at certificates without trusting them: the connection is used for nothing else.
#[derive(Debug)]
struct Shown {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_in_each_usual_form() {
        let digits = "ab".repeat(32);
        assert_eq!(fingerprint(&digits).unwrap(), digits);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(fingerprint(&colons).unwrap(), digits);
        for wrong in ["", "ab", &"g".repeat(64), &"ab".repeat(33)] {
            assert!(fingerprint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_certificate_survives_being_written_as_pem() {
        let der = CertificateDer::from(vec![7_u8; 100]);
        assert_eq!(https::certificates(&pem(&der)).unwrap(), [vec![7_u8; 100]]);
    }
}
