//! Bearer tokens in requests.

use http::{HeaderMap, header::AUTHORIZATION};

/// The bearer token of a request (RFC 6750, section 2.1). Whether it is one of somebody is for others to say.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
