use proptest::prelude::*;

use super::*;

fn trust(generation: u64) -> Trust {
    Trust {
        guest_uid: "7b1e".to_owned(),
        generation,
        keys: vec![SigningKey::generate().unwrap().public().clone()],
        revoked: BTreeMap::from([("c-1".to_owned(), NumericDate(1_000))]),
        floors: vec![Floor {
            subject: Some("alice@corp.example".to_owned()),
            issued_before: NumericDate(500),
        }],
        trust_keys: Vec::new(),
    }
}

fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

#[test]
fn what_is_signed_reads_back() {
    let (key, trust) = (key(), trust(7));
    assert_eq!(Trust::verify(&trust.sign(&key).unwrap(), key.public()), Ok(trust));
}

#[test]
fn another_key_does_not_count_whatever_the_object_says_of_itself() {
    let (ours, theirs) = (key(), key());
    let forged = Trust {
        trust_keys: vec![Trust::announce("7b1e", theirs.public(), &theirs).unwrap()],
        ..trust(9)
    };
    let refused = Trust::verify(&forged.sign(&theirs).unwrap(), ours.public());
    assert_eq!(refused, Err(TrustRefused::Jws(JwsRefused::Signature)));
}

#[test]
fn other_texts_by_the_trust_key_are_no_trust_object() {
    let key = key();
    let announcement = Trust::announce("7b1e", key.public(), &key).unwrap();
    assert_eq!(
        Trust::verify(&announcement, key.public()),
        Err(TrustRefused::Unreadable)
    );
    let same_words = jws::sign(&key, "JWT", &trust(1)).unwrap();
    assert_eq!(Trust::verify(&same_words, key.public()), Err(TrustRefused::Unreadable));
}

#[test]
fn a_node_follows_the_announcements_from_any_key_that_it_knows() {
    let (first, second, third) = (key(), key(), key());
    let trust = Trust {
        trust_keys: vec![
            Trust::announce("7b1e", second.public(), &first).unwrap(),
            Trust::announce("7b1e", third.public(), &second).unwrap(),
        ],
        ..trust(3)
    };
    let signed = trust.sign(&third).unwrap();
    for known in [&first, &second, &third] {
        let (_, newest) = Trust::verify_following(&signed, known.public()).unwrap();
        assert_eq!(newest, *third.public());
    }
    let by_an_older_one = trust.sign(&first).unwrap();
    assert!(
        Trust::verify(&by_an_older_one, first.public()).is_err(),
        "it has a successor"
    );
    assert!(Trust::verify(&signed, key().public()).is_err());
}

#[test]
fn an_announcement_of_another_guest_leads_nowhere() {
    let (first, second) = (key(), key());
    let trust = Trust {
        trust_keys: vec![Trust::announce("other", second.public(), &first).unwrap()],
        ..trust(3)
    };
    assert!(Trust::verify(&trust.sign(&second).unwrap(), first.public()).is_err());
}

#[test]
fn a_generation_never_goes_back() {
    let in_force = trust(7);
    assert_eq!(trust(8).may_follow(&in_force), Ok(()));
    assert_eq!(in_force.clone().may_follow(&in_force), Ok(()));
    for offered in [trust(6), trust(7), trust(0)] {
        let refused = TrustRefused::GoesBack {
            in_force: 7,
            offered: offered.generation,
        };
        assert_eq!(offered.may_follow(&in_force), Err(refused));
    }
    let other = Trust {
        guest_uid: "other".to_owned(),
        ..trust(8)
    };
    assert_eq!(
        other.may_follow(&in_force),
        Err(TrustRefused::OtherGuest("other".to_owned()))
    );
}

#[test]
fn the_next_generation_is_above_what_is_there_and_above_what_was_lost() {
    let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
    assert_eq!(Trust::next_generation(None, at(1_000)), 1_000);
    assert_eq!(
        Trust::next_generation(Some(&trust(7)), at(1_000)),
        1_000,
        "7 may be an old one"
    );
    assert_eq!(
        Trust::next_generation(Some(&trust(2_000)), at(1_000)),
        2_001,
        "the clock went back"
    );
    assert_eq!(Trust::next_generation(Some(&trust(u64::MAX)), at(-5)), u64::MAX);
}

#[test]
fn entries_go_when_no_token_can_need_them() {
    let at = |second| trust(1).without_expired(Timestamp::from_second(second).unwrap());
    assert_eq!(at(1_299).revoked.len(), 1, "a clock may be five minutes behind");
    assert_eq!(at(1_300).revoked.len(), 0);
    assert_eq!(at(500 + 3600).floors.len(), 1);
    assert_eq!(at(500 + 3900 + 300).floors.len(), 0);
}

#[test]
fn a_guest_uid_that_is_none_and_too_many_keys_are_unreadable() {
    let key = key();
    let many = vec![key.public().clone(); 17];
    let cases = [
        Trust {
            guest_uid: "a'b".to_owned(),
            ..trust(1)
        },
        Trust {
            guest_uid: String::new(),
            ..trust(1)
        },
        Trust { keys: many, ..trust(1) },
    ];
    for case in cases {
        let refused = Trust::verify(&case.sign(&key).unwrap(), key.public());
        assert_eq!(refused, Err(TrustRefused::Unreadable));
    }
}

proptest! {
    #[test]
    fn any_lists_read_back(
        generation: u64,
        revoked in prop::collection::btree_map("\\PC{1,20}", any::<i64>(), 0..20),
        floors in prop::collection::vec((prop::option::of("\\PC{1,20}"), any::<i64>()), 0..20),
        now in -100_000_000_000_i64..100_000_000_000,
    ) {
        let key = key();
        let trust = Trust {
            revoked: revoked.into_iter().map(|(id, exp)| (id, NumericDate(exp))).collect(),
            floors: floors
                .into_iter()
                .map(|(subject, time)| Floor { subject, issued_before: NumericDate(time) })
                .collect(),
            ..trust(generation)
        };
        prop_assert_eq!(Trust::verify(&trust.sign(&key).unwrap(), key.public()), Ok(trust.clone()));
        let now = Timestamp::from_second(now).unwrap();
        let left = trust.clone().without_expired(now);
        prop_assert!(left.revoked.iter().all(|(id, exp)| trust.revoked[id] == *exp));
        prop_assert_eq!(left.clone().without_expired(now), left);
    }
}
