//! Spreads control-plane Machines over the failure domains that the infrastructure offers. Pure.

use guestcluster_types::names::content_hash;
use guestcluster_types::upstream::FailureDomain;
use serde_json::json;

/// What counts of a Machine for the place of others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) domain: Option<&'a str>,
    /// It is what the spec asks for, and not being deleted.
    pub(super) stays: bool,
}

/// The domain of the next Machine: the one with the fewest that stay, then with the fewest at all. Between equals each
/// control plane has an order of its own, so that not all begin in the same one.
pub(super) fn next(domains: &[FailureDomain], places: &[Place<'_>], owner_uid: &str) -> Option<String> {
    let count = |name: &str, staying: bool| {
        let inside = places.iter().filter(|place| place.domain == Some(name));
        inside.filter(|place| place.stays || !staying).count()
    };
    let offered = offered(domains).map(|domain| domain.name.as_str());
    let best = offered.min_by_key(|name| {
        (
            count(name, true),
            count(name, false),
            content_hash(&json!([owner_uid, name])),
        )
    });
    best.map(str::to_owned)
}

/// How much is won by removing a Machine from where it is: one in a domain that is not offered goes before all others,
/// then one in the domain with the most.
pub(super) fn crowd(domains: &[FailureDomain], places: &[Place<'_>], domain: Option<&str>) -> usize {
    if offered(domains).next().is_none() {
        return 0;
    }
    match domain.filter(|name| offered(domains).any(|offered| offered.name == *name)) {
        None => usize::MAX,
        Some(name) => places.iter().filter(|place| place.domain == Some(name)).count(),
    }
}

fn offered(domains: &[FailureDomain]) -> impl Iterator<Item = &FailureDomain> {
    domains.iter().filter(|domain| domain.control_plane == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> Vec<FailureDomain> {
        let domain = |(name, control_plane): (&str, bool)| FailureDomain {
            name: name.to_owned(),
            control_plane: Some(control_plane),
            ..FailureDomain::default()
        };
        [("a", true), ("b", true), ("c", true), ("workers", false)]
            .map(domain)
            .into()
    }

    /// Capitals do not stay.
    fn places(text: &str) -> Vec<Place<'_>> {
        let place = |at: usize| {
            let letter = &text[at..=at];
            let lower = match letter {
                "A" => "a",
                "B" => "b",
                "C" => "c",
                other => other,
            };
            Place {
                domain: Some(lower).filter(|domain| *domain != "-"),
                stays: letter == lower,
            }
        };
        (0..text.len()).map(place).collect()
    }

    #[test]
    fn the_next_goes_where_the_fewest_stay() {
        for (text, expected) in [
            ("ab", "c"),
            ("abca", "bc"),
            ("aabbc", "c"),
            ("abC", "c"),
            ("aAbc", "bc"),
            ("ABCab", "c"),
        ] {
            let next = next(&domains(), &places(text), "u").unwrap();
            assert!(expected.contains(&next), "{text}: {next}");
        }
        assert_eq!(next(&[], &places("--"), "u"), None);
        let first: std::collections::BTreeSet<_> = (0..32)
            .filter_map(|uid| next(&domains(), &[], &uid.to_string()))
            .collect();
        assert_eq!(first.len(), 3, "control planes begin in different ones: {first:?}");
    }

    #[test]
    fn one_goes_from_where_the_most_are() {
        let all = places("aab-x");
        let crowd_of = |domain| crowd(&domains(), &all, domain);
        assert_eq!((crowd_of(Some("a")), crowd_of(Some("b"))), (2, 1));
        assert_eq!((crowd_of(None), crowd_of(Some("x"))), (usize::MAX, usize::MAX));
        assert_eq!(crowd(&[], &all, None), 0, "without domains all are equal");
    }
}
