//! What names, label keys and label values may be.

use super::{Problem, ProblemKind};
use crate::names::CLUSTER_MAX;

/// What is wrong with the name of a GuestCluster.
pub fn cluster_name(name: &str) -> Option<Problem> {
    if name.len() > CLUSTER_MAX {
        return Some(Problem {
            field: "metadata.name".to_owned(),
            value: None,
            kind: ProblemKind::TooLong,
            detail: format!(
                "may not be more than {CLUSTER_MAX} characters; {name:?} has {}",
                name.len()
            ),
        });
    }
    let problem = || Problem::invalid("metadata.name", name, format!("must be {DNS_1035}"));
    (!is_dns_1035(name)).then(problem)
}

pub(super) const DNS_1035: &str =
    "a DNS label: lower case letters, digits and '-', beginning with a letter and ending with a letter or digit";
pub(super) const DNS_1123: &str =
    "a DNS label: lower case letters, digits and '-', beginning and ending with a letter or digit";
/// What a label's value may be.
pub const LABEL_VALUE: &str =
    "empty or at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit";
/// What a label's key may be.
pub const LABEL_KEY: &str = "a label key: an optional DNS prefix with '/', then at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit";

fn is_dns_1035(name: &str) -> bool {
    is_dns_1123(name) && name.starts_with(|first: char| first.is_ascii_lowercase())
}

pub(super) fn is_dns_1123(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    is_framed(name, 63, inside) && !name.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether it is a DNS name in lower case.
pub fn is_dns_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_dns_1123)
}

/// Whether it may be a label's value.
pub fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_label_name(value)
}

/// Whether it may be a label's key.
pub fn is_label_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_label_name(name),
        None => is_label_name(key),
    }
}

fn is_label_name(name: &str) -> bool {
    is_framed(name, 63, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
    })
}

/// One to `max` bytes of a kind, the first and the last alphanumeric.
fn is_framed(text: &str, max: usize, inside: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    bytes.len() <= max
        && first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && bytes.iter().all(|byte| inside(*byte))
}
