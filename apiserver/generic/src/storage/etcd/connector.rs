//! Connections to members of etcd, with TLS or without.

use std::{fs, io, path::Path, sync::Arc};

use futures::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use super::{Config, client};
use crate::{serve::tls::provider, storage::StoreError};

/// What a connection is used through.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection to one member, made when it is first used and again whenever it is lost.
pub(super) fn channel(server: &str, config: &Config) -> Result<Channel, StoreError> {
    let endpoint = Endpoint::from_shared(server.to_owned());
    let endpoint = endpoint.map_err(|error| StoreError::Unavailable(format!("{server}: {error}")))?;
    let is_https = match endpoint.uri().scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(StoreError::Unavailable(format!("{server}: not an http or https URL"))),
    };
    // Told at the start, not at the first connection.
    let tls = is_https.then(|| Tls::of(config));
    tls.as_ref()
        .map(Tls::read)
        .transpose()
        .map_err(StoreError::Unavailable)?;
    let endpoint = endpoint
        .connect_timeout(client::CONNECT)
        .http2_keep_alive_interval(client::KEEP_ALIVE)
        .keep_alive_timeout(client::KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(client::WINDOW)
        .initial_connection_window_size(client::WINDOW);
    let connect = move |uri: Uri| -> BoxFuture<'static, io::Result<TokioIo<Box<dyn Io>>>> {
        let tls = tls.clone();
        Box::pin(async move { connect(&uri, tls).await.map(TokioIo::new) })
    };
    Ok(endpoint.connect_with_connector_lazy(tower::service_fn(connect)))
}

async fn connect(uri: &Uri, tls: Option<Tls>) -> io::Result<Box<dyn Io>> {
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let Some(tls) = tls else {
        return Ok(Box::new(stream));
    };
    let config = tls.read().map_err(io::Error::other)?;
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    Ok(Box::new(stream))
}

/// The files of a TLS connection.
#[derive(Clone, Debug)]
struct Tls {
    ca_file: Option<std::path::PathBuf>,
    identity: Option<(std::path::PathBuf, std::path::PathBuf)>,
}

impl Tls {
    fn of(config: &Config) -> Self {
        Self {
            ca_file: config.ca_file.clone(),
            identity: config.identity.clone(),
        }
    }

    /// The configuration as the files are now; else the problem in words.
    fn read(&self) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore::empty();
        match &self.ca_file {
            Some(file) => {
                for certificate in certificates(file)? {
                    roots.add(certificate).map_err(|error| problem(file, &error))?;
                }
            }
            None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let pem = fs::read(key).map_err(|error| problem(key, &error))?;
                let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| problem(key, &error))?;
                builder
                    .with_client_auth_cert(chain, private)
                    .map_err(|error| problem(certificate, &error))?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = fs::read(file).map_err(|error| problem(file, &error))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match read {
        Ok(found) if found.is_empty() => Err(problem(file, &"no PEM certificate found")),
        Ok(found) => Ok(found),
        Err(error) => Err(problem(file, &error)),
    }
}

fn problem(file: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
