//! The id under which a request is found in logs and audit logs: the client's, or a new one.

use http::{HeaderMap, HeaderName, HeaderValue};

const LONGEST: usize = 64;

/// An audit id. A server in front of this one passes its own on, so one id joins the logs of both.
#[derive(Clone, Debug)]
pub(crate) struct AuditId(HeaderValue);

impl AuditId {
    /// The header that carries it, both ways.
    pub(crate) const HEADER: HeaderName = HeaderName::from_static("audit-id");

    /// That of a request.
    pub(crate) fn of(headers: &HeaderMap) -> AuditId {
        let given = headers
            .get(AuditId::HEADER)
            .filter(|id| !id.is_empty() && id.len() <= LONGEST);
        AuditId(given.cloned().unwrap_or_else(|| {
            let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string();
            HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static(""))
        }))
    }

    /// As a header of the answer.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// As events carry it, whatever bytes a client has made it of.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.0.as_bytes()).into_owned()
    }

    /// In visible ASCII alone, to be said to people; none where a client has made it of something else.
    pub(crate) fn as_str(&self) -> Option<&str> {
        self.0.to_str().ok()
    }
}
