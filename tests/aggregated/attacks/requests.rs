//! Requests that want more than an answer.

use std::time::{Duration, Instant};

use guestcluster_tests::{Endpoint, Protocol};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{sleep, timeout},
};

use super::target::attack;

/// Longest for an answer or an end, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the server says to these bytes, until it ends the connection or is silent for a while.
async fn say(endpoint: &Endpoint, sent: &str) -> String {
    let stream = endpoint.tcp().await.unwrap();
    let mut stream = endpoint.encrypt(stream, Protocol::Http1).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut heard)).await.expect(sent);
    String::from_utf8_lossy(&heard).into_owned()
}

#[test]
fn whoever_is_asked_for_the_answer_leads_nowhere_else() {
    attack(async |endpoint| {
        for host in ["evil.example", "kubernetes.default.svc", "[::1]:1", "a/b", ""] {
            for path in [
                "/livez",
                "//evil.example/",
                "/apis/guestclusters.dev/..//evil.example",
                "/apis/",
                "/%2e%2e/",
            ] {
                let heard = say(
                    &endpoint,
                    &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
                )
                .await;
                assert!(heard.starts_with("HTTP/1.1 "), "{host} {path}: {heard:?}");
                let head = heard.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
                assert!(
                    !head.starts_with("http/1.1 3") && !head.contains("location:"),
                    "{host} {path}: {head}"
                );
                assert!(!heard.contains("evil.example/\""), "{heard}");
            }
        }
    });
}

#[test]
fn two_lengths_are_no_request() {
    attack(async |endpoint| {
        let hidden = "GET /version HTTP/1.1\r\nHost: x\r\n\r\n";
        for lengths in [
            "Transfer-Encoding: chunked\r\nContent-Length: 4",
            "Content-Length: 4\r\nTransfer-Encoding: chunked",
            "Content-Length: 4\r\nContent-Length: 5",
            "Transfer-Encoding: chunked, identity",
            "Transfer-Encoding : chunked",
            "Content-Length: +4",
        ] {
            let sent = format!("POST /livez HTTP/1.1\r\nHost: x\r\n{lengths}\r\n\r\n0\r\n\r\n{hidden}");
            let heard = say(&endpoint, &sent).await;
            assert!(!heard.contains("gitVersion"), "{lengths}: {heard}");
        }
    });
}

#[test]
fn a_head_that_trickles_ends_its_connection_and_holds_nobody_up() {
    attack(async |endpoint| {
        let began = Instant::now();
        let slow = (0..20).map(|_| {
            let endpoint = endpoint.clone();
            tokio::spawn(async move {
                let stream = endpoint.tcp().await.unwrap();
                let mut stream = endpoint.encrypt(stream, Protocol::Http1).await.unwrap();
                stream.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
                // Slow is what it is meant to be.
                while stream.write_all(b"X-A: b\r\n").await.is_ok() && stream.flush().await.is_ok() {
                    sleep(Duration::from_millis(500)).await;
                }
            })
        });
        let slow: Vec<_> = slow.collect();
        let other = say(&endpoint, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(other.ends_with("ok"), "{other}");
        for slow in slow {
            timeout(PATIENCE, slow).await.expect("it may go on for ever").unwrap();
        }
        assert!(began.elapsed() >= Duration::from_secs(9), "a slow network is no attack");
    });
}

#[test]
fn what_was_not_agreed_on_is_not_spoken() {
    attack(async |endpoint| {
        let stream = endpoint.tcp().await.unwrap();
        let mut stream = endpoint.encrypt(stream, Protocol::Http1).await.unwrap();
        // The preface of HTTP/2, where that was not agreed on.
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut heard = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut heard)).await.expect("an end");
        let heard = String::from_utf8_lossy(&heard);
        assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 4"), "{heard}");
    });
}
