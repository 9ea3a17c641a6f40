//! HTTP as it is: requests that are sent piece by piece, and answers that are read so.

use std::{convert::Infallible, path::Path, sync::Arc};

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _, channel::mpsc, future::BoxFuture};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use kube::{
    Config,
    client::ConfigExt as _,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::task::JoinHandle;

type Body = UnsyncBoxBody<Bytes, Infallible>;
type Sent = BoxFuture<'static, Response<Incoming>>;

/// A client of one user.
#[derive(Clone)]
pub(crate) struct Raw {
    send: Arc<dyn Fn(Request<Body>) -> Sent + Send + Sync>,
    server: String,
}

/// The end of an answer: code, headers, body.
pub(crate) type Answer = (u16, HeaderMap, String);

/// A request whose body is still being sent.
pub(crate) struct Upload {
    pieces: mpsc::UnboundedSender<Bytes>,
    answer: JoinHandle<Answer>,
}

impl Raw {
    pub(crate) async fn of(kubeconfig: &Path) -> Self {
        let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        let connector = config.rustls_https_connector().unwrap();
        let client = Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
        let send = move |request: Request<Body>| -> Sent {
            let answer = client.request(request);
            async move { answer.await.unwrap() }.boxed()
        };
        Self {
            send: Arc::new(send),
            server: config.cluster_url.to_string().trim_end_matches('/').to_owned(),
        }
    }

    /// Sends a request and returns the answer with its body still to be read.
    pub(crate) async fn open(&self, method: Method, path: &str, body: Body) -> Response<Incoming> {
        let format = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.server))
            .header("content-type", format)
            .body(body)
            .unwrap();
        (self.send)(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.open(Method::GET, path, Full::default().boxed_unsync()).await).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.whole(Method::POST, path, body).await
    }

    pub(crate) async fn merge(&self, path: &str, patch: &str) -> Answer {
        self.whole(Method::PATCH, path, patch).await
    }

    async fn whole(&self, method: Method, path: &str, body: &str) -> Answer {
        let body = Full::new(Bytes::from(body.to_owned())).boxed_unsync();
        read(self.open(method, path, body).await).await
    }

    /// Begins to send a body.
    pub(crate) fn upload(&self, path: &str) -> Upload {
        let (pieces, received) = mpsc::unbounded();
        let body = StreamBody::new(received.map(|piece| Ok(Frame::data(piece)))).boxed_unsync();
        let (raw, path) = (self.clone(), path.to_owned());
        let answer = tokio::spawn(async move { read(raw.open(Method::POST, &path, body).await).await });
        Upload { pieces, answer }
    }
}

impl Upload {
    pub(crate) fn send(&self, piece: &str) {
        // Refused when the answer came before: it says why.
        let _ = self.pieces.unbounded_send(Bytes::from(piece.to_owned()));
    }

    /// Sends the last piece, and waits for the answer.
    pub(crate) async fn finish(self, piece: &str) -> Answer {
        self.send(piece);
        drop(self.pieces);
        self.answer.await.unwrap()
    }
}

async fn read(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    (head.status.as_u16(), head.headers, text)
}
