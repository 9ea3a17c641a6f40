//! The listener of the issuer: that of the API server, with bounds for people and their browsers.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use generic_apiserver::{
    authn::Connection,
    serve::listener::{self, Bounds, Handler},
};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use jiff::Timestamp;
use rustls::ServerConfig;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{Issuer, respond};

/// Longest that a request may take, its body included.
const REQUEST: Duration = Duration::from_secs(30);

fn bounds() -> Bounds {
    Bounds {
        connections: 256,
        streams: 32,
        header_bytes: 16 * 1024,
        headers: 64,
        idle: Duration::from_secs(30),
        drain: Duration::from_secs(5),
        ..Bounds::default()
    }
}

/// Serves until `stop`.
pub(crate) async fn serve(issuer: Arc<Issuer>, listener: TcpListener, tls: Arc<ServerConfig>, stop: CancellationToken) {
    let tls = Arc::new(ArcSwap::new(tls));
    listener::serve(listener, tls, bounds(), stop, || {}, People(issuer)).await;
}

#[derive(Clone)]
struct People(Arc<Issuer>);

impl Handler for People {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Incoming>, connection: Connection) -> Response<Full<Bytes>> {
        let Some(peer) = connection.remote else {
            return respond::text(StatusCode::BAD_REQUEST, "who is asking?\n");
        };
        let answer = timeout(REQUEST, self.0.answer(request, peer.ip(), Timestamp::now())).await;
        answer.unwrap_or_else(|_| respond::text(StatusCode::REQUEST_TIMEOUT, "too slow\n"))
    }
}
