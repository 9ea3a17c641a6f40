//! Ports, protocols and addresses as kube-apiserver checks them in the kinds that have had them from the beginning.

use std::net::{IpAddr, Ipv6Addr};

use generic_apiserver::FieldError;
use serde_json::Value;

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// The problem with the number of a port.
pub(super) fn port(field: &str, port: &Value) -> Option<FieldError> {
    let is_port = port.as_i64().is_some_and(|port| (1..=65_535).contains(&port));
    (!is_port).then(|| FieldError::invalid(field, port.clone(), "must be between 1 and 65535, inclusive"))
}

/// The problem with the protocol of a port.
pub(super) fn protocol(field: &str, protocol: &str) -> Option<FieldError> {
    let is_known = PROTOCOLS.contains(&protocol);
    (!is_known).then(|| FieldError::not_supported(field, protocol, &PROTOCOLS))
}

/// The problem with an address.
pub(super) fn address(field: &str, address: &str) -> Option<FieldError> {
    let Some(parsed) = parse(address) else {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        return Some(FieldError::invalid(field, address, detail));
    };
    let problem = if address.parse::<IpAddr>().is_err() {
        "must not have leading 0s"
    } else if parsed != parsed.to_canonical() {
        "must not be an IPv4-mapped IPv6 address"
    } else {
        return None;
    };
    Some(FieldError::invalid(field, address, problem))
}

/// The problems with an address that clients are sent to.
pub(super) fn reachable_address(field: &str, address: &str) -> Vec<FieldError> {
    let Some(parsed) = parse(address) else {
        return vec![FieldError::invalid(field, address, "must be a valid IP address")];
    };
    let unspecified = format!("may not be unspecified ({address})");
    // An IPv4 address in IPv6 is where that IPv4 address is.
    let (is_link_local, is_link_local_multicast) = match parsed.to_canonical() {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.segments()[0] & 0xff0f == 0xff02),
    };
    let canonical = parsed.to_canonical();
    let rules = [
        (canonical.is_unspecified(), unspecified.as_str()),
        (
            canonical.is_loopback(),
            "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ),
        (
            is_link_local,
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
        ),
        (
            is_link_local_multicast,
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    ];
    let broken = rules.into_iter().filter(|(is_broken, _)| *is_broken);
    broken
        .map(|(_, problem)| FieldError::invalid(field, address, problem))
        .collect()
}

/// What is said of an IPv6 address that is taken, though RFC 5952 writes it another way.
pub(super) fn address_warning(field: &str, address: &str) -> Option<String> {
    let canonical = address.parse::<Ipv6Addr>().ok()?.to_string();
    (canonical != address)
        .then(|| format!("{field}: IPv6 address {address:?} should be in RFC 5952 canonical format ({canonical:?})"))
}

/// An address, in whose IPv4 numbers zeros may come first, which count for nothing.
fn parse(address: &str) -> Option<IpAddr> {
    let numbers = address.split('.').map(|number| match number.trim_start_matches('0') {
        "" if !number.is_empty() => "0",
        significant => significant,
    });
    let plain = numbers.collect::<Vec<_>>().join(".");
    address.parse().or_else(|_| plain.parse()).ok()
}
