use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Floor, SigningKey, Subject, SubjectPolicy, jws};

const GUEST: &str = "7b1e2d9c-5f0a-4c7e-9a3d-1f2e3d4c5b6a";
const NOW: i64 = 1_795_364_000;

/// A guest with one key, and a token of it to change.
struct Bench {
    key: SigningKey,
    trust: Trust,
}

fn bench() -> Bench {
    let key = SigningKey::generate().unwrap();
    let trust = Trust {
        guest_uid: GUEST.to_owned(),
        generation: 1,
        keys: vec![key.public().clone()],
        revoked: BTreeMap::new(),
        floors: Vec::new(),
        trust_keys: Vec::new(),
    };
    Bench { key, trust }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn claims(level: Level) -> Claims {
    let policy = SubjectPolicy::new("sso:", None).unwrap();
    let groups = ["sso:devs@corp.example".to_owned()];
    let subject = Subject::of(&policy, "sso:alice@corp.example", &groups, Some("u-1"), level).unwrap();
    Claims::new(GUEST, &subject, level, "c-1", at(NOW), Duration::from_mins(10))
}

impl Bench {
    fn verify(&self, token: &str) -> Result<Identity, TokenRefused> {
        self.verify_at(token, NOW)
    }

    fn verify_at(&self, token: &str, second: i64) -> Result<Identity, TokenRefused> {
        Verifier::new(self.trust.clone()).verify(token, at(second))
    }

    /// A token that says anything, signed by the guest's key.
    fn token(&self, payload: &impl serde::Serialize) -> String {
        jws::sign(&self.key, "JWT", payload).unwrap()
    }

    /// The answer to an admin's token with one claim changed; null takes it away.
    fn with(&self, claim: &str, value: Value) -> Result<Identity, TokenRefused> {
        let mut payload = serde_json::to_value(claims(Level::Admin)).unwrap();
        match value {
            Value::Null => drop(payload.as_object_mut().unwrap().remove(claim)),
            value => payload[claim] = value,
        }
        self.verify(&self.token(&payload))
    }
}

/// A token with a header of its own, over an admin's claims.
fn headed(header: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(&json!(claims(Level::Admin))));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sign(signed.as_bytes())))
}

fn signature_of(key: &SigningKey) -> impl Fn(&[u8]) -> Vec<u8> {
    |signed| key.sign(signed).unwrap().as_ref().to_vec()
}

#[test]
fn each_level_is_mapped_to_its_group_and_carries_what_it_should() {
    let bench = bench();
    let expected: [(Level, &[&str]); 4] = [
        (Level::Login, &["sso:devs@corp.example"]),
        (Level::View, &["guestclusters.dev:view"]),
        (Level::Edit, &["guestclusters.dev:edit"]),
        (Level::Admin, &["sso:devs@corp.example", "guestclusters.dev:admin"]),
    ];
    for (level, groups) in expected {
        let identity = bench.verify(&bench.key.mint(&claims(level)).unwrap()).unwrap();
        assert_eq!(identity.user, "sso:alice@corp.example");
        assert_eq!(identity.groups, groups, "{level}");
        assert_eq!(
            (identity.uid.as_deref(), identity.credential_id.as_str()),
            (Some("u-1"), "c-1")
        );
    }
}

#[test]
fn headers_decide_nothing_but_the_key() {
    let bench = bench();
    let good = [
        json!({"alg": "ES256", "kid": bench.key.kid(), "typ": "JWT"}),
        json!({"alg": "ES256", "kid": bench.key.kid(), "typ": "garbage"}),
        json!({"alg": "ES256", "kid": bench.key.kid()}),
        json!({"alg": "ES256"}),
    ];
    for header in good {
        assert!(
            bench.verify(&headed(&header, signature_of(&bench.key))).is_ok(),
            "{header}"
        );
    }
}

#[test]
fn other_algorithms_are_refused() {
    let bench = bench();
    let refused = |header: &Value, sign: &dyn Fn(&[u8]) -> Vec<u8>| bench.verify(&headed(header, sign)).unwrap_err();
    for alg in ["none", "None", "nOnE", ""] {
        assert_eq!(
            refused(&json!({"alg": alg}), &|_| Vec::new()),
            JwsRefused::Algorithm.into(),
            "{alg}"
        );
    }
    let secret = bench.key.public().to_pem();
    let hmac = |signed: &[u8]| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
        aws_lc_rs::hmac::sign(&key, signed).as_ref().to_vec()
    };
    assert_eq!(refused(&json!({"alg": "HS256"}), &hmac), JwsRefused::Algorithm.into());
    for alg in ["ES384", "RS256", "PS256", "EdDSA", "es256"] {
        let header = json!({"alg": alg, "kid": bench.key.kid()});
        assert_eq!(
            refused(&header, &signature_of(&bench.key)),
            JwsRefused::Algorithm.into(),
            "{alg}"
        );
    }
    let critical = json!({"alg": "ES256", "crit": ["exp"], "exp": 1});
    assert_eq!(
        refused(&critical, &signature_of(&bench.key)),
        JwsRefused::Critical.into()
    );
}

