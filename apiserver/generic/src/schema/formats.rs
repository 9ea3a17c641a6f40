//! The `format` keyword: which formats are checked, and how.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Kind;

/// A format that kube-apiserver checks. Others are shown in documents and not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Unknown, or a format that any value of the type has.
    Unchecked,
    Int32,
    Int64,
    Float,
    Double,
    Date,
    DateTime,
    Duration,
    Byte,
    Ipv4,
    Ipv6,
    Cidr,
    Mac,
    Uri,
    Email,
    Hostname,
    HexColor,
    /// With the version digit that must be in it.
    Uuid(Option<u8>),
    ShortName,
    LongName,
}

impl Format {
    /// The format of this name on a value of this kind. Dashes in names don't count.
    pub(super) fn of(kind: Kind, name: &str) -> Format {
        match kind {
            Kind::Integer => match name {
                "int32" => Format::Int32,
                "int64" => Format::Int64,
                _ => Format::Unchecked,
            },
            Kind::Number => match name {
                "float" => Format::Float,
                "double" => Format::Double,
                _ => Format::Unchecked,
            },
            Kind::String | Kind::Any => Format::of_text(&name.replace('-', "")),
            Kind::Object | Kind::Array | Kind::Boolean => Format::Unchecked,
        }
    }

    fn of_text(name: &str) -> Format {
        match name {
            "date" => Format::Date,
            "datetime" => Format::DateTime,
            "duration" => Format::Duration,
            "byte" => Format::Byte,
            "ipv4" => Format::Ipv4,
            "ipv6" => Format::Ipv6,
            "cidr" => Format::Cidr,
            "mac" => Format::Mac,
            "uri" => Format::Uri,
            "email" => Format::Email,
            "hostname" => Format::Hostname,
            "hexcolor" => Format::HexColor,
            "uuid" => Format::Uuid(None),
            "uuid3" => Format::Uuid(Some(b'3')),
            "uuid4" => Format::Uuid(Some(b'4')),
            "uuid5" => Format::Uuid(Some(b'5')),
            "k8sshortname" => Format::ShortName,
            "k8slongname" => Format::LongName,
            _ => Format::Unchecked,
        }
    }

    /// Whether a string has the format.
    pub(super) fn accepts(self, text: &str) -> bool {
        match self {
            Format::Unchecked | Format::Int32 | Format::Int64 | Format::Float | Format::Double => true,
            Format::Date => is_date(text),
            Format::DateTime => is_date_time(text),
            Format::Duration => is_duration(text),
            Format::Byte => is_base64(text),
            Format::Ipv4 => is_ipv4(text),
            Format::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Format::Cidr => is_cidr(text),
            Format::Mac => is_mac(text),
            Format::Uri => is_uri(text),
            Format::Email => is_email(text),
            Format::Hostname => is_hostname(text),
            Format::HexColor => is_hex_color(text),
            Format::Uuid(version) => is_uuid(text, version),
            Format::ShortName => is_label(text, 63),
            Format::LongName => text.len() <= 253 && text.split('.').all(|label| is_label(label, 253)),
        }
    }
}

/// `2006-01-02`, a day that exists.
fn is_date(text: &str) -> bool {
    let [b0, b1, b2, b3, b'-', m0, m1, b'-', d0, d1] = text.as_bytes() else {
        return false;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0i16, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + i16::from(digit - b'0'))
        })
    };
    let (Some(year), Some(month), Some(day)) =
        (number(&[*b0, *b1, *b2, *b3]), number(&[*m0, *m1]), number(&[*d0, *d1]))
    else {
        return false;
    };
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else {
        return false;
    };
    jiff::civil::Date::new(year, month, day).is_ok()
}

/// RFC 3339, with a zone.
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else {
        return false;
    };
    if !is_date(date) || time.len() < 9 || !time.is_ascii() {
        return false;
    }
    let (clock, rest) = time.split_at(8);
    let [h0, h1, b':', m0, m1, b':', s0, s1] = clock.as_bytes() else {
        return false;
    };
    let within = |tens: u8, ones: u8, max: u8| {
        tens.is_ascii_digit() && ones.is_ascii_digit() && (tens - b'0') * 10 + (ones - b'0') <= max
    };
    within(*h0, *h1, 23) && within(*m0, *m1, 59) && within(*s0, *s1, 59) && is_zone(without_fraction(rest))
}

