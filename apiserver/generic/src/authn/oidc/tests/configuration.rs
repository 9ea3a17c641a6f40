//! The file: what is taken, and how mistakes are told.

use super::*;

fn good() -> Value {
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [{
            "issuer": {"url": "https://sso.example.com/a", "audiences": ["x"], "certificateAuthority": authority()},
            "claimMappings": {"username": {"claim": "sub", "prefix": "sso:"}},
        }],
    })
}

fn authority() -> String {
    super::super::super::testing::authority().pem
}

/// What a change at a JSON pointer's place gives.
fn changed(pointer: &str, value: Value) -> Result<AuthenticationConfiguration, InvalidConfiguration> {
    let mut file = good();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    file.pointer_mut(parent).unwrap()[name] = value;
    AuthenticationConfiguration::parse(&file.to_string())
}

#[test]
fn both_versions_and_yaml_are_read() {
    for version in ["v1", "v1beta1"] {
        changed("/apiVersion", json!(format!("apiserver.config.k8s.io/{version}"))).unwrap();
    }
    let yaml = "apiVersion: apiserver.config.k8s.io/v1beta1\nkind: AuthenticationConfiguration\njwt: []\n";
    assert!(AuthenticationConfiguration::parse(yaml).unwrap().issuers.is_empty());
}

#[test]
fn mistakes_are_told_by_the_field() {
    let jwt = good()["jwt"][0].clone();
    for (pointer, value, expected) in [
        (
            "/apiVersion",
            json!("apiserver.config.k8s.io/v1alpha1"),
            "apiVersion: must be one of",
        ),
        ("/kind", json!("Other"), "kind: must be"),
        ("/anonymous", json!({"enabled": true}), "anonymous: can't be set here"),
        ("/more", json!(1), "more"),
        (
            "/jwt",
            json!([jwt, jwt]),
            "issuer https://sso.example.com/a is there twice",
        ),
        ("/jwt", json!(vec![jwt; 65]), "at most 64 issuers"),
        (
            "/jwt/0/issuer/url",
            json!("http://a"),
            "jwt[0].issuer.url: must be an https URL",
        ),
        (
            "/jwt/0/issuer/url",
            json!("https://a/?b"),
            "jwt[0].issuer.url: must be an https URL",
        ),
        (
            "/jwt/0/issuer/discoveryURL",
            json!("http://a"),
            "jwt[0].issuer.discoveryURL: must be an https URL",
        ),
        (
            "/jwt/0/issuer/discoveryURL",
            json!("https://sso.example.com/a"),
            "jwt[0].issuer.discoveryURL: must differ",
        ),
        (
            "/jwt/0/issuer/certificateAuthority",
            json!("junk"),
            "jwt[0].issuer.certificateAuthority: no PEM",
        ),
        (
            "/jwt/0/issuer/audiences",
            json!([]),
            "jwt[0].issuer.audiences: at least one",
        ),
        (
            "/jwt/0/issuer/audiences",
            json!(["a", "a"]),
            "jwt[0].issuer.audiences: at least one",
        ),
        (
            "/jwt/0/issuer/audiences",
            json!(["a", "b"]),
            "jwt[0].issuer.audienceMatchPolicy: must be MatchAny",
        ),
        (
            "/jwt/0/issuer/egressSelectorType",
            json!("cluster"),
            "jwt[0].issuer.egressSelectorType: not supported",
        ),
        (
            "/jwt/0/claimMappings/username",
            json!({}),
            "jwt[0].claimMappings.username.claim: required",
        ),
        (
            "/jwt/0/claimMappings/username",
            json!({"claim": "sub"}),
            "jwt[0].claimMappings.username.prefix: required",
        ),
        (
            "/jwt/0/claimMappings/username",
            json!({"expression": "claims.sub"}),
            "jwt[0].claimMappings.username.expression: expressions (CEL)",
        ),
        (
            "/jwt/0/claimMappings/groups",
            json!({"expression": "claims.g"}),
            "jwt[0].claimMappings.groups.expression: expressions (CEL)",
        ),
        (
            "/jwt/0/claimMappings/groups",
            json!({"prefix": "a"}),
            "jwt[0].claimMappings.groups.claim: required",
        ),
        (
            "/jwt/0/claimMappings/uid",
            json!({"expression": "claims.u"}),
            "jwt[0].claimMappings.uid.expression: expressions (CEL)",
        ),
        (
            "/jwt/0/claimMappings/extra",
            json!([{"key": "a/b", "valueExpression": "'x'"}]),
            "jwt[0].claimMappings.extra: expressions (CEL)",
        ),
        (
            "/jwt/0/userValidationRules",
            json!([{"expression": "true"}]),
            "jwt[0].userValidationRules: expressions (CEL)",
        ),
        (
            "/jwt/0/claimValidationRules",
            json!([{"expression": "true"}]),
            "jwt[0].claimValidationRules[0].expression: expressions (CEL)",
        ),
        (
            "/jwt/0/claimValidationRules",
            json!([{"requiredValue": "a"}]),
            "jwt[0].claimValidationRules[0].claim: required",
        ),
    ] {
        let error = changed(pointer, value)
            .err()
            .unwrap_or_else(|| panic!("{pointer} is taken"))
            .to_string();
        assert!(error.contains(expected), "{pointer}: {error}");
    }
    assert!(AuthenticationConfiguration::parse("").is_err());
}

#[test]
fn two_configurations_become_one_unless_they_name_the_same_issuer() {
    let one = || AuthenticationConfiguration::parse(&good().to_string()).unwrap();
    assert!(one().and(one()).is_err());
    let other = changed("/jwt/0/issuer/url", json!("https://other.example.com")).unwrap();
    assert_eq!(one().and(other).unwrap().issuers.len(), 2);
}

#[test]
fn several_audiences_need_the_policy() {
    let mut file = good();
    file["jwt"][0]["issuer"]["audiences"] = json!(["a", "b"]);
    file["jwt"][0]["issuer"]["audienceMatchPolicy"] = json!("MatchAny");
    AuthenticationConfiguration::parse(&file.to_string()).unwrap();
}
