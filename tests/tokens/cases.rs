//! Tokens, good and bad.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use guestcluster_credentials::{SigningKey, audience, issuer};
use serde_json::{Value, json};

use crate::guest::{AWKWARD, Guest, revoked, sign, unsigned};

/// A token, and whether it should be accepted.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) token: String,
    pub(super) is_good: bool,
}

/// All of them. A claim that stands there twice is not among them: only the verifier refuses it.
pub(super) fn cases(guest: &Guest) -> Vec<Case> {
    let good = claims_accepted(guest).into_iter().map(|change| (change, true));
    let bad = claims_refused(guest).into_iter().map(|change| (change, false));
    let mut cases: Vec<_> = good
        .chain(bad)
        .map(|(change, is_good)| Case {
            name: change.to_string(),
            token: guest.with(&change),
            is_good,
        })
        .collect();
    cases.extend(headers(guest));
    cases.extend(forms(guest));
    cases
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("g-{number}")).collect()
}

fn claims_accepted(guest: &Guest) -> Vec<Value> {
    let now = guest.now;
    vec![
        json!({}),
        json!({"level": "login"}),
        json!({"level": "login", "groups": []}),
        json!({"level": "view", "groups": []}),
        json!({"level": "edit", "groups": []}),
        json!({"groups": numbered(128)}),
        json!({"groups": ["guestclusters.dev:admin"], "level": "login"}),
        json!({"uid": null}),
        json!({"sub": "sso:alice"}),
        json!({"jti": revoked(3000)}),
        json!({"nbf": now + 30, "iat": now + 30}),
        json!({"iat": now - 2900, "nbf": now - 3200, "exp": now + 600}),
        json!({"sub": "bob", "iat": now - 49}),
        json!({"sub": AWKWARD, "iat": now + 1, "nbf": now - 200}),
    ]
}

fn claims_refused(guest: &Guest) -> Vec<Value> {
    let now = guest.now;
    let uid = &guest.trust.guest_uid;
    let year = 31_536_000;
    let mut cases = vec![
        json!({"level": "break-glass"}),
        json!({"level": "owner"}),
        json!({"level": ""}),
        json!({"level": ["admin"]}),
        json!({"level": 7}),
        json!({"aud": [audience(uid)]}),
        json!({"aud": [audience(uid), "other"]}),
        json!({"aud": "other"}),
        json!({"aud": 5}),
        json!({"iss": "https://attacker.example"}),
        json!({"iss": format!("{}/", issuer(uid))}),
        json!({"iss": [issuer(uid)]}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"sub": ["alice"]}),
        json!({"sub": "system:admin"}),
        json!({"jti": ""}),
        json!({"jti": 7}),
        json!({"jti": revoked(0)}),
        json!({"jti": revoked(2999)}),
        json!({"jti": AWKWARD}),
        json!({"groups": "admins"}),
        json!({"groups": ["a", 7]}),
        json!({"groups": [["a"]]}),
        json!({"groups": {"a": "b"}}),
        json!({"groups": numbered(129)}),
        json!({"groups": numbered(500)}),
        json!({"groups": ["system:masters"]}),
        json!({"uid": 7}),
        json!({"uid": ["u-1"]}),
        json!({"exp": now - 1}),
        json!({"exp": now - 300, "nbf": now - 700, "iat": now - 600}),
        json!({"exp": now + 3601}),
        json!({"nbf": now - 301}),
        json!({"iat": now - 301}),
        json!({"iat": now + 600}),
        json!({"nbf": now + 2000, "iat": now + 2000}),
        json!({"iat": now + year, "exp": now + year + 3000}),
        json!({"iat": now + year, "nbf": now + year - 300, "exp": now + year + 3000}),
        json!({"iat": now - 3000, "nbf": now - 3200, "exp": now + 600}),
        json!({"sub": "bob", "iat": now - 50}),
        json!({"sub": AWKWARD}),
    ];
    for claim in ["iss", "aud", "sub", "groups", "level", "iat", "nbf", "exp", "jti"] {
        cases.push(json!({claim: null}));
    }
    for claim in ["iat", "nbf", "exp"] {
        cases.extend([json!({claim: "5"}), json!({claim: true})]);
    }
    // Fractions; binary ones, so that nothing is rounded on the way.
    let fraction = |second: i64| json!(f64::from(i32::try_from(second).unwrap()) + 0.5);
    cases.extend([
        json!({"iat": fraction(now)}),
        json!({"nbf": fraction(now - 200)}),
        json!({"exp": fraction(now + 60)}),
    ]);
    cases
}

fn headers(guest: &Guest) -> Vec<Case> {
    let payload = guest.claims(&json!({})).to_string();
    let (kid, theirs) = (guest.key.kid(), SigningKey::generate().unwrap());
    let case = |name: &str, key: &SigningKey, header: Value, is_good| Case {
        name: format!("{name}: {header}"),
        token: sign(key, &header, &payload),
        is_good,
    };
    let own = |header, is_good| case("own key", &guest.key, header, is_good);
    let other = |header| case("another key", &theirs, header, false);
    vec![
        own(json!({"alg": "ES256", "kid": kid}), true),
        own(json!({"alg": "ES256", "kid": kid, "typ": "garbage"}), true),
        own(json!({"alg": "ES256"}), true),
        own(json!({"alg": "ES384", "kid": kid}), false),
        own(json!({"alg": "none"}), false),
        own(json!({"alg": "ES256", "kid": kid, "crit": ["exp"], "exp": 1}), false),
        other(json!({"alg": "ES256", "kid": theirs.kid()})),
        other(json!({"alg": "ES256", "kid": kid})),
        other(json!({"alg": "ES256", "jwk": theirs.public().to_jwk()})),
        other(json!({"alg": "ES256", "kid": theirs.kid(), "jku": "https://127.0.0.1:1/jwks.json"})),
    ]
}

fn forms(guest: &Guest) -> Vec<Case> {
    let payload = guest.claims(&json!({})).to_string();
    let token = guest.token();
    let parts: Vec<_> = token.split('.').collect();
    let other = guest.with(&json!({"sub": "bob"}));
    let tampered = format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2]);
    let symmetric = unsigned(&json!({"alg": "HS256", "kid": guest.key.kid()}), &payload);
    let secret = hmac::Key::new(hmac::HMAC_SHA256, guest.key.public().to_pem().as_bytes());
    let tag = hmac::sign(&secret, symmetric.as_bytes());
    let bad = [
        ("a changed payload", tampered),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        (
            "alg none without a signature",
            format!("{}.", unsigned(&json!({"alg": "none"}), &payload)),
        ),
        (
            "HS256 by the public key",
            format!("{symmetric}.{}", URL_SAFE_NO_PAD.encode(tag)),
        ),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{token}.{}", parts[2])),
        ("padding", format!("{token}==")),
        ("garbage", "garbage".to_owned()),
        ("letters", "a.b.c".to_owned()),
        ("no claims", sign(&guest.key, &guest.header(), "[]")),
        ("what the guest trusts", guest.trust.sign(&guest.key).unwrap()),
    ];
    let case = |(name, token): (&str, String)| Case {
        name: name.to_owned(),
        token,
        is_good: false,
    };
    bad.into_iter().map(case).collect()
}
