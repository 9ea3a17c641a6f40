//! The loopback listener that the browser returns to (RFC 8252, section 7.3): answers strays, and takes the one answer that is ours.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::{authorization::Answer, page::Page};
use crate::error::Result;

const PATH: &str = "/callback";
/// Connections at a time; browsers open some ahead.
const CONNECTIONS: usize = 16;
/// Longest that a connection may take to send a request's head.
const HEAD: Duration = Duration::from_secs(10);
/// Longest that the last page may take to reach the browser.
const LAST_PAGE: Duration = Duration::from_secs(3);

/// A listener on a free port of this computer.
pub(crate) struct Callback {
    listener: TcpListener,
    redirect: String,
}

/// An answer, and where the page for it goes.
type Arrived = (Answer, oneshot::Sender<Page>);

impl Callback {
    /// Listens.
    pub(crate) async fn listen() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let redirect = format!("http://{}{PATH}", listener.local_addr()?);
        Ok(Self { listener, redirect })
    }

    /// Where the issuer sends the browser.
    pub(crate) fn redirect(&self) -> &str {
        &self.redirect
    }

    /// Waits for the answer with this state and does `finish` with it, while the browser waits for the page that tells the outcome.
    pub(crate) async fn answer<T>(self, state: &str, finish: impl AsyncFnOnce(Answer) -> Result<T>) -> Result<T> {
        let (arrived, mut arrivals) = mpsc::channel::<Arrived>(1);
        let graceful = GracefulShutdown::new();
        let served = self.serve(state, &arrived, &graceful);
        let (answer, page) = tokio::select! {
            never = served => match never {},
            Some(first) = arrivals.recv() => first,
        };
        let outcome = finish(answer).await;
        // A browser that is gone misses the page, nothing else.
        let _ = page.send(match &outcome {
            Ok(_) => Page::signed_in(),
            Err(error) => Page::failed(&error.to_string()),
        });
        let _ = timeout(LAST_PAGE, graceful.shutdown()).await;
        outcome
    }

    async fn serve(&self, state: &str, arrived: &mpsc::Sender<Arrived>, graceful: &GracefulShutdown) -> Infallible {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        let state: Arc<str> = state.into();
        loop {
            // Never closed, so there is always a next one.
            let slot = slots.clone().acquire_owned().await;
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let connection = connection(stream, state.clone(), arrived.clone(), graceful);
            tokio::spawn(async move {
                connection.await;
                drop(slot);
            });
        }
    }
}

fn connection(
    stream: TcpStream,
    state: Arc<str>,
    arrived: mpsc::Sender<Arrived>,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + use<> {
    let service = service_fn(move |request| {
        let (state, arrived) = (state.clone(), arrived.clone());
        async move { Ok::<_, Infallible>(respond(&request, &state, &arrived).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
    // What is wrong with one connection is no matter of the sign-in.
    async move { connection.await.unwrap_or_default() }
}

async fn respond<B>(request: &Request<B>, state: &str, arrived: &mpsc::Sender<Arrived>) -> Response<Full<Bytes>> {
    if request.uri().path() != PATH {
        return text(StatusCode::NOT_FOUND, "not found\n");
    }
    if request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
    }
    let answer = Answer::parse(request.uri().query().unwrap_or_default());
    if answer.state.as_deref() != Some(state) {
        return html(StatusCode::BAD_REQUEST, &Page::stray());
    }
    let (page, outcome) = oneshot::channel();
    // Full when the answer came already: this is the same one again.
    if arrived.try_send((answer, page)).is_err() {
        return html(StatusCode::BAD_REQUEST, &Page::stray());
    }
    match outcome.await {
        Ok(page) => html(page.status, &page),
        Err(_) => html(StatusCode::BAD_REQUEST, &Page::stray()),
    }
}

fn html(status: StatusCode, page: &Page) -> Response<Full<Bytes>> {
    let mut response = text(status, &page.html);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/html; charset=utf-8"),
    );
    if let Ok(policy) = page.policy.parse() {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_owned())));
    *response.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response
            .headers_mut()
            .insert(name, header::HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::error::Error;

    async fn ask(port: &str, request: &str) -> String {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
        let whole = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(whole.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn port(callback: &Callback) -> String {
        callback
            .redirect()
            .split(':')
            .nth(2)
            .unwrap()
            .split('/')
            .next()
            .unwrap()
            .to_owned()
    }

    #[tokio::test]
    async fn strays_are_answered_and_the_waiting_goes_on() {
        let callback = Callback::listen().await.unwrap();
        let port = port(&callback);
        let browser = tokio::spawn(async move {
            // A connection that never says anything is in nobody's way.
            let _idle = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
            for (request, expected) in [
                ("GET /favicon.ico", "404 "),
                ("POST /callback?state=right&code=c", "405 "),
                ("GET /callback?state=wrong&code=c", "400 "),
                ("GET /callback", "400 "),
            ] {
                let answer = ask(&port, request).await;
                assert!(answer.contains(expected), "{request}: {answer}");
            }
            ask(&port, "GET /callback?state=right&code=c&iss=i").await
        });
        let code = callback
            .answer("right", async |answer: Answer| Ok(answer.code))
            .await
            .unwrap();
        assert_eq!(code.as_deref(), Some("c"));
        let page = browser.await.unwrap();
        assert!(page.contains("200 OK") && page.contains("Signed in"), "{page}");
        assert!(page.to_lowercase().contains("cache-control: no-store"), "{page}");
    }

    #[tokio::test]
    async fn the_page_tells_a_failure_and_escapes_it() {
        let callback = Callback::listen().await.unwrap();
        let port = port(&callback);
        let browser = tokio::spawn(async move { ask(&port, "GET /callback?state=s&error=x").await });
        let finish = async |_: Answer| Err::<(), _>(Error::failed("<script>no</script>"));
        assert!(callback.answer("s", finish).await.is_err());
        let page = browser.await.unwrap();
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
    }
}