fn without_fraction(rest: &str) -> &str {
    match rest.strip_prefix('.') {
        Some(fraction) if fraction.starts_with(|c: char| c.is_ascii_digit()) => {
            fraction.trim_start_matches(|c: char| c.is_ascii_digit())
        }
        _ => rest,
    }
}

fn is_zone(zone: &str) -> bool {
    match zone.as_bytes() {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', digits @ ..] => {
            matches!(digits, [a, b, b':', c, d] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()))
        }
        _ => false,
    }
}

/// A Go duration such as `1h30m`, or any text with a number and a unit in words, such as `3 days`.
fn is_duration(text: &str) -> bool {
    is_go_duration(text) || has_worded_duration(text)
}

fn is_go_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let amount = &rest[..rest.len() - unit.len()];
        if !amount.contains(|c: char| c.is_ascii_digit()) || amount.matches('.').count() > 1 {
            return false;
        }
        let Some(after) = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"]
            .iter()
            .find_map(|name| unit.strip_prefix(name))
        else {
            return false;
        };
        rest = after;
    }
    true
}

fn has_worded_duration(text: &str) -> bool {
    const UNITS: [&str; 17] = [
        "ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk", "nano", "micro", "milli", "sec", "min", "hour",
    ];
    const LONG_UNITS: [&str; 8] = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        rest = rest[start..]
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .trim_start();
        let end = rest
            .find(|c: char| !c.is_ascii_alphabetic() && c != 'µ')
            .unwrap_or(rest.len());
        let unit = rest[..end].to_lowercase();
        if UNITS.contains(&unit.as_str()) || LONG_UNITS.iter().any(|long| unit.starts_with(long)) {
            return true;
        }
        rest = &rest[end..];
    }
    false
}

/// Standard base64 with padding. The empty string is no bytes.
fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    text.len().is_multiple_of(4)
        && padding <= 2
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

/// Four decimal parts; leading zeros are tolerated.
fn is_ipv4(text: &str) -> bool {
    let mut parts = 0;
    for part in text.split('.') {
        parts += 1;
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || part.trim_start_matches('0').len() > 3 || part.parse::<u32>().is_ok_and(|value| value > 255) {
            return false;
        }
    }
    parts == 4
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let max = if is_ipv4(address) {
        Ipv4Addr::BITS
    } else if address.parse::<Ipv6Addr>().is_ok() {
        Ipv6Addr::BITS
    } else {
        return false;
    };
    bits.bytes().all(|byte| byte.is_ascii_digit()) && bits.parse::<u32>().is_ok_and(|bits| bits <= max)
}

/// 6, 8 or 20 bytes: `01:23:..`, `01-23-..` or `0123.4567...`.
fn is_mac(text: &str) -> bool {
    let is_group = |group: &str, digits: usize| group.len() == digits && group.bytes().all(|b| b.is_ascii_hexdigit());
    let (separator, digits) = match text.find([':', '-', '.']).and_then(|at| text[at..].chars().next()) {
        Some('.') => ('.', 4),
        Some(separator) => (separator, 2),
        None => return false,
    };
    let bytes = text.split(separator).count() * digits / 2;
    matches!(bytes, 6 | 8 | 20) && text.split(separator).all(|group| is_group(group, digits))
}

/// An absolute URI or an absolute path.
fn is_uri(text: &str) -> bool {
    if text.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return false;
    }
    if text.starts_with('/') {
        return true;
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && !rest.is_empty()
}

/// One `@` between a local part and a domain, with an optional name before `<...>`.
fn is_email(text: &str) -> bool {
    let address = match text.strip_suffix('>') {
        Some(named) => named.rsplit_once('<').map_or("", |(_, address)| address),
        None => text,
    };
    let Some((local, domain)) = address.split_once('@') else {
        return false;
    };
    let is_word =
        |word: &str| !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "@<>(),;:".contains(c));
    is_word(local) && is_word(domain) && !local.starts_with('.') && !domain.ends_with('.')
}

fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    if text.is_empty() || text.len() > 255 || !text.split('.').all(is_label) {
        return false;
    }
    match text.rsplit_once('.') {
        None => true,
        Some((_, top)) => top.chars().count() >= 2 && top.chars().all(char::is_alphabetic),
    }
}

