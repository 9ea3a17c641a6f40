//! HTTP/1.1 as no client should speak it, to both listeners.

use std::time::Duration;

use guestcluster_tests::{Endpoint, Protocol};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::victim::Victim;

/// Longest for an answer or the end of a connection.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends bytes; what comes back until the server ends the connection, or `enough` answers are there.
async fn talk(endpoint: &Endpoint, sent: &[u8], enough: usize) -> String {
    let stream = endpoint.tcp().await.unwrap();
    let stream = endpoint.encrypt(stream, Protocol::Http1).await.unwrap();
    let (mut reads, mut writes) = tokio::io::split(stream);
    // The server may end the connection before it has read everything.
    let write = async { drop(writes.write_all(sent).await) };
    let read = async {
        let mut heard = Vec::new();
        let mut chunk = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = reads.read(&mut chunk).await {
            heard.extend_from_slice(&chunk[..count]);
            if String::from_utf8_lossy(&heard).matches("HTTP/1.1 ").count() >= enough {
                break;
            }
        }
        String::from_utf8_lossy(&heard).into_owned()
    };
    let both = timeout(PATIENCE, async { tokio::join!(read, write).0 }).await;
    let shown = String::from_utf8_lossy(&sent[..sent.len().min(80)]);
    both.unwrap_or_else(|_| panic!("no answer, and no end: {shown}"))
}

fn status(heard: &str) -> &str {
    heard
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .unwrap_or("none")
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_ends_the_connection() {
    let victim = Victim::start(&[]);
    let header =
        |name: &str, value: &str| format!("GET /livez HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n").into_bytes();
    let many = "A: b\r\n".repeat(5000);
    let garbage: Vec<Vec<u8>> = vec![
        b"\0\0\0\0\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".repeat(20),
        b"GET\r\n\r\n".to_vec(),
        b"GET /livez\r\n\r\n".to_vec(),
        b"GET /livez HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /li vez HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"G\x01T /livez HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n".to_vec(),
        header("Content-Length", "-1"),
        header("Content-Length", "1, 2"),
        header("Content-Length", "99999999999999999999999"),
        header("Content-Length", "0x10"),
        b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec(),
        header("Transfer-Encoding", "chunked, identity"),
        header("Transfer-Encoding", "xchunked"),
        format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}\r\n").into_bytes(),
        header("A", &"b".repeat(1 << 20)),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1 << 20)).into_bytes(),
        vec![b'A'; 2 << 20],
    ];
    for endpoint in [victim.endpoint.clone(), victim.issuer()] {
        for sent in &garbage {
            let heard = talk(&endpoint, sent, usize::MAX).await;
            let shown = String::from_utf8_lossy(&sent[..sent.len().min(80)]).into_owned();
            // Some are so wrong that they get no answer.
            let refused = ["400", "414", "431", "505", "none"].contains(&status(&heard));
            assert!(refused, "{shown}: {heard:.300}");
        }
    }
    victim.serves_others("garbage").await;
}

#[tokio::test]
async fn a_request_can_not_hide_in_another() {
    let victim = Victim::start(&[]);
    // Whoever reads the length by the other header sees a second request.
    let smuggled = "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /version HTTP/1.1\r\nHost: x\r\n\r\n";
    let heard = talk(&victim.endpoint, smuggled.as_bytes(), 2).await;
    assert!(status(&heard) == "400" || heard.contains("HTTP/1.1 200"), "{heard}");
    // Chunks that are none.
    for chunk in [
        "zz\r\n",
        "ffffffffffffffffff\r\n",
        "-1\r\n",
        "1\r\nab",
        "5;\0\r\nabcde\r\n",
    ] {
        let sent = format!(
            "POST /api/v1/namespaces/team-a/configmaps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}\r\n\r\n"
        );
        let heard = talk(&victim.endpoint, sent.as_bytes(), 1).await;
        assert_eq!(status(&heard), "400", "{chunk:?}: {heard:.300}");
    }
    // What comes behind a good request does not spoil it.
    let heard = talk(
        &victim.endpoint,
        b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n\0garbage\r\n\r\n",
        usize::MAX,
    )
    .await;
    assert!(
        heard.starts_with("HTTP/1.1 200") && heard.contains("\r\n\r\nok"),
        "{heard}"
    );
}

#[tokio::test]
async fn unusual_targets_are_answered_like_any_other() {
    let victim = Victim::start(&[]);
    let long = "a".repeat(60_000);
    let cases: Vec<(String, &str)> = [
        ("GET https://elsewhere.example/livez", "200"),
        ("GET http://elsewhere.example:1/api/v1/namespaces/team-a", "200"),
        ("OPTIONS *", "404"),
        ("CONNECT elsewhere.example:443", "405"),
        ("TRACE /livez", "200"),
        ("BREW /api/v1/namespaces", "405"),
        ("GET //api/v1/namespaces", "200"),
        ("GET /api/v1/namespaces/team-a/../../../livez", "404"),
        ("GET /api/v1/namespaces/%2e%2e/secrets", "200"),
        ("GET /api/v1/namespaces/team-a/configmaps/..%2f..%2fsecrets", "404"),
        ("GET /api/v1/namespaces/team-a/configmaps/%00", "404"),
        ("GET /api/v1/namespaces/team-a/configmaps/%ff%fe", "404"),
        ("GET /api/v1/namespaces/team-a/configmaps/%zz%", "404"),
        ("GET /api/v1/namespaces?labelSelector=%ff%fe", "400"),
        ("GET /api/v1/namespaces?labelSelector=%zz&fieldSelector=%", "200"),
        ("GET /api/v1/namespaces?limit=99999999999999999999", "400"),
        ("GET /api/v1/namespaces?limit=-1&timeoutSeconds=-1", "200"),
        ("GET /api/v1/namespaces?watch=1&timeoutSeconds=1", "200"),
        (
            "GET /api/v1/namespaces?watch=1&timeoutSeconds=9223372036854775807",
            "200",
        ),
        ("GET /api/v1/namespaces?timeout=9223372036854775807s", "200"),
        ("GET /api/v1/namespaces?resourceVersion=99999999999999999999", "400"),
        ("GET /api/v1/namespaces?continue=////", "400"),
    ]
    .map(|(line, expected)| (line.to_owned(), expected))
    .into_iter()
    .chain([
        (format!("GET /api/v1/namespaces/{long}"), "404"),
        (format!("GET /{long}"), "404"),
        (format!("GET /api/v1/namespaces?x={long}"), "200"),
        (format!("GET /api/v1/namespaces?{}", "a=b&".repeat(15_000)), "200"),
        (
            format!("GET /api/v1/namespaces?labelSelector={}", "!a,".repeat(15_000)),
            "400",
        ),
        (
            format!("GET /api/v1/namespaces?labelSelector={}!b", "!a,".repeat(15_000)),
            "200",
        ),
        (
            format!(
                "GET /api/v1/namespaces?fieldSelector={}",
                "metadata.name!=a,".repeat(3_000)
            ),
            "200",
        ),
        (format!("GET {}", "/".repeat(60_000)), "404"),
    ])
    .collect();
    let mut wrong = Vec::new();
    for (line, expected) in cases {
        let sent = format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n");
        let heard = talk(&victim.endpoint, sent.as_bytes(), 1).await;
        if status(&heard) != expected {
            wrong.push(format!("{line:.100}: {expected} expected: {heard:.400}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    victim.serves_others("unusual targets").await;
}