#[test]
fn keys_that_are_not_this_guests_are_refused_whatever_the_header_says() {
    let bench = bench();
    let theirs = SigningKey::generate().unwrap();
    let headers = [
        json!({"alg": "ES256", "kid": theirs.kid()}),
        json!({"alg": "ES256", "kid": bench.key.kid()}),
        json!({"alg": "ES256", "jwk": theirs.public().to_jwk()}),
        json!({"alg": "ES256", "kid": theirs.kid(), "jku": "https://attacker.example/jwks.json"}),
    ];
    for header in headers {
        let token = headed(&header, signature_of(&theirs));
        assert_eq!(bench.verify(&token), Err(JwsRefused::Signature.into()), "{header}");
    }
    let without_keys = Bench {
        trust: Trust {
            keys: Vec::new(),
            ..bench.trust.clone()
        },
        key: bench.key,
    };
    let token = without_keys.key.mint(&claims(Level::View)).unwrap();
    assert_eq!(without_keys.verify(&token), Err(JwsRefused::Signature.into()));
}

#[test]
fn every_key_of_the_guest_counts() {
    let mut bench = bench();
    let next = SigningKey::generate().unwrap();
    bench.trust.keys.push(next.public().clone());
    for key in [&bench.key, &next] {
        assert!(bench.verify(&key.mint(&claims(Level::View)).unwrap()).is_ok());
        assert!(
            bench
                .verify(&headed(&json!({"alg": "ES256"}), signature_of(key)))
                .is_ok()
        );
    }
}

#[test]
fn a_changed_payload_is_refused() {
    let bench = bench();
    let token = bench.key.mint(&claims(Level::View)).unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let admin = URL_SAFE_NO_PAD.encode(json!(claims(Level::Admin)).to_string());
    let forged = format!("{}.{admin}.{}", parts[0], parts[2]);
    assert_eq!(bench.verify(&forged), Err(JwsRefused::Signature.into()));
    for junk in ["", "garbage", "a.b.c", "{}", "..", &format!("{token}.{token}")] {
        assert!(bench.verify(junk).is_err(), "{junk:?}");
    }
    let huge = format!("{token}{}", "A".repeat(LONGEST));
    assert_eq!(bench.verify(&huge), Err(JwsRefused::Malformed.into()));
}

#[test]
fn only_this_guests_tokens_count() {
    let bench = bench();
    let ours = (issuer(GUEST), audience(GUEST));
    let issuers = [
        json!("https://attacker.example"),
        json!(format!("{}/", ours.0)),
        json!(issuer("other")),
    ];
    for iss in issuers {
        assert_eq!(bench.with("iss", iss.clone()), Err(TokenRefused::OtherGuest), "{iss}");
    }
    for iss in [Value::Null, json!(5), json!([ours.0])] {
        assert_eq!(bench.with("iss", iss.clone()), Err(TokenRefused::Unreadable), "{iss}");
    }
    assert_eq!(
        bench.with("aud", json!(audience("other"))),
        Err(TokenRefused::OtherGuest)
    );
    for aud in [
        Value::Null,
        json!(5),
        json!({}),
        json!([ours.1]),
        json!([ours.1, "other"]),
    ] {
        assert_eq!(bench.with("aud", aud.clone()), Err(TokenRefused::Unreadable), "{aud}");
    }
}

#[test]
fn names_must_be_names() {
    let bench = bench();
    for sub in [Value::Null, json!(7), json!(["alice"]), json!(true)] {
        assert_eq!(bench.with("sub", sub.clone()), Err(TokenRefused::Unreadable), "{sub}");
    }
    for sub in ["", "system:admin", "system:kube-scheduler", "system:serviceaccount:a:b"] {
        assert_eq!(bench.with("sub", json!(sub)), Err(TokenRefused::Claim("sub")), "{sub}");
    }
    for jti in [Value::Null, json!(7)] {
        assert_eq!(bench.with("jti", jti.clone()), Err(TokenRefused::Unreadable), "{jti}");
    }
    assert_eq!(bench.with("jti", json!("")), Err(TokenRefused::Claim("jti")));
    assert_eq!(bench.with("uid", json!(7)), Err(TokenRefused::Unreadable));
    assert_eq!(bench.with("uid", Value::Null).unwrap().uid, None);
}

