//! A server of somebody else: it writes down all that it hears, and answers what the test wants.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use guestcluster_credentials::x509::CertificateAuthority;
use parking_lot::Mutex;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

/// Longest that it waits for a client's next word.
const SILENCE: Duration = Duration::from_secs(10);
/// First byte of a TLS connection (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// A listener on loopback with an authority of its own. It serves until the test ends.
#[derive(Debug)]
pub struct Stranger {
    address: SocketAddr,
    authority: String,
    heard: Arc<Mutex<String>>,
}

impl Stranger {
    /// Starts one. `answer` says which JSON it answers, by its own URL and the path that is asked for; none is not found.
    pub fn start(answer: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) -> Self {
        let (authority, _) = CertificateAuthority::generate("stranger").expect("keys can be made");
        let config = Arc::new(config(&authority));
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("it listens");
        let heard = Arc::<Mutex<String>>::default();
        let (writes, answer) = (heard.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, heard, answer) = (config.clone(), writes.clone(), answer.clone());
                // A client that hangs up is no matter of the test.
                thread::spawn(move || serve(stream, config, &heard, &*answer));
            }
        });
        Self {
            address,
            authority: authority.certificate().to_owned(),
            heard,
        }
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// PEM of its authority.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// All that clients have sent, decrypted.
    pub fn heard(&self) -> String {
        self.heard.lock().clone()
    }
}

fn config(authority: &CertificateAuthority) -> ServerConfig {
    let address = std::net::Ipv4Addr::LOCALHOST.into();
    let pair = authority
        .issue_server("stranger", &[], &[address], Duration::from_hours(24))
        .expect("a certificate can be made");
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("it was just made");
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("it was just made");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("the key is the certificate's")
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    heard: &Mutex<String>,
    answer: &dyn Fn(&str, &str) -> Option<String>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let address = stream.local_addr()?;
    let mut first = [0];
    stream.peek(&mut first)?;
    if first[0] == HANDSHAKE {
        let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
        talk(StreamOwned::new(connection, stream), address, heard, answer)
    } else {
        talk(stream, address, heard, answer)
    }
}

fn talk(
    mut stream: impl Read + Write,
    address: SocketAddr,
    heard: &Mutex<String>,
    answer: &dyn Fn(&str, &str) -> Option<String>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&chunk[..read]);
        heard.lock().push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    let head = String::from_utf8_lossy(&request);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match answer(&format!("https://{address}"), path) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", "{}".to_owned()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}
