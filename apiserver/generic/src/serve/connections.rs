//! The listener: connections, their limits, and their end.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use super::{ApiServer, Caller};
use crate::authn::Connection;

/// Requests of one HTTP/2 connection at a time: an aggregator sends everybody's over few connections.
const STREAMS: u32 = 1000;
/// Bytes of one request's headers over HTTP/2: a front proxy sends every group of its user as a header.
const HEADERS: u32 = 256 * 1024;
/// Headers of one request over HTTP/1.1, whose bytes the connection's buffer bounds.
const HEADER_COUNT: usize = 1024;
/// How long a connection may be idle between requests, or take to send the head of one (HTTP/1.1).
const IDLE: Duration = Duration::from_secs(90);
/// How often an HTTP/2 peer must show that it is alive, and how long it may take to.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(20);
/// How long to wait when the process has no more file descriptors.
const BACK_OFF: Duration = Duration::from_millis(100);

impl ApiServer {
    /// Serves connections until `stop`, then drains in kube-apiserver's order: `/readyz` fails, no connection is accepted
    /// any more, watches end, requests in flight are finished within the drain limit. A new `tls` counts for the
    /// connections after it.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Arc<ArcSwap<ServerConfig>>,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let closing = CancellationToken::new();
        let mut connections = JoinSet::new();
        stop.run_until_cancelled(self.accept(&listener, &tls, &closing, &mut connections))
            .await;
        self.drain.begin();
        drop(listener);
        self.drain.end_watches();
        closing.cancel();
        let all_closed = async { while connections.join_next().await.is_some() {} };
        if timeout(self.limits.drain, all_closed).await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "requests did not end in time; their connections are cut"
            );
            connections.shutdown().await;
        }
        Ok(())
    }

    async fn accept(
        self: &Arc<Self>,
        listener: &TcpListener,
        tls: &ArcSwap<ServerConfig>,
        closing: &CancellationToken,
        connections: &mut JoinSet<()>,
    ) {
        let slots = Arc::new(Semaphore::new(self.limits.connections.min(Semaphore::MAX_PERMITS)));
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
            let server = self.clone();
            let acceptor = TlsAcceptor::from(tls.load_full());
            let closing = closing.clone();
            connections.spawn(async move {
                server.serve_connection(stream, remote, acceptor, closing).await;
                drop(slot);
            });
        }
    }

    async fn serve_connection(
        self: Arc<Self>,
        stream: TcpStream,
        remote: SocketAddr,
        acceptor: TlsAcceptor,
        closing: CancellationToken,
    ) {
        // Small answers must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let handshake = timeout(self.limits.handshake, acceptor.accept(stream));
        let stream = match closing.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => stream,
            Some(Ok(Err(error))) => return tracing::debug!(%remote, %error, "TLS handshake failed"),
            Some(Err(_)) => return tracing::debug!(%remote, "TLS handshake took too long"),
            None => return,
        };
        if let Err(error) = self.serve_http(stream, remote, closing).await {
            tracing::debug!(%remote, error, "connection ended");
        }
    }

    async fn serve_http(
        self: Arc<Self>,
        stream: TlsStream<TcpStream>,
        remote: SocketAddr,
        closing: CancellationToken,
    ) -> Result<(), String> {
        let peer_certificates = stream.get_ref().1.peer_certificates().unwrap_or_default().into();
        let caller = Connection {
            remote: Some(remote),
            peer_certificates,
        };
        let service = service_fn(move |request| {
            let (server, caller) = (self.clone(), Caller::Connection(caller.clone()));
            async move { Ok::<_, Infallible>(server.handle(request, caller).await) }
        });
        let builder = http_server();
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            ended = connection.as_mut() => return ended.map_err(|error| error.to_string()),
            () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.await.map_err(|error| error.to_string())
    }
}

fn http_server() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_headers(HEADER_COUNT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WITHIN);
    builder
}
