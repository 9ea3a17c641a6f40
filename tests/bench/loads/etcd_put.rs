//! Puts into etcd itself, by hand-made gRPC: what no API server on etcd can surpass.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{
    HeaderValue, Method, Request,
    header::{CONTENT_TYPE, TE},
};
use http_body_util::Full;

use crate::generator::{Endpoint, Expect, Operation, Single, Turn};

/// Bytes of a value: those of an object.
const VALUE: usize = 1700;
/// Outside of what kube-apiserver reads.
const PREFIX: &str = "bench/";

/// Puts new keys.
pub(super) fn put(endpoint: &Endpoint) -> anyhow::Result<impl Operation + use<>> {
    let uri = endpoint.uri("/etcdserverpb.KV/Put")?;
    let value = [b'v'; VALUE];
    Ok(Single {
        request: move |turn: Turn| {
            let mut request = Request::new(Full::new(message(&format!("{PREFIX}{}", turn.number), &value)));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = uri.clone();
            let headers = request.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            headers.insert(TE, HeaderValue::from_static("trailers"));
            request
        },
        // An error has no message.
        expect: Expect::ok(5),
    })
}

/// A PutRequest with its length before it.
fn message(key: &str, value: &[u8]) -> Bytes {
    let mut put = Vec::with_capacity(key.len() + value.len() + 8);
    for (tag, bytes) in [(0x0a, key.as_bytes()), (0x12, value)] {
        put.push(tag);
        length(&mut put, bytes.len());
        put.extend_from_slice(bytes);
    }
    let mut message = BytesMut::with_capacity(put.len() + 5);
    message.put_u8(0);
    message.put_u32(u32::try_from(put.len()).unwrap_or(u32::MAX));
    message.extend_from_slice(&put);
    message.freeze()
}

/// Seven bits a byte, the lowest first.
fn length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message() {
        let message = message("k", &[7; 300]);
        assert_eq!(message[..8], [0, 0, 0, 0x01, 0x32, 0x0a, 1, b'k']);
        assert_eq!(message[8..12], [0x12, 0xac, 0x02, 7]);
        assert_eq!(message.len(), 5 + 0x132);
    }
}
