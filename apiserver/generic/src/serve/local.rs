//! Calls from within the process: the same chain, no socket.

use std::{
    io,
    sync::{Arc, OnceLock, Weak},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use tower::Service;

use super::{ApiServer, Body, Caller};
use crate::authn::User;

/// Where a [`LocalService`] finds its server. Weak, so that a controller does not keep its server alive; filled later where
/// the controllers are built first.
#[derive(Clone, Default)]
pub struct LocalHandle(Arc<OnceLock<Weak<ApiServer>>>);

impl LocalHandle {
    /// A handle whose server comes later; until then every call fails.
    pub fn new() -> LocalHandle {
        LocalHandle::default()
    }

    /// Names the server. Only the first call counts.
    pub fn fill(&self, server: &Arc<ApiServer>) {
        // A second server would be a wiring mistake that the first one's users must not notice.
        let _ = self.0.set(Arc::downgrade(server));
    }

    /// A service that calls the server as `user`.
    pub fn service(&self, user: User) -> LocalService {
        LocalService {
            handle: self.clone(),
            user: Arc::new(user),
        }
    }

    fn server(&self) -> io::Result<Arc<ApiServer>> {
        let server = self.0.get().and_then(Weak::upgrade);
        server.ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "the API server is not running"))
    }
}

/// Calls an [`ApiServer`] of the same process as a fixed user, authorized like anyone.
#[derive(Clone)]
pub struct LocalService {
    handle: LocalHandle,
    user: Arc<User>,
}

impl LocalService {
    pub(super) fn new(server: &Arc<ApiServer>, user: User) -> LocalService {
        let handle = LocalHandle::new();
        handle.fill(server);
        handle.service(user)
    }
}

impl<B> Service<Request<B>> for LocalService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    type Response = Response<Body>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Response<Body>>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.handle.server();
        let user = self.user.as_ref().clone();
        Box::pin(async move { Ok(server?.handle(request, Caller::User(user)).await) })
    }
}
