//! What a server answered.

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt as _, combinators::BoxBody};
use serde_json::{Map, Value, json};

/// A response whose body is still coming.
pub(crate) type Response = http::Response<BoxBody<Bytes, String>>;

/// Headers whose values clients read.
const COMPARED: [&str; 7] = [
    "content-type",
    "cache-control",
    "retry-after",
    "vary",
    "content-encoding",
    "x-content-type-options",
    "allow",
];
/// Headers whose values differ by nature: they are there or not.
const PRESENT: [&str; 5] = ["audit-id", "etag", "location", "expires", "last-modified"];

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads all of it; of a stream, as many lines as wanted: more may come along by chance.
    pub(crate) async fn read(response: Response, lines: Option<usize>) -> Self {
        let (head, mut incoming) = response.into_parts();
        let mut body = Vec::new();
        // A refusal is no stream.
        let lines = lines.filter(|_| head.status.is_success());
        let enough = |body: &[u8]| lines.is_some_and(|lines| body.split(|byte| *byte == b'\n').count() > lines);
        while !enough(&body) {
            match incoming.frame().await {
                Some(Ok(frame)) => body.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                Some(Err(error)) => {
                    body.extend_from_slice(format!("\nthe stream broke: {error}\n").as_bytes());
                    break;
                }
                None => break,
            }
        }
        if let Some(lines) = lines.filter(|_| enough(&body)) {
            let wanted = body.split_inclusive(|byte| *byte == b'\n').take(lines);
            body.truncate(wanted.map(<[u8]>::len).sum());
        }
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    /// The body as data: JSON, YAML, a list of events, or text.
    pub(crate) fn data(&self, stream: bool) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| text.into());
        if stream && self.status == 200 {
            return text.lines().map(parse).collect();
        }
        let is_yaml = self.header("content-type").contains("yaml");
        match is_yaml.then(|| serde_saphyr::from_str::<Value>(&text)) {
            Some(Ok(value)) => value,
            _ => parse(&text),
        }
    }

    /// The headers that matter.
    pub(crate) fn shown_headers(&self) -> Value {
        let mut shown = Map::new();
        for name in COMPARED {
            if self.headers.contains_key(name) {
                shown.insert(name.to_owned(), self.header(name).into());
            }
        }
        for name in PRESENT {
            shown.insert(name.to_owned(), self.headers.contains_key(name).into());
        }
        let warnings = self.headers.get_all("warning").iter();
        shown.insert(
            "warning".to_owned(),
            warnings
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .collect(),
        );
        json!(shown)
    }

    fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        values.join(", ")
    }
}
