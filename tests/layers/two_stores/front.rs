//! What kube-apiserver's aggregation layer does, in one process: group guestclusters.dev goes to our server, all else to the
//! host. Each has a store of its own. It can also hide kinds, as if their definitions had been removed, and forget our store.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use anyhow::Result;
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use generic_apiserver::{
    authn::User, authz::SystemMasters, registry::Registry, serve::ApiServer, storage::redb::Engine,
};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use kube::{Client, client::Body};
use kubernetes_apiserver::Cluster;
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::supervisor::{all_of_ours, cluster, root, upstream};

const OURS: &str = "/apis/guestclusters.dev";

/// Both servers, with what lies in front of them.
pub(super) struct Front {
    host: Arc<Cluster>,
    ours: ArcSwap<Server>,
    state: RwLock<State>,
}

/// So that it can be swapped.
struct Server(Arc<ApiServer>);

#[derive(Default)]
struct State {
    /// `group` or `plural.group`.
    hidden: BTreeSet<String>,
    /// Ends what is being answered when something is taken away.
    cut: CancellationToken,
}

impl Front {
    pub(super) async fn start() -> Result<Arc<Self>> {
        let (host, _) = cluster(upstream()?).await?;
        Ok(Arc::new(Self {
            host,
            ours: ArcSwap::from_pointee(our_server().await?),
            state: RwLock::default(),
        }))
    }

    /// A client whose requests to the host are those of `user`. Our server lets everyone in.
    pub(super) fn client(self: &Arc<Self>, user: User) -> Client {
        let service = Through {
            front: self.clone(),
            user,
        };
        Client::new(service, "team-a")
    }

    /// A client that may do everything.
    pub(super) fn root(self: &Arc<Self>) -> Client {
        self.client(root())
    }

    /// Puts an empty store in the place of ours, as after a loss.
    pub(super) async fn lose_our_store(&self) -> Result<()> {
        self.ours.store(Arc::new(our_server().await?));
        Ok(())
    }

    /// Serves these no more: `group` or `plural.group`. Their watches end.
    pub(super) fn hide(&self, what: &[&str]) {
        self.state.write().hidden.extend(what.iter().map(|&one| one.to_owned()));
        self.cut();
    }

    /// Serves everything again.
    pub(super) fn show_all(&self) {
        self.state.write().hidden.clear();
    }

    fn cut(&self) {
        std::mem::take(&mut self.state.write().cut).cancel();
    }

    fn is_hidden(&self, path: &str) -> bool {
        let parts: Vec<_> = path.split('/').skip(1).collect();
        let ["apis", group, _version, rest @ ..] = parts.as_slice() else {
            return false;
        };
        let plural = match rest {
            ["namespaces", _, plural, ..] | [plural, ..] => plural,
            [] => "",
        };
        let hidden = &self.state.read().hidden;
        hidden.contains(*group) || hidden.contains(&format!("{plural}.{group}"))
    }
}

async fn our_server() -> Result<Server> {
    let registry = Registry::start(Engine::in_memory()?.keyspace("ours/"), all_of_ours()?.into(), vec![]).await?;
    Ok(Server(
        ApiServer::builder(registry).authorizer(Arc::new(SystemMasters)).build(),
    ))
}

/// One user's way through the front.
#[derive(Clone)]
struct Through {
    front: Arc<Front>,
    user: User,
}

impl Service<Request<Body>> for Through {
    type Response = Response<UnsyncBoxBody<Bytes, Infallible>>;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, std::io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let front = self.front.clone();
        let path = request.uri().path().to_owned();
        if front.is_hidden(&path) {
            // As kube-apiserver says it: no Status.
            let mut response = Response::new(Full::from("404 page not found\n").boxed_unsync());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return futures::future::ready(Ok(response)).boxed();
        }
        let answer = if path.starts_with(OURS) {
            front.ours.load().0.local_service(root()).call(request)
        } else {
            front.host.server().local_service(self.user.clone()).call(request)
        };
        let cut = front.state.read().cut.clone();
        async move {
            let response = answer.await?;
            Ok(response.map(|body| {
                let frames = body.into_data_stream().take_until(cut.cancelled_owned());
                let frames = frames.map(|chunk| chunk.map(Frame::data));
                StreamBody::new(frames).boxed_unsync()
            }))
        }
        .boxed()
    }
}
