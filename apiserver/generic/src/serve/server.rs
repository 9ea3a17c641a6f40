//! The server: one value that answers requests, whoever brings them.

use std::{io, sync::Arc};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{ApiServerBuilder, Body, LocalService, Resources};
use crate::authn::{Connection, User};

/// A running API server.
pub struct ApiServer {
    resources: Arc<dyn Resources>,
}

/// Who brings a request.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A connection: the authenticators find the user.
    Connection(Connection),
    /// A call within the process, by a user that is already known. Authorized like any other.
    User(User),
}

impl ApiServer {
    /// Starts to build a server for these resources.
    pub fn builder(resources: Arc<dyn Resources>) -> ApiServerBuilder {
        ApiServerBuilder::new(resources)
    }

    pub(super) fn from_builder(builder: ApiServerBuilder) -> Arc<ApiServer> {
        Arc::new(ApiServer {
            resources: builder.resources,
        })
    }

    /// Answers one request.
    pub async fn handle<B>(self: &Arc<Self>, request: Request<B>, caller: Caller) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        let _ = (request, caller, self.resources.definitions());
        Response::new(Body::empty())
    }

    /// A client's way in without a socket: `kube::Client::new(server.local_service(user), "default")`.
    pub fn local_service(self: &Arc<Self>, user: User) -> LocalService {
        LocalService::new(self, user)
    }

    /// Serves connections until `stop`, then drains.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Arc<ArcSwap<rustls::ServerConfig>>,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let _ = (listener, tls);
        stop.cancelled().await;
        Ok(())
    }
}
