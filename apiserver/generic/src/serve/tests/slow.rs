//! Clients that take their time: each is cut off, and nobody else waits for them.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full, StreamBody};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{sleep, timeout},
};

use super::{
    connections::{Authority, Running, Speaker, connect, start},
    *,
};
use crate::{
    authn::User,
    serve::{Limits, listener::Bounds},
};

/// Short enough for a test.
const SHORT: Duration = Duration::from_millis(150);
/// Longest for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

async fn impatient(authority: &Authority, connections: usize) -> Running {
    let listener = Bounds {
        connections,
        handshake: SHORT * 10,
        idle: SHORT,
        stall: SHORT,
        ..Bounds::default()
    };
    bounded(authority, listener).await
}

async fn bounded(authority: &Authority, listener: Bounds) -> Running {
    let limits = Limits {
        body: SHORT,
        listener,
        ..Limits::default()
    };
    start(authority, limits).await
}

#[tokio::test]
async fn who_shakes_hands_and_says_nothing_more_is_cut_off() {
    let authority = Authority::new("ours");
    let running = impatient(&authority, 100).await;
    let beginnings: [(&str, &[u8]); 4] = [
        ("http/1.1", b""),
        ("http/1.1", b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: "),
        ("h2", b""),
        ("h2", b"PRI * HTTP/2.0\r\n\r\nS"),
    ];
    for (alpn, beginning) in beginnings {
        let mut stream = connect(running.address, authority.trusting(None, alpn)).await.unwrap();
        stream.write_all(beginning).await.unwrap();
        let mut rest = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(
            ended.is_ok(),
            "{alpn} {}: it stays open",
            String::from_utf8_lossy(beginning)
        );
    }
}

#[tokio::test]
async fn headers_that_trickle_do_not_keep_a_connection() {
    let authority = Authority::new("ours");
    // Neither the bound on idle connections nor the one on the number of headers may be what ends it.
    let bounds = Bounds {
        head: SHORT,
        headers: 100_000,
        ..Bounds::default()
    };
    let running = bounded(&authority, bounds).await;
    let mut stream = connect(running.address, authority.trusting(None, "http/1.1"))
        .await
        .unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
    let trickle = async {
        // Each piece well in time: how slow it is, is what is tested.
        while stream.write_all(b"X-A: b\r\n").await.is_ok() && stream.flush().await.is_ok() {
            sleep(SHORT / 10).await;
        }
    };
    assert!(timeout(PATIENCE, trickle).await.is_ok(), "it may go on for ever");
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_and_one_with_a_watch_stays() {
    let authority = Authority::new("ours");
    let running = impatient(&authority, 100).await;
    let alice = authority.client("alice", 2999);
    for alpn in ["h2", "http/1.1"] {
        let config = authority.trusting(Some(&alice), alpn);
        let mut idle = Speaker::new(connect(running.address, config.clone()).await.unwrap()).await;
        let mut busy = Speaker::new(connect(running.address, config).await.unwrap()).await;
        let path = "/apis/demo.example.io/v1/widgets?watch=1&fieldSelector=metadata.name%3Dalice";
        let mut watch = busy.get(path).await.unwrap().into_body();
        assert!(watch.frame().await.unwrap().is_ok());
        idle.get("/livez").await.unwrap().into_body().collect().await.unwrap();
        assert!(timeout(PATIENCE, idle.closed()).await.is_ok(), "{alpn}: it stays open");
        // The watch began before, and has said nothing since.
        assert!(
            timeout(SHORT * 4, watch.frame()).await.is_err(),
            "{alpn}: the watch ended"
        );
    }
}

#[tokio::test]
async fn who_reads_nothing_is_cut_off_and_makes_room() {
    let authority = Authority::new("ours");
    for alpn in ["h2", "http/1.1"] {
        let running = impatient(&authority, 1).await;
        let alice = authority.client("big", 2999);
        let config = authority.trusting(Some(&alice), alpn);
        let mut deaf = connect(running.address, config.clone()).await.unwrap();
        // More than the buffers between them hold.
        let many = if alpn == "h2" { endless_http2() } else { endless_http1() };
        let (mut reads, mut writes) = tokio::io::split(&mut deaf);
        let write = async {
            let _ = writes.write_all(&many).await;
        };
        // TLS needs to read nothing any more, and whoever does not read does not.
        let next = async {
            let stream = connect(running.address, config.clone()).await.unwrap();
            Speaker::new(stream).await.get("/livez").await.unwrap().status()
        };
        let (status, ()) = timeout(PATIENCE, Box::pin(async { tokio::join!(next, write) }))
            .await
            .unwrap();
        assert_eq!(status, StatusCode::OK, "{alpn}");
        let _ = reads.read(&mut [0]).await;
    }
}

/// Requests for 300,000 bytes each.
fn endless_http1() -> Vec<u8> {
    format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", widget("big"))
        .into_bytes()
        .repeat(100)
}

/// The same over HTTP/2, with windows that let all of it be sent.
fn endless_http2() -> Vec<u8> {
    let path = widget("big");
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS with an initial window of 1 GiB, and as much for the connection.
    bytes.extend(frame(4, 0, 0, &[0, 4, 0x40, 0, 0, 0]));
    bytes.extend(frame(8, 0, 0, &[0x40, 0, 0, 0]));
    for stream in 0..100 {
        // GET, https, :authority x and the path as literals.
        let mut head = vec![0x82, 0x87, 0x01, 1, b'x', 0x04, u8::try_from(path.len()).unwrap()];
        head.extend(path.as_bytes());
        bytes.extend(frame(1, 5, stream * 2 + 1, &head));
    }
    bytes
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A body of which ten bytes come, and then nothing.
fn begun() -> impl http_body::Body<Data = Bytes, Error = std::convert::Infallible> + Send {
    use futures::StreamExt as _;
    let first = futures::stream::iter([Ok(http_body::Frame::data(Bytes::from_static(b"0123456789")))]);
    StreamBody::new(first.chain(futures::stream::pending()))
}

fn user(name: &str) -> Caller {
    Caller::User(User {
        name: name.to_owned(),
        ..User::default()
    })
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused_in_time() {
    let limits = Limits {
        body: SHORT,
        ..Limits::default()
    };
    let server = builder().limits(limits).build();
    let answer = server.handle(Request::put(widget("alice")).body(begun()).unwrap(), user("alice"));
    let answer = timeout(PATIENCE, answer).await.unwrap();
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    let status = crate::serve::testing::json_of(answer).await;
    assert_eq!(status["reason"], "Timeout");
    assert_eq!(
        status["message"],
        "Timeout: request did not complete within the allotted timeout"
    );
}

#[tokio::test]
async fn bodies_that_do_not_come_hold_nobody_else_up() {
    let limits = Limits {
        writes: 2,
        ..Limits::default()
    };
    let server = builder().limits(limits).build();
    let mut slow = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let server = server.clone();
        let request = Request::put(widget("alice")).body(begun()).unwrap();
        slow.spawn(async move { server.handle(request, user("alice")).await.status() });
    }
    while server.arriving.bytes() < 100 {
        tokio::task::yield_now().await;
    }
    let request = Request::put(widget("bob")).body(Full::from("{}")).unwrap();
    let answer = timeout(PATIENCE, server.handle(request, user("bob"))).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    slow.shutdown().await;
    assert_eq!(
        server.arriving.bytes(),
        0,
        "nothing is held of bodies that were given up"
    );
}

#[tokio::test]
async fn a_user_may_not_fill_the_memory_with_bodies_that_do_not_end() {
    let limits = Limits {
        arriving_of_a_user: 25,
        ..Limits::default()
    };
    let server = builder().limits(limits).build();
    let mut slow = tokio::task::JoinSet::new();
    let send = |name: &str| {
        let (server, name) = (server.clone(), name.to_owned());
        let request = Request::put(widget(&name)).body(begun()).unwrap();
        async move { server.handle(request, user(&name)).await.status() }
    };
    slow.spawn(send("alice"));
    slow.spawn(send("alice"));
    while server.arriving.bytes() < 20 {
        tokio::task::yield_now().await;
    }
    let third = timeout(PATIENCE, send("alice")).await.unwrap();
    assert_eq!(third, StatusCode::TOO_MANY_REQUESTS);
    slow.spawn(send("bob"));
    while server.arriving.bytes() < 30 {
        tokio::task::yield_now().await;
    }
    assert!(slow.try_join_next().is_none(), "the others go on");
}
