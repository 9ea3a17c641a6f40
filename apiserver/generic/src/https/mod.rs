//! Requests of the server's own to others: over TLS, within a deadline and a size, following nobody elsewhere.

mod roots;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};
use tokio_rustls::TlsConnector;

pub(crate) use self::roots::client_config;

/// Whom a request is sent to.
#[derive(Clone, Debug)]
pub(crate) struct Peer<'a> {
    /// Name or address.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// Whose certificate it must show.
    pub(crate) name: &'a str,
    pub(crate) tls: &'a Arc<ClientConfig>,
}

/// How long an exchange may take, and how large its answer may be in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) deadline: Duration,
    pub(crate) largest: usize,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// Not in time.
    Late(Duration),
    /// In words.
    Failed(String),
}

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unanswered::Late(after) => write!(f, "no answer in {} s", after.as_secs()),
            Unanswered::Failed(why) => f.write_str(why),
        }
    }
}

/// Sends a request on a connection of its own.
pub(crate) async fn exchange(
    peer: Peer<'_>,
    request: Request<Full<Bytes>>,
    bounds: Bounds,
) -> Result<(StatusCode, Bytes), Unanswered> {
    let answered = timeout(bounds.deadline, talk(peer, request, bounds.largest)).await;
    let answered = answered.map_err(|_| Unanswered::Late(bounds.deadline))?;
    answered.map_err(Unanswered::Failed)
}

async fn talk(peer: Peer<'_>, request: Request<Full<Bytes>>, largest: usize) -> Result<(StatusCode, Bytes), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let stream = TcpStream::connect((peer.host, peer.port))
        .await
        .map_err(|error| text(&error))?;
    // One message goes each way.
    stream.set_nodelay(true).map_err(|error| text(&error))?;
    let name = ServerName::try_from(peer.name.to_owned()).map_err(|error| text(&error))?;
    let stream = TlsConnector::from(peer.tls.clone()).connect(name, stream).await;
    let stream = TokioIo::new(stream.map_err(|error| text(&error))?);
    let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| text(&error))?;
    // Ends with this function.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| text(&error))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), largest).collect().await;
    Ok((status, body.map_err(|error| text(&error))?.to_bytes()))
}
