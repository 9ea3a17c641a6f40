//! Request URIs, as Go's `url.ParseRequestURI` reads them: an absolute URL or an absolute path.

use std::collections::BTreeMap;

/// A parsed URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Url {
    pub(super) scheme: String,
    /// With its port.
    pub(super) host: String,
    pub(super) escaped_path: String,
    query: String,
    /// What follows the scheme where no path does, as in `mailto:a@b`.
    opaque: String,
}

impl Url {
    /// Reads one; none for what is none.
    pub(super) fn parse(text: &str) -> Option<Url> {
        if text.is_empty() || text.bytes().any(|byte| byte.is_ascii_control()) {
            return None;
        }
        let (scheme, rest) = split_scheme(text)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = Url {
            scheme: scheme.to_ascii_lowercase(),
            query: query.to_owned(),
            ..Url::default()
        };
        if !rest.starts_with('/') {
            rest.clone_into(&mut url.opaque);
            return (!scheme.is_empty() || rest == "*").then_some(url);
        }
        let path = match rest.strip_prefix("//").filter(|_| !scheme.is_empty()) {
            Some(after) => {
                let end = after.find('/').unwrap_or(after.len());
                url.host = host(&after[..end])?;
                &after[end..]
            }
            None => rest,
        };
        url.escaped_path = escaped_path(path)?;
        Some(url)
    }

    /// The host without its port and brackets.
    pub(super) fn hostname(&self) -> &str {
        let name = match (self.host.rfind(':'), self.host.rfind(']')) {
            (Some(colon), bracket) if bracket.is_none_or(|bracket| bracket < colon) => &self.host[..colon],
            _ => &self.host,
        };
        name.strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(name)
    }

    pub(super) fn port(&self) -> &str {
        match (self.host.rfind(':'), self.host.rfind(']')) {
            (Some(colon), bracket) if bracket.is_none_or(|bracket| bracket < colon) => &self.host[colon + 1..],
            _ => "",
        }
    }

    /// The values of each key; pairs that can't be read are left out.
    pub(super) fn query(&self) -> BTreeMap<String, Vec<String>> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in self
            .query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.contains(';'))
        {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| unescaped(&text.replace('+', " "));
            if let (Some(key), Some(value)) = (plain(key), plain(value)) {
                values.entry(key).or_default().push(value);
            }
        }
        values
    }
}

/// The scheme, if there is one, and the rest; none for a colon at the beginning.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return None,
            b':' => return Some((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Some(("", text))
}

/// The host and port of an authority, without who asks.
fn host(authority: &str) -> Option<String> {
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (user, host),
        None => ("", authority),
    };
    let is_user = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !user.bytes().all(is_user) || unescaped(user).is_none() {
        return None;
    }
    let port = match host.strip_prefix('[') {
        Some(inside) => {
            let end = inside.rfind(']')?;
            inside[..end].parse::<std::net::Ipv6Addr>().ok()?;
            &inside[end + 1..]
        }
        None => host.rfind(':').map_or("", |colon| &host[colon..]),
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let is_host =
        |byte: u8| !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte);
    if !is_port || !host.bytes().all(is_host) || host.contains('%') && !host.contains("%25") {
        return None;
    }
    unescaped(host)
}

/// The path as it may stand in a request.
fn escaped_path(path: &str) -> Option<String> {
    let plain = unescape_bytes(path)?;
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte);
    if path.bytes().all(|byte| stays(byte) || b"!'()*[]%".contains(&byte)) {
        return Some(path.to_owned());
    }
    Some(
        plain
            .into_iter()
            .map(|byte| {
                if stays(byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect(),
    )
}

fn unescaped(text: &str) -> Option<String> {
    unescape_bytes(text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn unescape_bytes(text: &str) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?].map(|digit| char::from(digit).to_digit(16));
        let [Some(high), Some(low)] = digits else { return None };
        plain.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_as_in_go() {
        let url = Url::parse("HTTPS://me:pw@a.example:80/b c/%2f?x=1&x=2&y=%20+").unwrap();
        assert_eq!(url.scheme, "https");
        assert_eq!(url.host, "a.example:80");
        assert_eq!((url.hostname(), url.port()), ("a.example", "80"));
        assert_eq!(url.escaped_path, "/b%20c//");
        assert_eq!(url.query()["x"], ["1", "2"]);
        assert_eq!(url.query()["y"], ["  "]);
        let six = Url::parse("http://[::1]:8080/%41").unwrap();
        assert_eq!(
            (six.hostname(), six.port(), &*six.escaped_path),
            ("::1", "8080", "/%41")
        );
        for text in [
            "https://",
            "/path",
            "mailto:a@b",
            "http://[::1]",
            "*",
            "https://a/#b",
            "http://a.example:",
        ] {
            assert!(Url::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "a.example",
            "a/b",
            "https://a b",
            "http://[::1",
            "http://a:b",
            ":x",
            "/%zz",
            "http://a\n",
            "http://%20/",
        ] {
            assert!(Url::parse(text).is_none(), "{text}");
        }
    }
}
