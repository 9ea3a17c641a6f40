//! What serves a guest's keys on its control-plane nodes, played by the test: two documents over TLS on loopback.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use guestcluster_credentials::{
    Trust,
    authentication_configuration::{Discovery, discovery_document, render},
    jwks,
    x509::{CertificateAuthority, CertifiedKey},
};
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::json;

const VALIDITY: Duration = Duration::from_hours(24);
/// Before the names of issuers that share the keys.
const OTHERS: &str = "/others/";
/// What a client that says nothing may cost.
const SILENCE: Duration = Duration::from_secs(10);

/// A server that lives as long as the process.
pub(super) struct KeysServer {
    authority: CertificateAuthority,
    port: u16,
}

impl KeysServer {
    pub(super) fn start(trust: &Trust) -> Self {
        let (authority, _) = CertificateAuthority::generate("keys").unwrap();
        let address = [Ipv4Addr::LOCALHOST.into()];
        let pair = authority.issue_server("keys", &[], &address, VALIDITY).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = Arc::new(server_config(&pair));
        let discovery = discovery_document(&trust.guest_uid, &format!("https://127.0.0.1:{port}/jwks.json"));
        let documents = [discovery.to_string(), jwks(&trust.keys).to_string()];
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // A client that goes away in between only matters to itself.
                let _ = answer(connection, &tls, &documents, port);
            }
        });
        Self { authority, port }
    }

    /// Where the discovery document of `https://NAME.invalid` is, which has the same keys.
    pub(super) fn discovery_of(&self, name: &str) -> String {
        format!("https://127.0.0.1:{}{OTHERS}{name}", self.port)
    }

    /// Who signs for it, PEM.
    pub(super) fn authority(&self) -> &str {
        self.authority.certificate()
    }

    /// The configuration by which a kube-apiserver finds this server.
    pub(super) fn configuration(&self, minor: u32, trust: &Trust) -> String {
        let url = format!("https://127.0.0.1:{}/.well-known/openid-configuration", self.port);
        let discovery = Discovery {
            url: &url,
            certificate_authority: self.authority.certificate(),
        };
        render(minor, trust, &discovery)
    }
}

/// The certificates of a PEM bundle, DER.
pub(super) fn certificates(pem: &str) -> Vec<Vec<u8>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(|certificate| certificate.unwrap().to_vec())
        .collect()
}

fn server_config(pair: &CertifiedKey) -> ServerConfig {
    let chain = certificates(&pair.certificate)
        .into_iter()
        .map(CertificateDer::from)
        .collect();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

fn answer(connection: TcpStream, tls: &Arc<ServerConfig>, documents: &[String; 2], port: u16) -> std::io::Result<()> {
    connection.set_read_timeout(Some(SILENCE))?;
    let session = ServerConnection::new(tls.clone()).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(session, connection));
    let mut first = String::new();
    stream.read_line(&mut first)?;
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let document = match path.strip_prefix(OTHERS) {
        Some(name) => {
            let keys = format!("https://127.0.0.1:{port}/jwks.json");
            json!({"issuer": format!("https://{name}.invalid"), "jwks_uri": keys}).to_string()
        }
        None => documents[usize::from(path == "/jwks.json")].clone(),
    };
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: max-age=60\r\nConnection: close\r\n";
    let length = document.len();
    let stream = stream.get_mut();
    write!(stream, "{head}Content-Length: {length}\r\n\r\n{document}")?;
    stream.flush()?;
    stream.conn.send_close_notify();
    stream.flush()
}
