use near_inputs::near_text;
use proptest::prelude::*;

use super::*;
use crate::{
    audit::Policy,
    authn::oidc::{key_set::KeySet, token::Token, url::HttpsUrl},
    table,
};

const TOKEN: &str =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovL2EiLCJhdWQiOiJiIiwic3ViIjoiYyIsImV4cCI6MX0.c2lnbmF0dXJl";
const KEYS: [&str; 2] = [
    r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
    r#"{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","n":"AQAB","e":"AQAB"},{}]}"#,
];
const CONFIGURATION: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n- issuer: {url: https://a.example, audiences: [b]}\n  claimMappings:\n    username: {claim: sub, prefix: 'sso:'}\n    groups: {claim: groups, prefix: 'sso:'}\n";
const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n  users: [a]\n  verbs: [get]\n  resources: [{group: '', resources: [secrets, 'pods/*']}]\n- level: None\n  nonResourceURLs: ['/healthz*']\n";

proptest! {
    #[test]
    fn fuzz_tokens_near_right_ones(text in near_text(&[TOKEN, "a.b.c", ""], &[".", "eyJ", "=", "e30"])) {
        if let Some(token) = Token::parse(&text) {
            prop_assert!(text.starts_with(token.signed));
            prop_assert!(token.claims.is_object());
        }
    }

    #[test]
    fn fuzz_key_sets_near_right_ones(text in near_text(&KEYS, &["\"kty\":", "\"EC\"", "AQAB", "{", "}", ",", "null"])) {
        if let Ok(keys) = KeySet::parse(text.as_bytes()) {
            prop_assert!(keys.has(None));
        }
    }

    #[test]
    fn fuzz_urls_near_right_ones(text in near_text(&["https://a.example:8443/b", "https://[2001:db8::1]/x?y#z", "http://u@h"], &["/", ":", "@", "#", "?", "[", "]", "%"])) {
        if let Some(url) = HttpsUrl::parse(&text) {
            prop_assert!(!url.host().is_empty() && text.to_ascii_lowercase().starts_with("https://"), "{text}");
            let authority = text.split('/').nth(2).unwrap_or_default();
            prop_assert!(!text.contains(['#', '?']) && !authority.contains('@'), "{text}");
        }
    }

    #[test]
    fn fuzz_configurations_near_right_ones(
        text in near_text(&[CONFIGURATION], &["\n- ", ": ", "{", "}", "claim: ", "'", "null", "expression: ", "expression: claims.sub", "valueExpression: "]),
        policy in near_text(&[POLICY], &["\n- ", ": ", "*", "level: ", "[", "]", "null"]),
    ) {
        let _ = AuthenticationConfiguration::parse(&text);
        let _ = Policy::parse(&policy);
    }

    #[test]
    fn fuzz_json_paths_near_right_ones(path in near_text(&[".spec.list[0].name", ".status.conditions[?(@.type==\"Ready\")].status", ".a['b.c'].d", "{.x}"], &["[", "]", ".", "?(@", "==", "'", "\\"])) {
        let value = json!({"spec": {"list": [{"name": "x"}]}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}, "a": {"b.c": {"d": 1}}});
        let _ = table::json_path_first(&path, &value);
    }
}
