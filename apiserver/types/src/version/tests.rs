use proptest::prelude::*;

use super::*;
use crate::Support;

fn version(text: &str) -> KubernetesVersion {
    text.parse().unwrap()
}

fn hint(text: &str) -> VersionHint {
    text.parse().unwrap()
}

fn candidates(list: &[(&str, Support)]) -> Vec<Candidate> {
    list.iter()
        .map(|(text, support)| Candidate {
            version: version(text),
            support: *support,
        })
        .collect()
}

fn chosen(asked: &str, list: &[(&str, Support)], running: Option<&str>) -> Result<String, String> {
    let running = running.map(version);
    resolve(&hint(asked), &candidates(list), running.as_ref())
        .map(|resolved| resolved.version.to_string())
        .map_err(|unresolved| unresolved.to_string())
}

const CATALOGUE: &[(&str, Support)] = &[
    ("v1.34.2", Support::Supported),
    ("v1.33.7", Support::Supported),
    ("v1.34.1", Support::Supported),
    ("v1.35.0", Support::Supported),
    ("v1.34.3", Support::Preview),
    ("v1.32.4", Support::Expired),
    ("v1.33.9", Support::Deprecated),
];

#[test]
fn whole_components_are_compared() {
    assert_eq!(chosen("v1.34", CATALOGUE, None).unwrap(), "v1.34.2");
    assert_eq!(
        chosen("v1.3", CATALOGUE, None).unwrap_err(),
        "no release fits v1.3; there are v1.35.0, v1.34.3, v1.34.2, v1.34.1, v1.33.9, v1.33.7, v1.32.4"
    );
    assert!(!hint("v1.34.1").matches(&version("v1.34.10")));
    assert!(hint("v1.34.1").matches(&version("v1.34.1+vendor.3")));
    assert!(!hint("v1.34.1+vendor.3").matches(&version("v1.34.1+vendor.30")));
    assert!(!hint("v1.34").matches(&version("v1.34.0-rc.1")));
}

#[test]
fn support_decides_before_age() {
    assert_eq!(
        chosen("v1.33", CATALOGUE, None).unwrap(),
        "v1.33.7",
        "deprecated v1.33.9 is newer"
    );
    assert_eq!(chosen("v1.33.9", CATALOGUE, None).unwrap(), "v1.33.9");
    assert_eq!(
        chosen("v1.34.3", CATALOGUE, None).unwrap(),
        "v1.34.3",
        "a preview named in full"
    );
    let only_preview = [("v1.36.0", Support::Preview)];
    assert_eq!(
        chosen("v1.36", &only_preview, None).unwrap_err(),
        "no release fits v1.36: v1.36.0 is a preview, name it in full to get it"
    );
    assert!(
        chosen("v1.32", CATALOGUE, None)
            .unwrap_err()
            .contains("v1.32.4 is expired; the others are v1.35.0")
    );
    assert_eq!(
        chosen("v1.32", CATALOGUE, Some("v1.32.4")).unwrap(),
        "v1.32.4",
        "what runs goes on"
    );
    assert_eq!(
        chosen("v1.34", &[], None).unwrap_err(),
        "no release fits v1.34: there are no releases at all"
    );
}

#[test]
fn the_running_version_limits_the_choice() {
    assert_eq!(chosen("v1.34", CATALOGUE, Some("v1.33.7")).unwrap(), "v1.34.2");
    let far = chosen("v1.35", CATALOGUE, Some("v1.33.7")).unwrap_err();
    assert!(
        far.starts_with(
            "no release fits v1.35: v1.35.0 is two minors above v1.33.7, which the cluster runs; go through v1.34 first"
        ),
        "{far}"
    );
    let down = chosen("v1.33", CATALOGUE, Some("v1.34.1")).unwrap_err();
    assert!(
        down.contains("v1.33.7 is below v1.34.1, which the cluster runs"),
        "{down}"
    );
}

#[test]
fn updates_are_supported_and_within_one_minor() {
    let offered: Vec<_> = updates(&version("v1.33.7"), &candidates(CATALOGUE))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(offered, ["v1.34.1", "v1.34.2"]);
}

#[test]
fn what_is_not_a_version() {
    for text in [
        "",
        "v",
        "1.34.2",
        "v1",
        "v1.34.",
        "v1.034.2",
        "v1.34.2.1",
        "v1.34.2-",
        "v1.34.2+",
        "v1.34.2+a..b",
        "v1.+3",
    ] {
        assert!(text.parse::<KubernetesVersion>().is_err(), "{text}");
        assert!(text.parse::<VersionHint>().is_err(), "{text}");
    }
}

#[test]
fn order() {
    let ascending = [
        "v1.34.0-alpha",
        "v1.34.0-alpha.1",
        "v1.34.0-rc.1",
        "v1.34.0",
        "v1.34.0+v.2",
        "v1.34.0+v.10",
        "v1.34.9",
        "v1.34.10",
    ];
    for pair in ascending.windows(2) {
        assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
    }
}

proptest! {
    #[test]
    fn display_gives_back_what_was_parsed(text in "v[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}(-[a-z0-9.-]{1,8})?(\\+[a-z0-9.-]{1,8})?") {
        if let Ok(parsed) = text.parse::<KubernetesVersion>() {
            prop_assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,24}") {
        let _ = text.parse::<VersionHint>().map(|hint| hint.matches(&version("v1.34.2")));
    }

    #[test]
    fn what_is_chosen_was_offered_matches_and_may_be_reached(
        minor in 30u64..36, running in proptest::option::of((30u64..36, 0u64..4)),
        offered in proptest::collection::vec((30u64..36, 0u64..4, 0u8..4), 0..12),
    ) {
        let supports = [Support::Preview, Support::Supported, Support::Deprecated, Support::Expired];
        let offered: Vec<_> = offered.iter()
            .map(|(minor, patch, support)| Candidate { version: version(&format!("v1.{minor}.{patch}")), support: supports[usize::from(*support)] })
            .collect();
        let running = running.map(|(minor, patch)| version(&format!("v1.{minor}.{patch}")));
        let asked = VersionHint::Minor { major: 1, minor };
        if let Ok(resolved) = resolve(&asked, &offered, running.as_ref()) {
            prop_assert!(asked.matches(&resolved.version));
            prop_assert!(offered.iter().any(|candidate| candidate.version == resolved.version));
            if let Some(running) = &running {
                prop_assert!(check_path(running, &resolved.version).is_ok());
            }
        }
    }
}
