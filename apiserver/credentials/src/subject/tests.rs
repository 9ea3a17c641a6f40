use proptest::prelude::*;

use super::*;

fn policy() -> SubjectPolicy {
    SubjectPolicy::new("sso:", None).unwrap()
}

fn user(name: &str) -> Result<String, SubjectRefused> {
    Subject::of(&policy(), name, &[], None, Level::View).map(|subject| subject.user)
}

fn groups(names: &[&str], level: Level) -> Subject {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Subject::of(&policy(), "sso:alice@corp.example", &names, None, level).unwrap()
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("sso:group-{number}")).collect()
}

#[test]
fn the_prefix_is_taken_away_once() {
    assert_eq!(user("sso:alice@corp.example").as_deref(), Ok("alice@corp.example"));
    assert_eq!(user("sso:sso:alice").as_deref(), Ok("sso:alice"));
    assert_eq!(user("sso:partner:alice").as_deref(), Ok("partner:alice"));
}

#[test]
fn who_did_not_come_through_sso_is_refused() {
    let not_sso = SubjectRefused::NotSso {
        prefix: "sso:".to_owned(),
    };
    for name in [
        "alice",
        "kubernetes-admin",
        "SSO:alice",
        "system:admin",
        "system:anonymous",
        "",
    ] {
        assert_eq!(user(name), Err(not_sso.clone()), "{name}");
    }
    assert_eq!(
        user("system:serviceaccount:team-a:ci"),
        Err(SubjectRefused::ServiceAccount)
    );
}

#[test]
fn names_of_the_system_are_refused_behind_the_prefix_too() {
    for name in ["sso:system:admin", "sso:system:serviceaccount:team-a:ci", "sso:system:"] {
        assert_eq!(user(name), Err(SubjectRefused::Reserved), "{name}");
    }
}

#[test]
fn names_that_nobody_could_read_are_refused() {
    let long = format!("sso:{}", "a".repeat(257));
    for name in ["sso:", "sso:   ", "sso:a\nb", "sso:a\0", "sso:\u{9b}31m", &long] {
        assert_eq!(user(name), Err(SubjectRefused::Unusable), "{name:?}");
    }
    assert!(user(&long[..long.len() - 1]).is_ok());
}

#[test]
fn groups_of_sso_go_along_and_others_are_counted() {
    let subject = groups(
        &[
            "sso:devs@corp.example",
            "sso:devs@corp.example",
            "sso:sso:x",
            "local",
            "system:masters",
            "sso:system:masters",
            "sso:",
        ],
        Level::Admin,
    );
    assert_eq!(subject.groups, ["devs@corp.example", "sso:x"]);
    assert_eq!(subject.dropped_groups, 4);
}

#[test]
fn view_and_edit_carry_no_groups() {
    for level in [Level::View, Level::Edit] {
        let subject = groups(&["sso:devs", "system:masters"], level);
        assert_eq!((subject.groups.len(), subject.dropped_groups), (0, 0), "{level}");
    }
    assert_eq!(groups(&["sso:devs"], Level::Login).groups, ["devs"]);
}

#[test]
fn the_129th_group_is_refused_with_the_way_out() {
    let of = |count| Subject::of(&policy(), "sso:alice", &numbered(count), None, Level::Login);
    assert_eq!(of(128).unwrap().groups.len(), 128);
    let refused = of(129).unwrap_err();
    assert_eq!(refused, SubjectRefused::TooManyGroups { count: 129 });
    let text = refused.to_string();
    assert!(text.contains("129") && text.contains("--sso-group-filter"), "{text}");
}

#[test]
fn the_filter_selects_before_groups_are_counted() {
    let filter = Regex::new("^group-1$").unwrap();
    let policy = SubjectPolicy::new("sso:", Some(filter)).unwrap();
    let subject = Subject::of(&policy, "sso:alice", &numbered(500), None, Level::Admin).unwrap();
    assert_eq!(subject.groups, ["group-1"]);
    assert_eq!(subject.dropped_groups, 499);
}

#[test]
fn a_prefix_that_everyone_has_is_no_policy() {
    for prefix in ["", "system:", "system:serviceaccount:"] {
        assert!(SubjectPolicy::new(prefix, None).is_err(), "{prefix:?}");
    }
}

proptest! {
    #[test]
    fn no_input_brings_a_reserved_or_unreadable_name_into_a_token(
        user in "(sso:|system:|)(sso:|system:|)[a-c:@\\PC\\n]{0,8}",
        groups in prop::collection::vec("(sso:|system:|)(sso:|system:|)[a-c:@\\n]{0,4}", 0..200),
        level in prop::sample::select(&Level::ALL[..]),
    ) {
        let Ok(subject) = Subject::of(&policy(), &user, &groups, None, level) else { return Ok(()) };
        prop_assert!(user.starts_with("sso:"));
        prop_assert!(subject.groups.len() <= MOST_GROUPS);
        for name in subject.groups.iter().chain([&subject.user]) {
            prop_assert!(!name.starts_with("system:") && is_usable(name), "{:?}", name);
        }
    }
}
