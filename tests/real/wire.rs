//! What goes over the wire to a guest, in clear: a proxy between kubectl and the guest's API, with a certificate of the guest's own
//! authority, as somebody has who sees everything there.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use guestcluster_credentials::x509::CertificateAuthority;
use guestcluster_tests::Kubectl;
use parking_lot::Mutex;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Both sides speak it, so that the text of requests is what passes.
const HTTP1: &[u8] = b"http/1.1";
const CERTIFICATE_LIFETIME: Duration = Duration::from_hours(1);

/// A running proxy. It ends when dropped.
pub struct Wire {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<u8>>>,
    _runtime: Runtime,
}

impl Wire {
    /// Between clients and a guest, whose authority is read from the supervisor as Cluster API keeps it.
    pub fn to_guest(admin: &Kubectl, cluster: &str, server: &str) -> Self {
        let host: SocketAddr = server.trim_start_matches("https://").parse().unwrap();
        let secret = admin.json(&format!("get secret {cluster}-ca -n team-a"));
        let part = |name: &str| {
            let data = secret["data"][name].as_str().unwrap();
            String::from_utf8(BASE64_STANDARD.decode(data).unwrap()).unwrap()
        };
        let ends = Arc::new(Ends::new(&part("tls.crt"), &part("tls.key"), host.ip()));
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<u8>>>::default());
        let kept = seen.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (ends, kept) = (ends.clone(), kept.clone());
                // A client that goes away is none of the test's business: it would see it itself.
                tokio::spawn(async move { Box::pin(ends.carry(stream, &kept)).await });
            }
        });
        Self {
            address,
            seen,
            _runtime: runtime,
        }
    }

    /// What `proxy-url` of a kubeconfig's cluster leads here.
    pub fn proxy_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that clients sent so far.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock()).into_owned()
    }
}

/// How it is spoken to each side.
struct Ends {
    accept: TlsAcceptor,
    connect: TlsConnector,
}

impl Ends {
    fn new(certificate: &str, key: &str, address: IpAddr) -> Self {
        let authority = CertificateAuthority::from_pem(certificate, key).unwrap();
        let own = authority
            .issue_server("wire", &[], &[address], CERTIFICATE_LIFETIME)
            .unwrap();
        let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
        let mut server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        server.alpn_protocols = vec![HTTP1.to_vec()];
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap())
            .unwrap();
        let mut client = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![HTTP1.to_vec()];
        Self {
            accept: TlsAcceptor::from(Arc::new(server)),
            connect: TlsConnector::from(Arc::new(client)),
        }
    }

    /// One connection: `CONNECT` (RFC 9110), TLS with the client, TLS with the guest, and what passes.
    async fn carry(&self, stream: TcpStream, seen: &Mutex<Vec<u8>>) -> anyhow::Result<()> {
        let mut stream = BufReader::new(stream);
        let target = target(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        let client = self.accept.accept(stream).await?;
        let guest = self
            .connect
            .connect(target.ip().into(), TcpStream::connect(target).await?)
            .await?;
        let ((from_client, to_client), (from_guest, to_guest)) = (tokio::io::split(client), tokio::io::split(guest));
        tokio::try_join!(
            pass(from_client, to_guest, |bytes| seen.lock().extend_from_slice(bytes)),
            pass(from_guest, to_client, |_| {}),
        )?;
        Ok(())
    }
}

async fn target(stream: &mut BufReader<TcpStream>) -> anyhow::Result<SocketAddr> {
    let mut lines = stream.lines();
    let first = lines.next_line().await?.context("nothing is asked")?;
    let target = first.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    let Some(target) = target else {
        bail!("not CONNECT: {first}");
    };
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    Ok(target.parse()?)
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut see: impl FnMut(&[u8]),
) -> anyhow::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(to.shutdown().await?);
        }
        see(&buffer[..read]);
        to.write_all(&buffer[..read]).await?;
    }
}
