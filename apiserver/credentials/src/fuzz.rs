use std::collections::BTreeMap;

use near_inputs::near_text;
use proptest::prelude::*;
use serde_json::Value;

use crate::{PublicKey, SigningKey, jws::Unchecked, trust_object::InForce, x509::CertificateAuthority};

/// RFC 7515, appendix A.3.
const JWS: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const JWK: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// PEM of a certificate, its key, and a public key.
fn pems() -> [String; 3] {
    let (_, pair) = CertificateAuthority::generate("fuzz").unwrap();
    let public = SigningKey::generate().unwrap();
    [pair.certificate, pair.key, public.public().to_pem()]
}

proptest! {
    #[test]
    fn fuzz_a_changed_token_is_never_taken_for_the_signed_one(text in near_text(&[JWS], &[".", "=", "eyJ", "A", "e30"])) {
        let key = PublicKey::from_jwk(&serde_json::from_str::<Value>(JWK).unwrap()).unwrap();
        if let Ok(unchecked) = Unchecked::parse(&text, 10_000) {
            let checked = unchecked.check(&[key]);
            prop_assert!(checked.is_err() || text == JWS, "{text}");
        }
    }

    #[test]
    fn fuzz_keys_near_right_ones(text in near_text(&[JWK], &["\"x\":", "\"", "AAAA", "null", ",", "{", "}"])) {
        if let Ok(jwk) = serde_json::from_str::<Value>(&text)
            && let Ok(key) = PublicKey::from_jwk(&jwk)
        {
            let again = PublicKey::from_pem(&key.to_pem()).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(again.to_pem(), key.to_pem());
        }
    }

    #[test]
    fn fuzz_reports_near_right_ones(text in near_text(&[r#"{"generation":7,"hash":"sha256:ab"}"#], &["\"generation\":", "{", "}", ",", "null"])) {
        let annotations = BTreeMap::from([(InForce::annotation("node"), text)]);
        if let Some(report) = InForce::of(&annotations, "node") {
            let again = BTreeMap::from([(InForce::annotation("node"), report.to_json())]);
            prop_assert_eq!(InForce::of(&again, "node"), Some(report));
        }
    }
}

#[test]
fn fuzz_pem_near_right_files() {
    let pems = pems();
    let texts: Vec<&str> = pems.iter().map(String::as_str).collect();
    let words: &'static [&'static str] = &[
        "-----BEGIN CERTIFICATE-----\n",
        "-----END CERTIFICATE-----",
        "PRIVATE KEY",
        "=",
        "MII",
        "\n",
    ];
    let mut runner = proptest::test_runner::TestRunner::default();
    let inputs = (near_text(&texts, words), near_text(&texts, words));
    let run = runner.run(&inputs, |(first, second)| {
        let _ = PublicKey::from_pem(&first);
        let _ = SigningKey::from_pem(&first);
        let _ = CertificateAuthority::from_pem(&first, &second);
        let _ = CertificateAuthority::from_pem(texts[0], &second);
        Ok(())
    });
    assert_eq!(run, Ok(()));
}
