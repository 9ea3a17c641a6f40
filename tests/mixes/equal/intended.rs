//! Differences that are meant, and why.

/// Parts of a place that must all be in it, and the reason.
const INTENDED: &[(&[&str], &str)] = &[];

/// Why the two may differ there, if they may.
pub fn reason(place: &str) -> Option<&'static str> {
    let meant = INTENDED
        .iter()
        .find(|(parts, _)| parts.iter().all(|part| place.contains(part)));
    meant.map(|(_, reason)| *reason)
}