#[test]
fn groups_must_be_a_list_of_names_that_is_not_too_long() {
    let bench = bench();
    for groups in [
        Value::Null,
        json!("admins"),
        json!(["a", 7]),
        json!([["a"]]),
        json!({"a": "b"}),
    ] {
        assert_eq!(
            bench.with("groups", groups.clone()),
            Err(TokenRefused::Unreadable),
            "{groups}"
        );
    }
    assert_eq!(
        bench.with("groups", json!([])).unwrap().groups,
        ["guestclusters.dev:admin"]
    );
    let of = |count: usize| bench.with("groups", json!((0..count).map(|n| n.to_string()).collect::<Vec<_>>()));
    assert!(of(128).is_ok());
    assert_eq!(of(129), Err(TokenRefused::Claim("groups")));
    assert_eq!(of(500), Err(TokenRefused::Claim("groups")));
    assert_eq!(
        bench.with("groups", json!(["system:masters"])),
        Err(TokenRefused::Claim("groups"))
    );
    let spoofed = bench.with("groups", json!(["guestclusters.dev:admin"])).unwrap();
    assert_eq!(
        spoofed.groups[0], "sso:guestclusters.dev:admin",
        "a group of SSO is never a level"
    );
}

#[test]
fn only_levels_of_tokens_count() {
    let bench = bench();
    assert_eq!(
        bench.with("level", json!("break-glass")),
        Err(TokenRefused::Claim("level"))
    );
    for level in [Value::Null, json!("owner"), json!("Admin"), json!(""), json!(["admin"])] {
        assert_eq!(
            bench.with("level", level.clone()),
            Err(TokenRefused::Unreadable),
            "{level}"
        );
    }
}

#[test]
fn a_token_ends_at_its_second_and_begins_five_minutes_early() {
    let bench = bench();
    let token = bench.key.mint(&claims(Level::View)).unwrap();
    assert!(bench.verify_at(&token, NOW + 599).is_ok());
    assert_eq!(bench.verify_at(&token, NOW + 600), Err(TokenRefused::Expired));
    assert!(bench.verify_at(&token, NOW - 300).is_ok());
    assert!(bench.verify_at(&token, NOW - 360).is_ok(), "a minute of leeway");
    assert_eq!(bench.verify_at(&token, NOW - 361), Err(TokenRefused::Early));
}

#[test]
fn times_must_fit_each_other() {
    let bench = bench();
    let times = |iat: i64, nbf: i64, exp: i64| {
        let claims = Claims {
            iat: NumericDate(iat),
            nbf: NumericDate(nbf),
            exp: NumericDate(exp),
            ..claims(Level::View)
        };
        bench.verify(&bench.token(&claims))
    };
    assert!(times(NOW, NOW - 300, NOW + 3600).is_ok());
    let year = 31_536_000;
    let refused = [
        times(NOW, NOW - 300, NOW + 3601),
        times(NOW, NOW - 301, NOW + 60),
        times(NOW - 301, NOW - 300, NOW + 60),
        times(NOW + 600, NOW, NOW + 1200),
        times(NOW + year, NOW, NOW + year + 3600),
        times(i64::MAX, i64::MIN, i64::MAX),
        times(0, i64::MIN, i64::MIN),
    ];
    for (number, answer) in refused.into_iter().enumerate() {
        assert_eq!(answer, Err(TokenRefused::Times), "{number}");
    }
    assert_eq!(
        times(NOW + year, NOW + year - 300, NOW + year + 600),
        Err(TokenRefused::Early)
    );
}

#[test]
fn times_must_be_there_as_whole_seconds() {
    let bench = bench();
    for claim in ["iat", "nbf", "exp"] {
        for value in [
            Value::Null,
            json!("1795364000"),
            json!(true),
            json!(1_795_364_000.5),
            json!(1e300),
            json!(u64::MAX),
        ] {
            assert_eq!(
                bench.with(claim, value.clone()),
                Err(TokenRefused::Unreadable),
                "{claim}: {value}"
            );
        }
    }
}

