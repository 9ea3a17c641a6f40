//! One HTTP/2 connection, as one client has it.

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::config::Kubeconfig;
use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;

use super::tls;

/// What Go's clients allow a server to send ahead, of one answer and of all together.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;

/// Where a server listens, and how it is spoken to.
#[derive(Clone)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    /// None for a plain connection: etcd's.
    tls: Option<Arc<ClientConfig>>,
}

impl Endpoint {
    /// The server of a kubeconfig, as its user.
    pub(crate) fn of_kubeconfig(file: &Path) -> anyhow::Result<Self> {
        let kubeconfig = serde_json::to_value(Kubeconfig::read_from(file)?)?;
        let server = kubeconfig["clusters"][0]["cluster"]["server"]
            .as_str()
            .context("no server")?;
        let address = server.trim_start_matches("https://").trim_end_matches('/');
        Ok(Self {
            address: address.parse().with_context(|| format!("{server} is no address"))?,
            tls: Some(tls::of_kubeconfig(&kubeconfig)?),
        })
    }

    /// A server with a certificate of this authority (PEM), that asks for none.
    pub(crate) fn of_authority(address: SocketAddr, authority: &[u8]) -> anyhow::Result<Self> {
        Ok(Self {
            address,
            tls: Some(tls::of_authority(authority)?),
        })
    }

    /// A server without TLS.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// A path of this server.
    pub(crate) fn uri(&self, path: &str) -> anyhow::Result<Uri> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}{path}", self.address).parse()?)
    }

    /// Connects.
    pub(crate) async fn connect(&self) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Connection::over(stream).await,
            Some(config) => {
                let name = rustls_pki_types::ServerName::IpAddress(self.address.ip().into());
                let stream = TlsConnector::from(config.clone()).connect(name, stream).await?;
                Connection::over(stream).await
            }
        }
    }
}

/// An open connection.
pub(crate) struct Connection {
    sender: http2::SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Connection {
    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> anyhow::Result<Self> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(TokioIo::new(stream))
            .await?;
        let driver = tokio::spawn(async move {
            // Whoever waits for an answer sees how it ended.
            let _ = connection.await;
        });
        Ok(Self { sender, driver })
    }

    /// Sends a request; returns when the head of the answer is there.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Incoming>> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
