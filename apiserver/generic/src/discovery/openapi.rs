//! The OpenAPI documents, under `/openapi/v3` and `/openapi/v2`.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, IF_NONE_MATCH, LOCATION, VARY},
};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};
use serde_json::{Value, json};

use super::{Documents, documents::Tagged, groups};
use crate::{
    registry::ResourceDefinition,
    schema::openapi::{group_version_document, v2_document},
    serve::{Body, answer},
};

/// How long a document named by its hash may be cached.
const CACHED: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The documents of one set of definitions. Each is made when it is first asked for; the list of version 3 names the hashes
/// of all, so it makes all of version 3.
pub(super) struct OpenApiV3 {
    index: Tagged,
    /// By `apis/G/V`, `api/V`.
    documents: BTreeMap<String, Tagged>,
}

impl OpenApiV3 {
    pub(super) fn new(definitions: &[ResourceDefinition]) -> OpenApiV3 {
        let all: Vec<&ResourceDefinition> = definitions.iter().collect();
        let groups = groups(definitions);
        let documents: BTreeMap<String, Tagged> = groups
            .iter()
            .flat_map(|(_, versions)| versions)
            .map(|served| {
                let prefix = if served.group.is_empty() { "api" } else { "apis" };
                let document = group_version_document(served.group, served.version, &all);
                (format!("{prefix}/{}", served.name()), Tagged::new(&document))
            })
            .collect();
        let paths: BTreeMap<&String, Value> = documents
            .iter()
            .map(|(path, document)| (path, json!({"serverRelativeURL": url(path, document)})))
            .collect();
        OpenApiV3 {
            index: Tagged::new(&json!({"paths": paths})),
            documents,
        }
    }
}

pub(super) fn openapi_v2(definitions: &[ResourceDefinition]) -> Tagged {
    Tagged::new(&v2_document(&definitions.iter().collect::<Vec<_>>()))
}

impl Documents {
    /// Answers `/openapi/v3` (an empty `path`) and `/openapi/v3/<path>`, with the `hash` parameter.
    pub(crate) fn answer_openapi_v3(&self, path: &str, hash: Option<&str>, headers: &HeaderMap) -> Response<Body> {
        if !accepts_json(headers) {
            return not_acceptable();
        }
        let openapi = self.openapi_v3();
        if path.is_empty() {
            return tagged(&openapi.index, headers);
        }
        let Some(document) = openapi.documents.get(path) else {
            return not_found();
        };
        match hash {
            None => tagged(document, headers),
            Some(hash) if hash == document.hash => immutable(tagged(document, headers)),
            Some(_) => moved(&url(path, document)),
        }
    }

    /// Answers `/openapi/v2`. Clients that only read its protobuf form get a document that describes nothing: kubectl looks
    /// there for kinds that version 3 has not, and must learn that they don't exist rather than that it can't be told.
    pub(crate) fn answer_openapi_v2(&self, headers: &HeaderMap) -> Response<Body> {
        if accepts_json(headers) {
            let mut response = tagged(self.openapi_v2(), headers);
            let vary = HeaderValue::from_static("Accept-Encoding, Accept");
            response.headers_mut().insert(VARY, vary);
            response
        } else if accepts(headers, PROTOBUF_V2) {
            answer::bytes(
                StatusCode::OK,
                "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
                EMPTY_V2,
            )
        } else {
            not_acceptable()
        }
    }
}

fn url(path: &str, document: &Tagged) -> String {
    format!("/openapi/v3/{path}?hash={}", document.hash)
}

/// What kubectl asks for, always in this spelling.
const PROTOBUF_V2: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
/// A `Document` with `swagger` (field 1) "2.0", an empty `info` (2), and neither paths nor definitions.
const EMPTY_V2: &[u8] = b"\x0a\x032.0\x12\x00";

/// Whether the client reads JSON, whatever else it may like better.
pub(crate) fn accepts_json(headers: &HeaderMap) -> bool {
    let given = headers.get(ACCEPT).is_some_and(|value| !value.is_empty());
    !given
        || ["application/json", "application/*", "*/*"]
            .iter()
            .any(|media_type| accepts(headers, media_type))
}

fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|clause| clause.split(';').next().unwrap_or_default().trim() == wanted)
}

