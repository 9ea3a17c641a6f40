//! The listener of the issuer: TLS, HTTP/1.1 and 2, everything within bounds.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http::StatusCode;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use jiff::Timestamp;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{Issuer, respond};

const CONNECTIONS: usize = 256;
/// Requests of one HTTP/2 connection at a time.
const STREAMS: u32 = 32;
const HEADER_COUNT: usize = 64;
const HEADER_BYTES: u32 = 16 * 1024;
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longest that a connection may be idle, or take to send a request's head.
const IDLE: Duration = Duration::from_secs(30);
/// Longest that a request may take.
const REQUEST: Duration = Duration::from_secs(30);
/// Longest that requests may go on after the stop.
const DRAIN: Duration = Duration::from_secs(5);
/// How long to wait when the process has no more file descriptors.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Serves until `stop`.
pub(crate) async fn serve(issuer: Arc<Issuer>, listener: TcpListener, tls: Arc<ServerConfig>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    let accepting = accept(&issuer, &listener, TlsAcceptor::from(tls), &stop, &mut connections);
    stop.run_until_cancelled(accepting).await;
    drop(listener);
    let all_closed = async { while connections.join_next().await.is_some() {} };
    if timeout(DRAIN, all_closed).await.is_err() {
        connections.shutdown().await;
    }
}

async fn accept(
    issuer: &Arc<Issuer>,
    listener: &TcpListener,
    acceptor: TlsAcceptor,
    stop: &CancellationToken,
    connections: &mut JoinSet<()>,
) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
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
        let (issuer, acceptor, stop) = (issuer.clone(), acceptor.clone(), stop.clone());
        connections.spawn(async move {
            if let Err(error) = connection(issuer, stream, remote, acceptor, stop).await {
                tracing::debug!(%remote, error, "connection ended");
            }
            drop(slot);
        });
    }
}

async fn connection(
    issuer: Arc<Issuer>,
    stream: TcpStream,
    remote: SocketAddr,
    acceptor: TlsAcceptor,
    stop: CancellationToken,
) -> Result<(), String> {
    let handshake = timeout(HANDSHAKE, acceptor.accept(stream));
    let stream = match stop.run_until_cancelled(handshake).await {
        Some(Ok(stream)) => stream.map_err(|error| error.to_string())?,
        Some(Err(_)) => return Err("the TLS handshake took too long".to_owned()),
        None => return Ok(()),
    };
    let service = service_fn(move |request| {
        let issuer = issuer.clone();
        async move {
            let answer = timeout(REQUEST, issuer.answer(request, remote.ip(), Timestamp::now())).await;
            Ok::<_, Infallible>(answer.unwrap_or_else(|_| respond::text(StatusCode::REQUEST_TIMEOUT, "too slow\n")))
        }
    });
    let builder = http_server();
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return ended.map_err(|error| error.to_string()),
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await.map_err(|error| error.to_string())
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
        .max_header_list_size(HEADER_BYTES)
        .keep_alive_interval(IDLE)
        .keep_alive_timeout(IDLE);
    builder
}
