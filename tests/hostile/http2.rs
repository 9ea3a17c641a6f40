//! HTTP/2 that only keeps the server busy.

use std::time::Duration;

use guestcluster_tests::Endpoint;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    frames::{
        BEGINNING, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS,
        WINDOW_UPDATE, frame, get, open,
    },
    victim::{CONFIG_MAPS, Victim},
};

/// Longest that an attack is kept up, and that its connection may last then.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an attack.
const FLOOD: usize = 1 << 20;
/// What a server may grow by meanwhile, in MiB: what a few connections may hold, not what an attack sends.
const GROWTH: f64 = 48.0;

/// How an attacked connection ended.
#[derive(Debug, PartialEq)]
enum Ended {
    /// The server said goodbye with this error code.
    Told(u32),
    /// Without a word.
    Cut,
    /// It did not: everything was answered.
    Stayed,
    /// It did not, nor is everything answered yet.
    Busy,
}

/// Sends the beginning and then these frames again and again; reads what comes, or nothing.
async fn attack(endpoint: &Endpoint, reads: bool, mut next: impl FnMut(u32) -> Vec<u8> + Send) -> Ended {
    let (mut from, mut to) = tokio::io::split(open(endpoint).await);
    let write = async move {
        let mut written = to.write_all(BEGINNING).await;
        let mut sent = 0;
        for number in 0.. {
            let frames = next(number);
            sent += frames.len();
            if written.is_err() || sent > FLOOD {
                break;
            }
            written = to.write_all(&frames).await;
        }
        // Asks whether anybody is still there.
        let _ = to.write_all(&frame(PING, 0, 0, b"farewell")).await;
        let _ = to.flush().await;
        to
    };
    let read = async {
        let mut heard = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match from.read(&mut chunk).await {
                Ok(count @ 1..) => heard.extend_from_slice(&chunk[..count]),
                Ok(0) | Err(_) => return goodbye(&heard).map_or(Ended::Cut, Ended::Told),
            }
            if heard.windows(8).any(|window| window == b"farewell") {
                return Ended::Stayed;
            }
        }
    };
    let both = async {
        if reads {
            // The writing half stays until the other one has heard the end.
            let (_to, ended) = tokio::join!(write, read);
            ended
        } else {
            let _to = write.await;
            read.await
        }
    };
    timeout(PATIENCE, both).await.unwrap_or(Ended::Busy)
}

/// The error code of the last GOAWAY among these frames.
fn goodbye(mut heard: &[u8]) -> Option<u32> {
    let mut code = None;
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = heard {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let payload = rest.get(..length)?;
        if *kind == GOAWAY {
            code = Some(u32::from_be_bytes(payload.get(4..8)?.try_into().ok()?));
        }
        heard = &rest[length..];
    }
    code
}

/// `ENHANCE_YOUR_CALM`.
const CALM: Ended = Ended::Told(11);

#[tokio::test]
async fn floods_of_frames_end_with_the_connection_or_do_no_harm() {
    let victim = Victim::start(&[]);
    let path = format!("{CONFIG_MAPS}?limit=1");
    for endpoint in [victim.endpoint.clone(), victim.issuer()] {
        let before = victim.memory();
        for reads in [true, false] {
            // Rapid reset: streams that are opened and given up at once.
            let block = get(&path);
            let ended = attack(&endpoint, reads, |number| {
                let stream = number * 2 + 1;
                let open = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
                [open, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
            })
            .await;
            assert_eq!(ended, CALM, "rapid reset");
            // A request that never stops to have headers.
            let ended = attack(&endpoint, reads, |number| match number {
                0 => frame(HEADERS, 0, 1, &block),
                _ => frame(
                    CONTINUATION,
                    0,
                    1,
                    &[b"\0\x01a\x7f\x01".as_slice(), &[b'x'; 128]].concat(),
                ),
            })
            .await;
            assert!(matches!(ended, Ended::Told(_) | Ended::Cut), "continuations: {ended:?}");
            // Frames that must be answered, and frames of nothing.
            for (what, one) in [
                ("pings", frame(PING, 0, 0, &[0; 8])),
                ("settings", frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9])),
                ("windows", frame(WINDOW_UPDATE, 0, 0, &0_u32.to_be_bytes())),
                ("unknown", frame(0xbb, 0, 0, &[0; 64])),
                ("resets of nothing", frame(RST_STREAM, 0, 7, &8_u32.to_be_bytes())),
            ] {
                let ended = attack(&endpoint, reads, |_| one.repeat(100)).await;
                assert!(ended != Ended::Busy, "{what}: not answered in time");
            }
            // A body of nothing, in very many pieces.
            let post = [
                &[
                    0x83,
                    0x87,
                    0x01,
                    1,
                    b'x',
                    0x04,
                    u8::try_from(CONFIG_MAPS.len()).unwrap(),
                ],
                CONFIG_MAPS.as_bytes(),
            ]
            .concat();
            let ended = attack(&endpoint, reads, |number| match number {
                0 => frame(HEADERS, END_HEADERS, 1, &post),
                _ => frame(DATA, 0, 1, &[]).repeat(100),
            })
            .await;
            assert_eq!(ended, CALM, "data of nothing");
        }
        victim.serves_others("floods of frames").await;
        let growth = victim.memory() - before;
        assert!(growth < GROWTH, "{growth:.0} MiB more than before");
    }
}

#[tokio::test]
async fn frames_that_are_wrong_end_the_connection() {
    let victim = Victim::start(&[]);
    let wrong: [(&str, Vec<u8>); 7] = [
        ("a stream of the server's", frame(HEADERS, 5, 2, &get("/livez"))),
        ("a header block that is none", frame(HEADERS, 5, 1, &[0xff; 40])),
        ("data of no stream", frame(DATA, 1, 9, b"x")),
        ("settings of a stream", frame(SETTINGS, 0, 1, &[0; 6])),
        ("settings of half a size", frame(SETTINGS, 0, 0, &[0; 5])),
        (
            "a window too large",
            frame(WINDOW_UPDATE, 0, 0, &u32::MAX.to_be_bytes()),
        ),
        ("a frame too large", frame(DATA, 0, 1, &vec![0; 1 << 20])),
    ];
    for (what, bytes) in wrong {
        let mut stream = open(&victim.endpoint).await;
        stream.write_all(BEGINNING).await.unwrap();
        let _ = stream.write_all(&bytes).await;
        let mut heard = Vec::new();
        let end = timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
        assert!(end.is_ok(), "{what}: the connection stays");
    }
    victim.serves_others("wrong frames").await;
}
