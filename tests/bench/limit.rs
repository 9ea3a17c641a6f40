//! The limit: a bare hyper server that sends prepared bytes over TLS and HTTP/2, in a process of its own.

use std::{convert::Infallible, fs, net::Ipv4Addr, path::Path, process::Command, sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use guestcluster_credentials::x509::CertificateAuthority;
use guestcluster_tests::Daemon;
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::{generator::Endpoint, servers::Server};

/// The argument by which this program runs as that server.
pub(crate) const COMMAND: &str = "limit";
/// Files that the two processes exchange, beside the answers.
const ADDRESS: &str = "address";
const AUTHORITY: &str = "ca.crt";
const PATIENCE: u64 = 10;
const VALIDITY: Duration = Duration::from_hours(24);

/// Starts the server with these answers, each at the path `/NAME`.
pub(crate) fn start(folder: &Path, answers: &[(&str, &[u8])]) -> anyhow::Result<Server> {
    fs::create_dir_all(folder)?;
    for (name, answer) in answers {
        fs::write(folder.join(name), answer)?;
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(COMMAND).arg(folder);
    let mut daemon = Daemon::start(COMMAND, command, folder);
    daemon.await_that(PATIENCE, "listens", || folder.join(ADDRESS).exists());
    let address = fs::read_to_string(folder.join(ADDRESS))?.parse()?;
    let endpoint = Endpoint::of_authority(address, &fs::read(folder.join(AUTHORITY))?)?;
    Ok(Server::bare(endpoint, daemon))
}

/// Serves the files of a folder, until it is killed.
pub(crate) async fn serve(folder: Option<&str>) -> anyhow::Result<()> {
    let folder = Path::new(folder.context("a folder")?);
    let acceptor = TlsAcceptor::from(Arc::new(tls(folder)?));
    let mut answers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        answers.push((
            format!("/{}", entry.file_name().display()),
            Bytes::from(fs::read(entry.path())?),
        ));
    }
    let answers: Arc<[(String, Bytes)]> = answers.into();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    // Whoever finds it finds all of it.
    let new = folder.join("address.new");
    fs::write(&new, listener.local_addr()?.to_string())?;
    fs::rename(new, folder.join(ADDRESS))?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve_connection(stream, acceptor.clone(), answers.clone()));
    }
}

async fn serve_connection(stream: TcpStream, acceptor: TlsAcceptor, answers: Arc<[(String, Bytes)]>) {
    // A client that goes away is no error.
    let _ = stream.set_nodelay(true);
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let found = answers.iter().find(|(path, _)| path == request.uri().path());
        let mut response = Response::new(Full::new(found.map(|(_, answer)| answer.clone()).unwrap_or_default()));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        async { Ok::<_, Infallible>(response) }
    });
    let server = http2::Builder::new(TokioExecutor::new());
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

fn tls(folder: &Path) -> anyhow::Result<ServerConfig> {
    let (authority, _) = CertificateAuthority::generate("limit")?;
    fs::write(folder.join(AUTHORITY), authority.certificate())?;
    let pair = authority.issue_server("limit", &[], &[Ipv4Addr::LOCALHOST.into()], VALIDITY)?;
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes())?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}
