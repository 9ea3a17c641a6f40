use std::{collections::BTreeMap, fs, path::PathBuf};

use proptest::prelude::*;

use super::*;
use crate::{Floor, NumericDate, PublicKey};

const MINORS: std::ops::RangeInclusive<u32> = 32..=37;
const GUEST: &str = "7b1e2d9c-5f0a-4c7e-9a3d-1f2e3d4c5b6a";
const DISCOVERY: Discovery<'static> = Discovery {
    url: "https://127.0.0.1:26001/.well-known/openid-configuration",
    certificate_authority: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
};

/// Something of everything that a file may hold.
fn trust() -> Trust {
    let jwk = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let floor = |subject: Option<&str>, issued_before| Floor {
        subject: subject.map(str::to_owned),
        issued_before: NumericDate(issued_before),
    };
    Trust {
        guest_uid: GUEST.to_owned(),
        generation: 7,
        keys: vec![PublicKey::from_jwk(&jwk).unwrap()],
        revoked: BTreeMap::from([
            (
                "0d6f3f6e-8a55-4a39-9f53-3a2a7ce1d0aa".to_owned(),
                NumericDate(1_795_364_600),
            ),
            (
                "5c1b9c1e-1d0f-47b7-8a4e-0e8f0f6d7c11".to_owned(),
                NumericDate(1_795_364_900),
            ),
        ]),
        floors: vec![
            floor(None, 1_795_360_000),
            floor(Some("o'neil\\@corp.example"), 1_795_364_000),
        ],
        trust_keys: Vec::new(),
    }
}

fn golden(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "golden", name].iter().collect()
}

fn parsed(file: &str) -> Value {
    serde_saphyr::from_str(file).unwrap()
}

/// `UPDATE_GOLDEN=1 cargo test -p guestcluster-credentials golden` writes the files anew, for a review of what differs.
#[test]
fn every_minor_reads_its_golden_file() {
    for minor in MINORS {
        let files = [
            (format!("1.{minor}-first.yaml"), first(minor)),
            (format!("1.{minor}.yaml"), render(minor, &trust(), &DISCOVERY)),
        ];
        for (name, written) in files {
            let path = golden(&name);
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, &written).unwrap();
            }
            assert_eq!(written, fs::read_to_string(&path).unwrap(), "{name}");
        }
    }
}

#[test]
fn only_the_version_differs_between_minors() {
    let of = |minor| render(minor, &trust(), &DISCOVERY);
    assert_eq!(of(32).replace("/v1beta1\n", "/v1\n"), of(37));
    assert_eq!(parsed(&of(33))["apiVersion"], "apiserver.config.k8s.io/v1beta1");
    assert_eq!(parsed(&of(34))["apiVersion"], "apiserver.config.k8s.io/v1");
}

#[test]
fn what_cannot_change_without_a_restart_is_the_same_in_both_files() {
    let (first, full) = (parsed(&first(34)), parsed(&render(34, &trust(), &DISCOVERY)));
    assert_eq!(first["anonymous"], full["anonymous"]);
    assert!(first.get("jwt").is_none(), "nobody has a token yet");
}

#[test]
fn every_generation_is_another_file() {
    let next = Trust {
        generation: 8,
        ..trust()
    };
    assert_ne!(
        render(34, &trust(), &DISCOVERY),
        render(34, &next, &DISCOVERY),
        "or a removed key would go on to count"
    );
}

#[test]
fn many_revoked_tokens_are_several_rules() {
    let revoked = (0..2500).map(|n| (format!("{n:036}"), NumericDate(n))).collect();
    let file = parsed(&render(34, &Trust { revoked, ..trust() }, &DISCOVERY));
    let rules = file["jwt"][0]["claimValidationRules"].as_array().unwrap();
    let lists: Vec<_> = rules
        .iter()
        .map(|rule| rule["expression"].as_str().unwrap())
        .filter(|expression| expression.starts_with("!(claims.jti in"))
        .collect();
    assert_eq!(lists.len(), 3);
    assert!(lists.iter().all(|list| list.len() < 100_000));
    let ids: usize = lists.iter().map(|list| list.matches('\'').count() / 2).sum();
    assert_eq!(ids, 2500);
}

proptest! {
    /// Whatever stands in the data, the file has the same fields and as many rules: data never becomes a rule.
    #[test]
    fn data_stays_data(id in any::<String>(), subject in any::<String>(), certificate in any::<String>()) {
        let trust = Trust {
            revoked: BTreeMap::from([(id, NumericDate(1))]),
            floors: vec![Floor { subject: Some(subject.clone()), issued_before: NumericDate(1) }],
            ..trust()
        };
        let discovery = Discovery { certificate_authority: &certificate, ..DISCOVERY };
        let text = render(34, &trust, &discovery);
        prop_assert!(text.is_ascii());
        let file = parsed(&text);
        prop_assert_eq!(&file["jwt"][0]["issuer"]["certificateAuthority"], &certificate);
        let rules = file["jwt"][0]["claimValidationRules"].as_array().unwrap();
        prop_assert_eq!(rules.len(), 11);
        let last = rules[10]["expression"].as_str().unwrap();
        let literal = last.strip_prefix("claims.sub != '").and_then(|rest| rest.strip_suffix("' || claims.iat > 1")).unwrap();
        prop_assert!(ends_nowhere(literal), "{}", literal);
    }
}

/// Whether no quote in it ends the CEL string that it stands in.
fn ends_nowhere(literal: &str) -> bool {
    let mut characters = literal.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '\'' => return false,
            _ => {}
        }
    }
    true
}
