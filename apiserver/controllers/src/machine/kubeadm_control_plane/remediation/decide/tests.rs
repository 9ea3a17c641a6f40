use super::*;
use proptest::prelude::*;

/// Seconds since 1970.
const NOW: i64 = 1_780_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// `y` is well, `n` is due, `u` is unwell without being due, `-` is due and never joined, `j` is joining, `d` is going.
fn patients(text: &str) -> Vec<Patient> {
    let patient = |(at, state): (usize, char)| Patient {
        member: Member {
            name: at.to_string(),
            deleting: state == 'd',
            up_to_date: true,
            ready: state == 'y',
            joined: !"-j".contains(state),
            marked: false,
            crowd: 0,
            created: Timestamp::from_second(at.try_into().unwrap()).unwrap(),
        },
        is_unwell: "nu-".contains(state),
        is_due: "n-".contains(state),
        is_asked: false,
        record: None,
    };
    text.chars().enumerate().map(patient).collect()
}

fn decided(patients: &[Patient], spec: &ControlPlaneRemediation, initialized: bool) -> Step {
    let bounds = Bounds {
        spec,
        initialized,
        in_progress: None,
    };
    decide(patients, &bounds, now())
}

/// The Machine that goes, or the reason for which none does.
fn outcome(step: &Step) -> String {
    match step {
        Step::Nothing => "-".to_owned(),
        Step::Replace(record) => record.machine.clone(),
        Step::Hold(_, verdict, _) => verdict.reason.clone(),
    }
}

#[test]
fn one_goes_only_while_the_others_serve_and_nothing_else_is_under_way() {
    let cases = [
        ("yyy", true, "-"),
        ("uyy", true, "-"),
        ("nyy", true, "0"),
        ("yny", true, "1"),
        ("nny", true, "CannotBeRemediated"),
        ("nnyyy", true, "0"),
        ("n", true, "CannotBeRemediated"),
        ("n", false, "0"),
        ("-", false, "0"),
        ("nyj", true, "RemediationDeferred"),
        ("nyd", true, "RemediationDeferred"),
        // One that never joined goes first, and takes nothing with it.
        ("n-y", true, "1"),
        ("yy-", true, "2"),
    ];
    for (text, initialized, expected) in cases {
        let step = decided(&patients(text), &ControlPlaneRemediation::default(), initialized);
        assert_eq!(outcome(&step), expected, "{text}");
    }
}

#[test]
fn what_somebody_asked_for_goes_first_and_while_it_goes_nothing_else_does() {
    let spec = ControlPlaneRemediation::default();
    let mut all = patients("nnyyy");
    all[1].is_asked = true;
    assert_eq!(outcome(&decided(&all, &spec, true)), "1");
    all[1].member.deleting = true;
    assert_eq!(decided(&all, &spec, true), Step::Nothing);

    let all = patients("nnyyy");
    let with = |machine: &str| Bounds {
        spec: &spec,
        initialized: true,
        in_progress: Some(Record::new(machine, now(), 3)),
    };
    assert_eq!(decide(&all, &with("gone"), now()), Step::Nothing);
    let Step::Replace(record) = decide(&all, &with("0"), now()) else {
        panic!("a crash before the deletion")
    };
    assert_eq!(record.retry_count, 3, "the record stays");
}

#[test]
fn replacements_that_are_unwell_too_are_counted_and_bounded() {
    let spec = ControlPlaneRemediation {
        max_retry: Some(2),
        retry_period_seconds: Some(60),
        min_healthy_period_seconds: Some(600),
    };
    // How long ago the Machine was made as a replacement, how many were before, what happens and when it may change.
    let cases = [
        (30, 0, "RemediationDeferred", Some(30)),
        (60, 0, "1", None),
        (60, 1, "2", None),
        (60, 2, "CannotBeRemediated", Some(540)),
        (599, 2, "CannotBeRemediated", Some(1)),
        (600, 2, "0", None),
    ];
    for (ago, count, expected, pause) in cases {
        let mut all = patients("nyy");
        all[0].record = Some(Record::new("former", Timestamp::from_second(NOW - ago).unwrap(), count));
        let (text, after) = match decided(&all, &spec, true) {
            Step::Replace(record) => (record.retry_count.to_string(), None),
            Step::Hold(_, verdict, pause) => (verdict.reason, pause.map(|pause| pause.as_secs())),
            Step::Nothing => panic!("nothing"),
        };
        assert_eq!((text.as_str(), after), (expected, pause), "{ago} s ago, {count}");
    }
    let mut all = patients("nyy");
    all[0].record = Some(Record::new("former", now(), 99));
    let Step::Replace(record) = decided(&all, &ControlPlaneRemediation::default(), true) else {
        panic!("without bounds it is tried for ever")
    };
    assert_eq!(record.retry_count, 100);
}

proptest! {
    /// Whatever is unwell: a majority of those that are left is well after a replacement begins.
    #[test]
    fn a_replacement_never_costs_the_quorum(text in "[ynud-]{1,7}") {
        let all = patients(&text);
        if let Step::Replace(record) = decided(&all, &ControlPlaneRemediation::default(), true) {
            let going = all.iter().find(|patient| patient.member.name == record.machine).unwrap();
            let left = || all.iter().filter(|patient| patient.member.name != record.machine && patient.member.joined);
            let well = left().filter(|patient| patient.member.ready).count();
            prop_assert!(well > 0 && (!going.member.joined || well > left().count() / 2), "{text}");
            prop_assert!(all.iter().all(|patient| !patient.member.deleting), "{text}");
        }
    }
}
