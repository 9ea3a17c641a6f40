//! One connection: its handshake, its requests, and why it ends.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use super::{Bounds, Handler, activity::Activity, stalling::Stalling};
use crate::authn::Connection;

/// How often an HTTP/2 peer must show that it is alive, and how long it may take to.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(20);
/// Longest that an idle connection may take to close.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves a connection to its end.
pub(super) async fn serve(
    stream: TcpStream,
    remote: SocketAddr,
    acceptor: TlsAcceptor,
    bounds: Arc<Bounds>,
    closing: CancellationToken,
    handler: impl Handler,
) {
    // Small answers must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let handshake = timeout(bounds.handshake, acceptor.accept(stream));
    let stream = match closing.run_until_cancelled(handshake).await {
        Some(Ok(Ok(stream))) => stream,
        Some(Ok(Err(error))) => {
            handler.handshake_failed();
            return tracing::debug!(%remote, %error, "TLS handshake failed");
        }
        Some(Err(_)) => {
            handler.handshake_failed();
            return tracing::debug!(%remote, "TLS handshake took too long");
        }
        None => return,
    };
    if let Err(error) = serve_http(stream, remote, &bounds, closing, handler).await {
        tracing::debug!(%remote, error, "connection ended");
    }
}

async fn serve_http(
    stream: TlsStream<TcpStream>,
    remote: SocketAddr,
    bounds: &Bounds,
    closing: CancellationToken,
    handler: impl Handler,
) -> Result<(), String> {
    let session = stream.get_ref().1;
    let caller = Connection {
        remote: Some(remote),
        peer_certificates: session.peer_certificates().unwrap_or_default().into(),
    };
    // What was agreed on, not what comes first: nobody is waited for to show what they speak.
    let is_http2 = session.alpn_protocol() == Some(b"h2");
    let builder = if is_http2 {
        http(bounds).http2_only()
    } else {
        http(bounds).http1_only()
    };
    let activity = Arc::new(Activity::default());
    // Over HTTP/2 what arrives without a request may be a ping; the bound on idle connections is enough there.
    let arrivals = (!is_http2).then(|| activity.clone());
    let counted = activity.clone();
    let service = service_fn(move |request| {
        let (handler, caller, open) = (handler.clone(), caller.clone(), counted.begin());
        async move { Ok::<_, Infallible>(handler.answer(request, caller).await.map(|body| open.around(body))) }
    });
    let stream = TokioIo::new(Stalling::new(stream, bounds.stall, arrivals));
    let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
    tokio::select! {
        ended = connection.as_mut() => return ended.map_err(|error| error.to_string()),
        () = activity.rests(bounds.idle) => {
            if !activity.had_any() {
                return Err("no request came".to_owned());
            }
            connection.as_mut().graceful_shutdown();
            let ended = timeout(FAREWELL, connection).await;
            return ended.map_err(|_| "idle, and would not close".to_owned())?.map_err(|error| error.to_string());
        }
        () = activity.head_is_late(bounds.head) => return Err("the head of a request did not arrive in time".to_owned()),
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await.map_err(|error| error.to_string())
}

fn http(bounds: &Bounds) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.idle)
        .max_headers(bounds.headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.streams)
        .max_header_list_size(bounds.header_bytes)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WITHIN);
    builder
}
