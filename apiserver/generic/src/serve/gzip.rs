//! Compression of large answers, while they are sent.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures::stream;
use http::{
    HeaderMap, HeaderValue, Response,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, VARY},
};
use http_body_util::BodyExt as _;

use super::Body;

/// Answers of this many bytes or less are sent as they are.
const THRESHOLD: u64 = 128 * 1024;

/// Whether the client takes gzip.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, quality) = coding.split_once(";q=").unwrap_or((coding, "1"));
        name.trim() == "gzip" && quality.trim().parse::<f32>().is_ok_and(|quality| quality > 0.0)
    })
}

/// Compresses an answer that is long enough; never a stream, which must flush what it has.
pub(super) fn compress(mut response: Response<Body>) -> Response<Body> {
    let long = response.body().length().is_some_and(|length| length > THRESHOLD);
    if !long || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    response.map(|body| body.map(|body| Body::stream(compressed(body))))
}

fn compressed(body: Body) -> impl futures::Stream<Item = Bytes> + Send + 'static {
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    stream::unfold(Some((body, encoder)), |state| async {
        let (mut body, mut encoder) = state?;
        // The encoder holds back what it can't compress well yet: feed it until something comes out.
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(bytes) = frame.into_data() else { continue };
            // Writing to memory does not fail.
            let _ = encoder.write_all(&bytes);
            let ready = std::mem::take(encoder.get_mut());
            if !ready.is_empty() {
                return Some((ready.into(), Some((body, encoder))));
            }
        }
        encoder.finish().ok().map(|rest| (rest.into(), None))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[tokio::test]
    async fn long_answers_shrink_and_come_back_whole() {
        let text = "{\"item\":12345}".repeat(40_000);
        let parts = text.as_bytes().chunks(1000).map(Bytes::copy_from_slice).collect();
        let response = compress(Response::new(Body::parts(parts)));
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[VARY], "Accept-Encoding");
        let sent = response.into_body().collect().await.unwrap().to_bytes();
        assert!(sent.len() * 3 < text.len());
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&*sent)
            .read_to_string(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, text);
    }

    #[test]
    fn short_answers_and_streams_stay_as_they_are() {
        let short = compress(Response::new(Body::full(vec![b' '; 128 * 1024])));
        let stream = compress(Response::new(Body::stream(stream::empty())));
        assert!(short.headers().is_empty() && stream.headers().is_empty());
    }

    #[test]
    fn the_client_decides() {
        for (value, accepted) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]);
            assert_eq!(is_accepted(&headers), accepted, "{value}");
        }
    }
}
