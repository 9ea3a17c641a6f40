//! The query part of a URL.

use percent_encoding::percent_decode_str;

/// The parameters of a query, decoded, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Parses `a=1&b=x%20y`; a parameter without `=` has an empty value, `+` is a space. One that can't be decoded is left out.
    pub fn parse(raw: &str) -> Query {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty() && is_well_formed(pair));
        Query(pairs.map(parse_pair).collect())
    }

    /// The first value of a parameter, which is the one that counts.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Every value of a parameter that may be repeated, such as `dryRun`.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Whether the parameter is there at all.
    pub fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// All parameters.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// Whether each `%` begins two hexadecimal digits.
fn is_well_formed(pair: &str) -> bool {
    let hex = |tail: &[u8]| tail.len() >= 2 && tail[..2].iter().all(u8::is_ascii_hexdigit);
    let bytes = pair.as_bytes();
    (0..bytes.len()).all(|at| bytes[at] != b'%' || hex(&bytes[at + 1..]))
}

fn parse_pair(pair: &str) -> (String, String) {
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    (decode(key), decode(value))
}

fn decode(raw: &str) -> String {
    if !raw.contains(['%', '+']) {
        return raw.to_owned();
    }
    let spaced = raw.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_values_and_keeps_repeated_ones() {
        let query = Query::parse("labelSelector=a%3Db%2Cc&dryRun=All&dryRun=&watch&x=1+2");
        assert_eq!(query.first("labelSelector"), Some("a=b,c"));
        assert_eq!(query.all("dryRun").collect::<Vec<_>>(), ["All", ""]);
        assert_eq!(query.first("watch"), Some(""));
        assert_eq!(query.first("x"), Some("1 2"));
        assert!(!query.has("y"));
        assert_eq!(Query::parse(""), Query::default());
        assert_eq!(Query::parse("labelSelector=%zz&a=%2&%=1"), Query::default());
    }
}