fn is_hex_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// 32 hexadecimal digits; dashes between the groups may be left out.
fn is_uuid(text: &str, version: Option<u8>) -> bool {
    let mut rest = text.as_bytes();
    let mut digits = Vec::with_capacity(32);
    for (group, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if group > 0
            && let [b'-', after @ ..] = rest
        {
            rest = after;
        }
        let Some((head, tail)) = rest.split_at_checked(length) else {
            return false;
        };
        digits.extend_from_slice(head);
        rest = tail;
    }
    let variant_is_right = || matches!(digits[16].to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b');
    rest.is_empty()
        && digits.iter().all(u8::is_ascii_hexdigit)
        && match version {
            None => true,
            Some(b'3') => digits[12] == b'3',
            Some(version) => digits[12] == version && variant_is_right(),
        }
}

/// Lower-case letters, digits and dashes, with no dash at the ends.
fn is_label(text: &str, max: usize) -> bool {
    !text.is_empty()
        && text.len() <= max
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_tells_good_from_bad() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("date", &["2024-02-29"], &["2023-02-29", "2024-2-1", "20240201", ""]),
            (
                "date-time",
                &[
                    "2024-01-02T03:04:05Z",
                    "2024-01-02t03:04:05.123z",
                    "2024-01-02T03:04:05+01:00",
                ],
                &[
                    "2024-01-02",
                    "2024-01-02T25:00:00Z",
                    "2024-01-02T03:04:05",
                    "2024-01-02T03:04:05.Z",
                    "now",
                ],
            ),
            (
                "duration",
                &["1h30m", "0", "-1.5s", "300ms", "3 days", "2 weeks"],
                &["", "h", "1", "5 parsecs"],
            ),
            ("byte", &["", "aGk=", "aGVsbG8h"], &["aGk", "a===", "a-b="]),
            (
                "ipv4",
                &["10.0.0.1", "010.0.0.1"],
                &["10.0.0", "10.0.0.256", "::1", "10.0.0.1.2", "a.b.c.d"],
            ),
            ("ipv6", &["::1", "fe80::1"], &["10.0.0.1", ":::"]),
            (
                "cidr",
                &["10.0.0.0/8", "fd00::/64"],
                &["10.0.0.0", "10.0.0.0/33", "10.0.0.0/+8", "x/8"],
            ),
            (
                "mac",
                &["01:23:45:67:89:ab", "0123.4567.89ab"],
                &["01:23:45", "0123456789ab", "0g:23:45:67:89:ab"],
            ),
            ("uri", &["https://a/b", "/path", "urn:x"], &["a/b", "https://a b", ""]),
            ("email", &["a@b.c", "Ada <a@b.c>"], &["a", "@b", "a@", "a@b@c"]),
            ("hostname", &["a", "a-b.example.org", "1a"], &["-a", "a..b", "a.1", ""]),
            ("hexcolor", &["#fff", "00ff00"], &["#ff", "ggg"]),
            (
                "uuid",
                &[
                    "123e4567-e89b-12d3-a456-426614174000",
                    "123E4567E89B12D3A456426614174000",
                ],
                &["123e4567", ""],
            ),
            (
                "uuid4",
                &["123e4567-e89b-42d3-a456-426614174000"],
                &["123e4567-e89b-12d3-a456-426614174000"],
            ),
            ("k8s-short-name", &["a-1"], &["A", "-a", "a.b"]),
            ("k8s-long-name", &["a-1.b"], &["a..b"]),
        ];
        for (name, good, bad) in table {
            let format = Format::of(Kind::String, name);
            for text in *good {
                assert!(format.accepts(text), "{name} refuses {text:?}");
            }
            for text in *bad {
                assert!(!format.accepts(text), "{name} accepts {text:?}");
            }
        }
    }

    #[test]
    fn formats_of_another_type_are_not_checked() {
        assert_eq!(Format::of(Kind::String, "int32"), Format::Unchecked);
        assert_eq!(Format::of(Kind::Object, "date"), Format::Unchecked);
        assert_eq!(Format::of(Kind::Integer, "uuid"), Format::Unchecked);
    }
}
