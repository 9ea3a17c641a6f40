//! The listener: connections over TLS, with bounds for what each may take, and their end. It knows nothing of what is served.

mod activity;
mod connection;
mod stalling;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::authn::Connection;

/// How long to wait when the process has no more file descriptors.
const BACK_OFF: Duration = Duration::from_millis(100);

/// What clients may take of a listener.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Open connections; further ones wait.
    pub connections: usize,
    /// Requests of one HTTP/2 connection at a time: an aggregator sends everybody's over few connections.
    pub streams: u32,
    /// Bytes of one request's headers over HTTP/2: a front proxy sends every group of its user as a header.
    pub header_bytes: u32,
    /// Headers of one request over HTTP/1.1, whose bytes the connection's buffer bounds.
    pub headers: usize,
    /// Longest that a TLS handshake may take.
    pub handshake: Duration,
    /// Longest that a connection may be without a request, as kube-apiserver's.
    pub idle: Duration,
    /// Longest that the head of a request may take to arrive over HTTP/1.1, from its first byte.
    pub head: Duration,
    /// Longest that a client may take nothing of what is sent to it.
    pub stall: Duration,
    /// How long requests in flight may go on after the stop.
    pub drain: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            connections: 20_000,
            streams: 1000,
            header_bytes: 256 * 1024,
            headers: 1024,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(90),
            head: Duration::from_secs(10),
            stall: Duration::from_mins(1),
            drain: Duration::from_mins(1),
        }
    }
}

/// What answers requests. The connection says whose they are.
pub trait Handler: Clone + Send + Sync + 'static {
    /// Told of a connection that ended before it was encrypted.
    fn handshake_failed(&self) {}

    /// The body of its answers.
    type Body: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static;

    /// Answers one request.
    fn answer(
        &self,
        request: Request<Incoming>,
        connection: Connection,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// Serves connections until `stop`. Then none is accepted any more, `stopped` is told, requests in flight are finished within
/// the drain limit, and what is left is cut. A new `tls` counts for the connections after it.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ArcSwap<ServerConfig>>,
    bounds: Bounds,
    stop: CancellationToken,
    stopped: impl FnOnce(),
    handler: impl Handler,
) {
    let drain = bounds.drain;
    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    let bounds = Arc::new(bounds);
    stop.run_until_cancelled(accept(&listener, &tls, &bounds, &closing, &handler, &mut connections))
        .await;
    drop(listener);
    stopped();
    closing.cancel();
    let all_closed = async { while connections.join_next().await.is_some() {} };
    if timeout(drain, all_closed).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "requests did not end in time; their connections are cut"
        );
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    tls: &ArcSwap<ServerConfig>,
    bounds: &Arc<Bounds>,
    closing: &CancellationToken,
    handler: &impl Handler,
    connections: &mut JoinSet<()>,
) {
    let slots = Arc::new(Semaphore::new(bounds.connections.min(Semaphore::MAX_PERMITS)));
    loop {
        while connections.try_join_next().is_some() {}
        // Never closed, so this always succeeds.
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                sleep(BACK_OFF).await;
                continue;
            }
        };
        let acceptor = TlsAcceptor::from(tls.load_full());
        let served = connection::serve(
            stream,
            remote,
            acceptor,
            bounds.clone(),
            closing.clone(),
            handler.clone(),
        );
        connections.spawn(async move {
            served.await;
            drop(slot);
        });
    }
}
