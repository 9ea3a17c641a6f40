//! One connection, as one client has it: HTTP/2, HTTP/1.1, or bare TLS for those who speak neither well.

mod tls;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode, Uri,
    header::{ACCEPT, HOST},
};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::config::Kubeconfig;
use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// What Go's clients allow a server to send ahead, of one answer and of all together.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;
/// Longest for the answer to [`Endpoint::get`].
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of a wrong answer is shown.
const SHOWN: usize = 300;

/// Where a server listens, and how it is spoken to.
#[derive(Clone)]
pub struct Endpoint {
    address: SocketAddr,
    /// None for a plain connection: etcd's.
    tls: Option<Arc<ClientConfig>>,
    /// What [`Self::connect`] speaks.
    protocol: Protocol,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, with the windows of Go's clients.
    Http2,
    /// HTTP/2 with a window of so many bytes for each answer: a client that can't take much ahead.
    Narrow(u32),
}

impl Endpoint {
    /// The server of a kubeconfig, as its user.
    pub fn of_kubeconfig(file: &Path) -> anyhow::Result<Self> {
        let kubeconfig = serde_json::to_value(Kubeconfig::read_from(file)?)?;
        let server = kubeconfig["clusters"][0]["cluster"]["server"]
            .as_str()
            .context("no server")?;
        let address = server.trim_start_matches("https://").trim_end_matches('/');
        Ok(Self {
            address: address.parse().with_context(|| format!("{server} is no address"))?,
            tls: Some(tls::of_kubeconfig(&kubeconfig)?),
            protocol: Protocol::Http2,
        })
    }

    /// A server with a certificate of this authority (PEM), that asks for none.
    pub fn of_authority(address: SocketAddr, authority: &[u8]) -> anyhow::Result<Self> {
        Ok(Self {
            address,
            tls: Some(tls::of_authority(authority)?),
            protocol: Protocol::Http2,
        })
    }

    /// A server without TLS.
    pub fn plain(address: SocketAddr) -> Self {
        Self {
            address,
            tls: None,
            protocol: Protocol::Http2,
        }
    }

    /// The same for a server that speaks HTTP/1.1 alone.
    #[must_use]
    pub fn with_http1(self) -> Self {
        Self {
            protocol: Protocol::Http1,
            ..self
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A path of this server.
    pub fn uri(&self, path: &str) -> anyhow::Result<Uri> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}{path}", self.address).parse()?)
    }

    /// The answer to a GET of its own connection, which must be a success; for who asks now and then, and waits meanwhile.
    pub fn get(&self, path: &str) -> anyhow::Result<Bytes> {
        self.get_as(path, "application/json")
    }

    /// The same in a form, as the header `Accept` names it.
    pub fn get_as(&self, path: &str, form: &str) -> anyhow::Result<Bytes> {
        let get = async {
            let mut connection = self.connect().await?;
            let request = Request::get(self.uri(path)?)
                .header(ACCEPT, form)
                .body(Full::default())?;
            connection.whole(request).await
        };
        let asking = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { tokio::time::timeout(PATIENCE, get).await? })
        };
        // A thread of its own, as the caller's may belong to a runtime already.
        std::thread::scope(|scope| scope.spawn(asking).join().expect("it does not panic"))
    }

    /// Connects, with HTTP/2 unless the server speaks HTTP/1.1 alone.
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        self.connect_by(self.protocol).await
    }

    /// Connects.
    pub async fn connect_by(&self, protocol: Protocol) -> anyhow::Result<Connection> {
        let stream = self.tcp().await?;
        if self.tls.is_none() {
            return Connection::over(stream, protocol).await;
        }
        Connection::over(self.encrypt(stream, protocol).await?, protocol).await
    }

    /// A TCP connection alone.
    pub async fn tcp(&self) -> anyhow::Result<TcpStream> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// TLS over a connection to this server, for whoever writes the rest by hand.
    pub async fn encrypt(&self, stream: TcpStream, protocol: Protocol) -> anyhow::Result<TlsStream<TcpStream>> {
        let config = self.tls.as_ref().context("a server without TLS")?;
        let mut config = config.as_ref().clone();
        if protocol == Protocol::Http1 {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        let name = rustls_pki_types::ServerName::IpAddress(self.address.ip().into());
        Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
    }
}

/// An open connection.
pub struct Connection {
    sender: Sender,
    driver: JoinHandle<()>,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        protocol: Protocol,
    ) -> anyhow::Result<Self> {
        let io = TokioIo::new(stream);
        let window = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await?;
                // Whoever waits for an answer sees how it ended.
                let driver = tokio::spawn(async { drop(connection.await) });
                let sender = Sender::Http1(sender);
                return Ok(Self { sender, driver });
            }
            Protocol::Http2 => STREAM_WINDOW,
            Protocol::Narrow(window) => window,
        };
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(window)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(io)
            .await?;
        let driver = tokio::spawn(async { drop(connection.await) });
        let sender = Sender::Http2(sender);
        Ok(Self { sender, driver })
    }

    /// Sends a request; returns when the head of the answer is there.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> anyhow::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::Http2(sender) => {
                sender.ready().await?;
                Ok(sender.send_request(request).await?)
            }
            Sender::Http1(sender) => {
                sender.ready().await?;
                in_origin_form(&mut request)?;
                Ok(sender.send_request(request).await?)
            }
        }
    }

    /// Sends a request and reads the whole answer, whatever it says.
    pub async fn answer(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        let (head, body) = self.send(request).await?.into_parts();
        Ok((head.status, body.collect().await?.to_bytes()))
    }

    /// Sends a request and keeps the whole answer, which must be a success.
    pub async fn whole(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Bytes> {
        let (status, whole) = self.answer(request).await?;
        let beginning = String::from_utf8_lossy(&whole[..whole.len().min(SHOWN)]);
        ensure!(status.is_success(), "{status}: {beginning}");
        Ok(whole)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// HTTP/1.1 names the server in a header and only the path in the request line.
fn in_origin_form(request: &mut Request<Full<Bytes>>) -> anyhow::Result<()> {
    let uri = request.uri().clone();
    if let Some(authority) = uri.authority() {
        request
            .headers_mut()
            .insert(HOST, HeaderValue::from_str(authority.as_str())?);
    }
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    *request.uri_mut() = path.parse()?;
    Ok(())
}
