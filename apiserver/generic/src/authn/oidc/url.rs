//! Where documents are fetched from: `https` and nothing else.

use http::{Uri, uri::Scheme};

/// An absolute `https` URL without user, query and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HttpsUrl {
    uri: Uri,
    host: String,
}

impl HttpsUrl {
    /// None for every other form.
    pub(super) fn parse(text: &str) -> Option<HttpsUrl> {
        // The parser of URIs drops a fragment.
        let uri: Uri = text.parse().ok().filter(|_| !text.contains('#'))?;
        let authority = uri.authority()?;
        let plain = uri.scheme() == Some(&Scheme::HTTPS) && uri.query().is_none() && !authority.as_str().contains('@');
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        (plain && !host.is_empty()).then(|| HttpsUrl { uri, host })
    }

    /// Name or address, without the brackets of IPv6.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub(super) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(443)
    }

    /// The authority, for the Host header.
    pub(super) fn authority(&self) -> &str {
        self.uri.authority().map_or("", http::uri::Authority::as_str)
    }

    /// The path.
    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_https_urls_are_taken() {
        let url = HttpsUrl::parse("https://[::1]:6444/a/b").unwrap();
        assert_eq!(
            (url.host(), url.port(), url.authority(), url.path()),
            ("::1", 6444, "[::1]:6444", "/a/b")
        );
        assert_eq!(HttpsUrl::parse("https://sso.example.com").unwrap().port(), 443);
        for text in [
            "",
            "http://a/",
            "https:///x",
            "https://u@a/",
            "https://u:p@a/",
            "https://a/?b",
            "https://a/#b",
            "a/b",
            "ftp://a/",
            "file:///a",
        ] {
            assert_eq!(HttpsUrl::parse(text), None, "{text}");
        }
    }
}