#[test]
fn a_claim_twice_is_refused() {
    let bench = bench();
    let text = json!(claims(Level::View)).to_string();
    let twice = text.replacen('{', r#"{"level":"admin","#, 1);
    let payload: Box<serde_json::value::RawValue> = serde_json::value::RawValue::from_string(twice).unwrap();
    assert_eq!(bench.verify(&bench.token(&payload)), Err(TokenRefused::Unreadable));
}

#[test]
fn revoked_tokens_and_those_below_a_floor_are_refused() {
    let mut bench = bench();
    let token = bench.key.mint(&claims(Level::View)).unwrap();
    bench.trust.revoked.insert("c-2".to_owned(), NumericDate(NOW));
    assert!(bench.verify(&token).is_ok());
    bench.trust.revoked.insert("c-1".to_owned(), NumericDate(NOW + 600));
    assert_eq!(bench.verify(&token), Err(TokenRefused::Revoked));

    let floor = |subject: Option<&str>, issued_before: i64| Floor {
        subject: subject.map(str::to_owned),
        issued_before: NumericDate(issued_before),
    };
    let mut with = |floors: &[Floor]| {
        bench.trust.revoked.clear();
        bench.trust.floors = floors.to_vec();
        bench.verify(&token)
    };
    let alice = Some("alice@corp.example");
    assert!(with(&[floor(None, NOW - 1), floor(alice, NOW - 1), floor(Some("bob"), NOW)]).is_ok());
    assert_eq!(with(&[floor(None, NOW)]), Err(TokenRefused::Revoked));
    assert_eq!(
        with(&[floor(alice, NOW), floor(alice, NOW - 9)]),
        Err(TokenRefused::Revoked)
    );
    assert_eq!(
        with(&[floor(None, NOW), floor(None, NOW - 9)]),
        Err(TokenRefused::Revoked)
    );
}

proptest! {
    #[test]
    fn what_is_minted_is_accepted_for_its_life_and_no_longer(
        user in "[a-z]{1,8}@[a-z.]{1,8}",
        groups in prop::collection::vec("sso:[a-z]{1,6}", 0..20),
        level in prop::sample::select(&Level::OF_TOKENS[..]),
        now in 0_i64..4_000_000_000,
        nanosecond in 0_i32..1_000_000_000,
        lifetime in 60_u64..=3600,
        offset in -1000_i64..5000,
    ) {
        let bench = bench();
        let now = Timestamp::new(now, nanosecond).unwrap();
        let policy = SubjectPolicy::new("sso:", None).unwrap();
        let subject = Subject::of(&policy, &format!("sso:{user}"), &groups, None, level).unwrap();
        let claims = Claims::new(GUEST, &subject, level, "c-1", now, Duration::from_secs(lifetime));
        let shown = now + SignedDuration::from_secs(offset);
        let answer = Verifier::new(bench.trust.clone()).verify(&bench.key.mint(&claims).unwrap(), shown);
        let lives = shown < claims.expiration() && shown >= Timestamp::from_second(claims.nbf.0).unwrap() - LEEWAY;
        prop_assert_eq!(answer.is_ok(), lives);
        if let Ok(identity) = answer {
            prop_assert_eq!(identity.user, format!("sso:{user}"));
            prop_assert!(identity.groups.iter().all(|group| group.starts_with("sso:") || group == level.group()));
        }
    }

    #[test]
    fn no_claims_bring_an_identity_of_the_system(
        sub in "(system:|sso:|)[a-z:]{0,8}",
        groups in prop::collection::vec("(system:|sso:|guestclusters.dev:|)[a-z:]{0,8}", 0..4),
        level in "(login|view|edit|admin|break-glass|system:masters)",
        iat in NOW - 400..NOW + 400,
        nbf in NOW - 400..NOW + 400,
        exp in NOW - 400..NOW + 4000,
    ) {
        let bench = bench();
        let payload = json!({
            "iss": issuer(GUEST), "aud": audience(GUEST), "sub": sub, "groups": groups, "level": level,
            "iat": iat, "nbf": nbf, "exp": exp, "jti": "c-1",
        });
        if let Ok(identity) = bench.verify(&bench.token(&payload)) {
            prop_assert!(exp > NOW && exp - nbf <= 3900 && (0..=300).contains(&(iat - nbf)) && nbf <= NOW + 60);
            prop_assert!(identity.user.starts_with("sso:") && !identity.user.starts_with("sso:system:"));
            let levels: Vec<_> = identity.groups.iter().filter(|group| !group.starts_with("sso:")).collect();
            let wanted = format!("guestclusters.dev:{level}");
            prop_assert!(levels.is_empty() && level == "login" || levels == [&wanted]);
        }
    }
}
