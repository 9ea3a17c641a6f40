//! Very many connections and watches, and a watcher that never reads.

use std::{net::Ipv4Addr, time::Duration};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use guestcluster_tests::{Connection, Protocol};
use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use crate::victim::{CONFIG_MAPS, Victim};

const CONNECTIONS: u32 = 10_000;
/// What an idle connection may cost the server, in KiB.
const COST: f64 = 64.0;
/// Watches of one user, over a few connections.
const WATCHES: u32 = 2000;
/// What an open watch may cost, in KiB.
const WATCH_COST: f64 = 64.0;
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection from a loopback address of its own for each few thousand: one alone has not enough ports.
async fn idle(victim: &Victim, number: u32) -> TlsStream<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    let part = u8::try_from(number / 4000).unwrap();
    socket.bind((Ipv4Addr::new(127, 7, 7, part + 1), 0).into()).unwrap();
    let stream = socket.connect(victim.endpoint.address()).await.unwrap();
    let protocol = if number.is_multiple_of(2) {
        Protocol::Http1
    } else {
        Protocol::Http2
    };
    victim.endpoint.encrypt(stream, protocol).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_hold_nobody_up() {
    allow_many_files();
    let victim = Victim::start(&[]);
    victim.serves_others("nothing").await;
    let before = victim.memory();
    let _crowd: Vec<_> = stream::iter(0..CONNECTIONS)
        .map(|number| idle(&victim, number))
        .buffer_unordered(64)
        .collect()
        .await;
    victim.serves_others("ten thousand connections").await;
    let cost = (victim.memory() - before) * 1024.0 / f64::from(CONNECTIONS);
    assert!(cost < COST, "{cost:.1} KiB for each connection");
}

fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )
    .unwrap();
}

async fn watch(victim: &Victim, connection: &mut Connection, parameters: &str) -> Incoming {
    let request = victim.get(&format!("{CONFIG_MAPS}?watch=true&{parameters}"));
    let answer = timeout(PATIENCE, connection.send(request)).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body()
}

async fn write(victim: &Victim, connection: &mut Connection, number: usize, filler: usize) {
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "written"}, "data": {"number": number.to_string(), "filler": "x".repeat(filler)}});
    let path = format!("{CONFIG_MAPS}/written?fieldManager=x&force=true");
    let request = victim.request(&Method::PATCH, &path, "application/apply-patch+yaml", body.to_string());
    let (code, answer) = victim.ask(connection, request).await;
    assert!([200, 201].contains(&code), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_watches_of_one_user_all_see_the_next_write() {
    let victim = Victim::start(&[]);
    let before = victim.memory();
    let mut connections = Vec::new();
    let mut watches = Vec::new();
    for number in 0..WATCHES {
        if number % 500 == 0 {
            connections.push(victim.endpoint.connect().await.unwrap());
        }
        let connection = connections.last_mut().unwrap();
        watches.push(
            watch(
                &victim,
                connection,
                "resourceVersion=0&sendInitialEvents=false&resourceVersionMatch=NotOlderThan",
            )
            .await,
        );
    }
    let cost = (victim.memory() - before) * 1024.0 / f64::from(WATCHES);
    assert!(cost < WATCH_COST, "{cost:.1} KiB for each watch");
    victim.serves_others("two thousand watches").await;
    write(&victim, &mut victim.endpoint.connect().await.unwrap(), 1, 100).await;
    for body in &mut watches {
        let event = timeout(PATIENCE, body.frame())
            .await
            .expect("in time")
            .expect("it goes on")
            .unwrap();
        assert!(event.into_data().unwrap().starts_with(br#"{"type":"ADDED""#));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_never_reads_costs_little_and_is_told_in_the_end() {
    // What it has not read is forgotten by then.
    let victim = Victim::start(&["--watch-history-mib", "1"]);
    let mut connections = Vec::new();
    let mut deaf = Vec::new();
    for protocol in [Protocol::Http1, Protocol::Http2, Protocol::Narrow(4096)] {
        for _ in 0..5 {
            let mut connection = victim.endpoint.connect_by(protocol).await.unwrap();
            deaf.push((protocol, watch(&victim, &mut connection, "timeoutSeconds=600").await));
            connections.push(connection);
        }
    }
    let mut writer = victim.endpoint.connect().await.unwrap();
    let mut listener = victim.endpoint.connect().await.unwrap();
    let mut hears = watch(&victim, &mut listener, "timeoutSeconds=600").await;
    write(&victim, &mut writer, 0, 50_000).await;
    let before = victim.memory();
    let mut heard = Vec::new();
    for number in 1..600 {
        write(&victim, &mut writer, number, 50_000).await;
        let mark = format!(r#""number":"{number}""#);
        while !contains(&heard, &mark) {
            let frame = timeout(PATIENCE, hears.frame())
                .await
                .expect("in time")
                .expect("it goes on")
                .unwrap();
            heard.extend_from_slice(&frame.into_data().unwrap());
        }
        heard.clear();
    }
    let growth = victim.memory() - before;
    assert!(growth < 60.0, "{growth:.1} MiB more than before");
    victim.serves_others("watchers that never read").await;
    // Those that begin to read are told that they missed something.
    for (protocol, body) in &mut deaf {
        // On a slow machine it took too long, and their connections were cut.
        let Some(rest) = timeout(PATIENCE, rest(body)).await.expect("the watch ends") else {
            continue;
        };
        let last = rest
            .trim_ascii_end()
            .rsplit(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        assert!(
            contains(last, r#""type":"ERROR""#) && contains(last, r#""code":410"#),
            "{protocol:?}"
        );
    }
}

fn contains(text: &[u8], wanted: &str) -> bool {
    memchr::memmem::find(text, wanted.as_bytes()).is_some()
}

/// What is still to come; none when the connection broke.
async fn rest(body: &mut Incoming) -> Option<Bytes> {
    Some(body.collect().await.ok()?.to_bytes())
}