fn tagged(document: &Tagged, headers: &HeaderMap) -> Response<Body> {
    let unchanged = headers.get(IF_NONE_MATCH) == Some(&document.etag);
    let (code, body) = if unchanged {
        (StatusCode::NOT_MODIFIED, Bytes::new())
    } else {
        (StatusCode::OK, document.body.clone())
    };
    let mut response = answer::json_bytes(code, body);
    if unchanged {
        response.headers_mut().remove(CONTENT_TYPE);
    }
    response.headers_mut().insert(ETAG, document.etag.clone());
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    response
}

/// What a hash names never changes.
fn immutable(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
    if let Some(expires) = a_year_from(Timestamp::now()) {
        headers.insert(EXPIRES, expires);
    }
    response
}

fn a_year_from(now: Timestamp) -> Option<HeaderValue> {
    let expires = now.checked_add(CACHED).ok()?;
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&expires).ok()?;
    HeaderValue::from_str(&text).ok()
}

fn moved(location: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn not_acceptable() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_ACCEPTABLE;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::testing::{definitions, json_of, text};

    const WIDGETS: &str = "apis/demo.example.io/v1";

    fn headers(pairs: &[(http::HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    fn v3(path: &str, hash: Option<&str>, pairs: &[(http::HeaderName, &str)]) -> Response<Body> {
        Documents::of(&definitions()).answer_openapi_v3(path, hash, &headers(pairs))
    }

    async fn listed_url(path: &str) -> String {
        let index = json_of(v3("", None, &[])).await;
        index["paths"][path]["serverRelativeURL"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn the_index_leads_to_documents_that_may_be_cached_for_ever() {
        let url = listed_url(WIDGETS).await;
        let hash = url.strip_prefix("/openapi/v3/apis/demo.example.io/v1?hash=").unwrap();
        let response = v3(WIDGETS, Some(hash), &[]);
        let answered = response.headers();
        assert_eq!(
            (&answered["cache-control"], &answered["vary"]),
            (
                &HeaderValue::from_static("public, immutable"),
                &HeaderValue::from_static("Accept")
            )
        );
        assert_eq!(answered["etag"], format!("\"{hash}\""));
        assert!(answered["expires"].to_str().unwrap().ends_with(" GMT"));
        let document = json_of(response).await;
        assert!(
            document["components"]["schemas"]
                .as_object()
                .unwrap()
                .keys()
                .any(|name| name.ends_with(".v1.Widget"))
        );
        assert!(listed_url("api/v1").await.starts_with("/openapi/v3/api/v1?hash="));
    }

    #[tokio::test]
    async fn an_old_hash_leads_to_the_new_one_and_no_hash_is_not_cached() {
        let old = v3(WIDGETS, Some("OLD"), &[]);
        assert_eq!(
            (old.status().as_u16(), old.headers()["location"].to_str().unwrap()),
            (301, listed_url(WIDGETS).await.as_str())
        );
        let plain = v3(WIDGETS, None, &[]);
        assert_eq!(plain.status(), 200);
        assert!(!plain.headers().contains_key(CACHE_CONTROL));
        assert_eq!(v3("apis/unknown/v1", None, &[]).status(), 404);
    }

    #[tokio::test]
    async fn what_the_client_has_is_not_sent_again() {
        let etag = v3("", None, &[]).headers()["etag"].to_str().unwrap().to_owned();
        let again = v3("", None, &[(IF_NONE_MATCH, &etag)]);
        assert_eq!(again.status(), 304);
        assert_eq!(text(again).await, "");
    }

    #[tokio::test]
    async fn documents_are_json_and_version_2_an_empty_message_for_those_who_read_no_json() {
        let documents = Documents::of(&definitions());
        let protobuf = documents.answer_openapi_v2(&headers(&[(ACCEPT, PROTOBUF_V2)]));
        assert_eq!(protobuf.status(), 200);
        assert_eq!(text(protobuf).await.as_bytes(), EMPTY_V2);
        assert_eq!(
            documents.answer_openapi_v2(&headers(&[(ACCEPT, "text/html")])).status(),
            406
        );
        assert_eq!(v3("", None, &[(ACCEPT, PROTOBUF_V2)]).status(), 406);
        let both = format!("{PROTOBUF_V2}, application/json");
        let v2 = json_of(documents.answer_openapi_v2(&headers(&[(ACCEPT, &both)]))).await;
        assert_eq!(v2["swagger"], "2.0");
    }
}
