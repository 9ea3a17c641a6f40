//! HTTP/2 frames, written by hand.

use guestcluster_tests::{Endpoint, Protocol};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What a client begins with: its preface and empty settings.
pub(crate) const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// Flags of HEADERS.
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header block: GET of a path, which has less than 127 bytes.
pub(crate) fn get(path: &str) -> Vec<u8> {
    // `:method GET` and `:scheme https` by index; `:authority` and `:path` as literals.
    let mut block = vec![0x82, 0x87, 0x01, 1, b'x', 0x04, u8::try_from(path.len()).unwrap()];
    block.extend(path.as_bytes());
    block
}

/// A connection on which nothing was said yet.
pub(crate) async fn open(endpoint: &Endpoint) -> TlsStream<TcpStream> {
    let stream = endpoint.tcp().await.unwrap();
    endpoint.encrypt(stream, Protocol::Http2).await.unwrap()
}
