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
            "jwt[0].claimMappings.username: claim or expression is required",
        ),
        (
            "/jwt/0/claimMappings/username",
            json!({"claim": "sub"}),
            "jwt[0].claimMappings.username.prefix: required",
        ),
        (
            "/jwt/0/claimMappings/groups",
            json!({"prefix": "a"}),
            "jwt[0].claimMappings.groups.claim: required",
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

/// Kube-apiserver 1.37 refuses each of these, too.
#[test]
fn expressions_that_can_not_be_meant_are_told_by_the_field() {
    for (pointer, value, expected) in [
        (
            "username",
            json!({"expression": "claims."}),
            "username.expression: \"claims.\": ",
        ),
        (
            "username",
            json!({"expression": "user.username"}),
            "undeclared reference to 'user'",
        ),
        (
            "username",
            json!({"expression": "claims.a", "claim": "b"}),
            "username: claim and expression can't both be set",
        ),
        (
            "username",
            json!({"expression": "claims.a", "prefix": "b"}),
            "username.prefix: may not be specified when",
        ),
        (
            "username",
            json!({"expression": ""}),
            "username: claim or expression is required",
        ),
        (
            "username",
            json!({"expression": "claims.email"}),
            "username.expression: claims.email_verified must be used in",
        ),
        (
            "username",
            json!({"expression": "claims.?email.orValue('')"}),
            "claims.email_verified must be used in",
        ),
        (
            "groups",
            json!({"expression": "claims.g.map(g, g)"}),
            "groups.expression: \"claims.g.map(g, g)\": compilation failed: ",
        ),
        ("uid", json!({"expression": "1 + 'a'"}), "uid.expression: "),
        (
            "uid",
            json!({"expression": "claims.a", "claim": "b"}),
            "uid: claim and expression can't both be set",
        ),
    ] {
        let mut file = good();
        file["jwt"][0]["claimMappings"][pointer] = value.clone();
        let error = refused(&file);
        assert!(
            error.starts_with("jwt[0].claimMappings.") && error.contains(expected),
            "{value}: {error}"
        );
    }
    for (key, value, expected) in [
        ("", "'x'", "extra[0].key: \"\" must be a domain-prefixed path"),
        ("foo", "'x'", "must be a domain-prefixed path"),
        ("example.org/", "'x'", "must be a domain-prefixed path"),
        ("/foo", "'x'", "must be a domain-prefixed path"),
        ("-example.org/foo", "'x'", "must be a domain-prefixed path"),
        ("example.org/f oo", "'x'", "must be a domain-prefixed path"),
        ("Example.org/foo", "'x'", "must be lowercase"),
        ("example.org/Foo", "'x'", "must be lowercase"),
        ("k8s.io/foo", "'x'", "reserved for Kubernetes"),
        ("a.k8s.io/foo", "'x'", "reserved for Kubernetes"),
        (
            "authentication.kubernetes.io/credential-id",
            "'x'",
            "reserved for Kubernetes",
        ),
        ("example.org/foo", "", "extra[0].valueExpression: required"),
        ("example.org/foo", "bogus", "extra[0].valueExpression: \"bogus\": "),
    ] {
        let mut file = good();
        file["jwt"][0]["claimMappings"]["extra"] = json!([{"key": key, "valueExpression": value}]);
        let error = refused(&file);
        assert!(error.contains(expected), "{key}: {error}");
    }
    let twice =
        json!([{"key": "example.org/a", "valueExpression": "'x'"}, {"key": "example.org/a", "valueExpression": "'y'"}]);
    let mut file = good();
    file["jwt"][0]["claimMappings"]["extra"] = twice;
    assert!(refused(&file).contains("extra[1].key: \"example.org/a\" is there twice"));

    for (rules, expected) in [
        (json!([{}]), "claimValidationRules[0]: claim or expression is required"),
        (
            json!([{"requiredValue": "a"}]),
            "claimValidationRules[0]: claim or expression is required",
        ),
        (
            json!([{"claim": "a", "expression": "true"}]),
            "claimValidationRules[0]: claim and expression can't both",
        ),
        (
            json!([{"claim": "a", "message": "m"}]),
            "claimValidationRules[0].message: may not be specified",
        ),
        (
            json!([{"expression": "true", "requiredValue": "a"}]),
            "claimValidationRules[0].requiredValue: may not be",
        ),
        (
            json!([{"claim": "a"}, {"claim": "a", "requiredValue": "b"}]),
            "claimValidationRules[1].claim: \"a\" is there twice",
        ),
        (
            json!([{"expression": "true"}, {"expression": "true"}]),
            "claimValidationRules[1].expression: \"true\" is there twice",
        ),
        (
            json!([{"expression": "claims.a"}]),
            "claimValidationRules[0].expression: \"claims.a\": must evaluate to bool",
        ),
    ] {
        let mut file = good();
        file["jwt"][0]["claimValidationRules"] = rules;
        let error = refused(&file);
        assert!(error.contains(expected), "{expected}: {error}");
    }
    for (rules, expected) in [
        (json!([{"message": "m"}]), "userValidationRules[0].expression: required"),
        (json!([{"expression": "user.bogus == 'a'"}]), "undefined field 'bogus'"),
        (
            json!([{"expression": "claims.sub == 'a'"}]),
            "undeclared reference to 'claims'",
        ),
        (json!([{"expression": "user.username"}]), "must evaluate to bool"),
        (
            json!([{"expression": "true"}, {"expression": "true"}]),
            "userValidationRules[1].expression: \"true\" is there twice",
        ),
    ] {
        let mut file = good();
        file["jwt"][0]["userValidationRules"] = rules;
        let error = refused(&file);
        assert!(
            error.starts_with("jwt[0].userValidationRules[") && error.contains(expected),
            "{error}"
        );
    }
}

#[test]
fn an_email_that_is_looked_at_may_be_a_name() {
    let verified = "claims.?email_verified.orValue(true) == true";
    let mut file = good();
    file["jwt"][0]["claimMappings"]["username"] = json!({"expression": "claims.email"});
    for (part, value) in [
        ("claimValidationRules", json!([{"expression": verified}])),
        (
            "claimMappings",
            json!({"username": {"expression": "claims.email_verified ? claims.email : ''"}}),
        ),
        (
            "claimMappings",
            json!({"username": {"expression": "claims.email"}, "extra": [{"key": "example.org/verified", "valueExpression": "string(claims.email_verified)"}]}),
        ),
    ] {
        let mut file = file.clone();
        file["jwt"][0][part] = value;
        AuthenticationConfiguration::parse(&file.to_string()).unwrap_or_else(|error| panic!("{error}"));
    }
}

fn refused(file: &Value) -> String {
    match AuthenticationConfiguration::parse(&file.to_string()) {
        Ok(_) => panic!("{file} is taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn two_configurations_become_one_unless_they_name_the_same_issuer() {
    let one = || AuthenticationConfiguration::parse(&good().to_string()).unwrap();
    assert!(one().and(one()).is_err());
    let other = changed("/jwt/0/issuer/url", json!("https://other.example.com")).unwrap();
    assert_eq!(one().and(other).unwrap().issuers.len(), 2);
}

#[test]
fn two_issuers_are_discovered_in_two_places() {
    let entry = |name: &str| {
        let mut jwt = good()["jwt"][0].clone();
        jwt["issuer"]["url"] = json!(format!("https://{name}.example.com"));
        jwt["issuer"]["discoveryURL"] = json!("https://one.example.com/found");
        jwt
    };
    let mut file = good();
    file["jwt"] = json!([entry("a"), entry("b")]);
    assert!(refused(&file).contains("issuer https://b.example.com has the discoveryURL of another one"));
}

#[test]
fn several_audiences_need_the_policy() {
    let mut file = good();
    file["jwt"][0]["issuer"]["audiences"] = json!(["a", "b"]);
    file["jwt"][0]["issuer"]["audienceMatchPolicy"] = json!("MatchAny");
    AuthenticationConfiguration::parse(&file.to_string()).unwrap();
}
