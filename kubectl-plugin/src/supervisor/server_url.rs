//! The URL of a supervisor as a person types it.

use url::Url;

/// Reads `https://HOST[:PORT][/PATH]`; the scheme may be left out. What is returned has no slash at its end.
pub(crate) fn server_url(text: &str) -> Result<String, String> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&whole).map_err(|error| format!("must be a URL such as https://192.0.2.10:6443: {error}"))?;
    if url.scheme() != "https" {
        return Err("must begin with https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("must be a host, and a port and a path if needed, such as https://192.0.2.10:6443".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_written_in_one_way() {
        for (text, expected) in [
            ("https://127.0.0.1:6443", "https://127.0.0.1:6443"),
            ("https://127.0.0.1:6443/", "https://127.0.0.1:6443"),
            ("127.0.0.1:6443", "https://127.0.0.1:6443"),
            ("localhost:6443", "https://localhost:6443"),
            ("https://Example.COM:443/", "https://example.com"),
            ("https://[::1]:6443", "https://[::1]:6443"),
            (
                "https://rancher.example/k8s/clusters/c-1/",
                "https://rancher.example/k8s/clusters/c-1",
            ),
        ] {
            assert_eq!(server_url(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_a_server() {
        for wrong in [
            "",
            "http://a",
            "https://u:p@a",
            "https://a?x=1",
            "https://a#b",
            "https://",
            "ftp://a",
            "a b",
        ] {
            assert!(server_url(wrong).is_err(), "{wrong}");
        }
    }
}
