//! Where an answer may be sent: a listener on the user's own machine, and nowhere else.

use std::fmt;

/// `http://127.0.0.1:PORT/PATH` or `http://[::1]:PORT/PATH` (RFC 8252, section 7.3): any port, any path, no query, no fragment.
/// Never `localhost`, which may resolve to something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RedirectUri {
    text: String,
    host: &'static str,
    port: Option<u16>,
}

impl RedirectUri {
    /// None for every other form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("http://")?;
        let host = ["127.0.0.1", "[::1]"].into_iter().find(|host| rest.starts_with(host))?;
        let rest = rest.get(host.len()..)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = match authority.strip_prefix(':') {
            Some(digits) => Some(port(digits)?),
            None if authority.is_empty() => None,
            None => return None,
        };
        path.bytes().all(is_path).then(|| Self {
            text: text.to_owned(),
            host,
            port,
        })
    }

    /// As it came.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The URI with these parameters.
    pub(super) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        format!("{}?{query}", self.text)
    }

    /// What a Content-Security-Policy calls it, so that the browser follows the redirect after the form. Such a policy knows no
    /// IPv6 addresses, so there the scheme stands alone.
    pub(super) fn policy_source(&self) -> String {
        match (self.host, self.port) {
            ("127.0.0.1", Some(port)) => format!("http://127.0.0.1:{port}"),
            ("127.0.0.1", None) => "http://127.0.0.1".to_owned(),
            _ => "http:".to_owned(),
        }
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain)
}

fn is_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_listeners_are_answered() {
        for (text, source) in [
            ("http://127.0.0.1:43211/callback", "http://127.0.0.1:43211"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://127.0.0.1/", "http://127.0.0.1"),
            ("http://[::1]:43211/a/b", "http:"),
        ] {
            let uri = RedirectUri::parse(text).unwrap();
            assert_eq!((uri.as_str(), uri.policy_source().as_str()), (text, source));
        }
        let uri = RedirectUri::parse("http://127.0.0.1:1/cb").unwrap();
        assert_eq!(
            uri.with(&[("code", "a b"), ("state", "&")]),
            "http://127.0.0.1:1/cb?code=a+b&state=%26"
        );
    }

    #[test]
    fn nobody_else_is() {
        for text in [
            "",
            "http://localhost:8000/",
            "https://127.0.0.1:8000/",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1:8000.example.com/",
            "http://127.0.0.1@example.com/",
            "http://127.0.0.1:x@example.com/",
            "http://example.com/http://127.0.0.1/",
            "http://127.0.0.2:8000/",
            "http://[::1]example.com/",
            "http://[::2]:1/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:+1/",
            "http://127.0.0.1:65536/",
            "http://127.0.0.1:/",
            "http://127.0.0.1:1/?a=b",
            "http://127.0.0.1:1/#a",
            "http://127.0.0.1:1\\@example.com/",
            "http://127.0.0.1:1/\r\nLocation:x",
            "http://127.0.0.1:1/é",
            "HTTP://127.0.0.1:1/",
            "http://127.0.0.1\n",
        ] {
            assert_eq!(RedirectUri::parse(text), None, "{text}");
        }
    }
}
