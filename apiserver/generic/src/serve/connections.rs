//! The server behind a listener.

use std::{io, sync::Arc};

use arc_swap::ArcSwap;
use http::{Request, Response};
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{ApiServer, Body, Caller, listener};
use crate::authn::Connection;

impl ApiServer {
    /// Serves connections until `stop`, then drains in kube-apiserver's order: no connection is accepted any more, `/readyz`
    /// fails, watches end, requests in flight are finished within the drain limit. A new `tls` counts for the connections
    /// after it.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Arc<ArcSwap<ServerConfig>>,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let (bounds, drain) = (self.limits.listener.clone(), self.drain.clone());
        let stopped = move || {
            drain.begin();
            drain.end_watches();
        };
        listener::serve(listener, tls, bounds, stop, stopped, Connected(self)).await;
        Ok(())
    }
}

/// Requests from connections, whose users the authenticators find.
#[derive(Clone)]
struct Connected(Arc<ApiServer>);

impl listener::Handler for Connected {
    type Body = Body;

    fn handshake_failed(&self) {
        self.0.metrics.handshake_failed();
    }

    async fn answer(&self, request: Request<Incoming>, connection: Connection) -> Response<Body> {
        self.0.handle(request, Caller::Connection(connection)).await
    }
}
