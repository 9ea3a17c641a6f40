//! Users by expressions. What kube-apiserver makes of the same configuration and tokens is compared in `tests/tokens`.

use super::*;

/// An authenticator that trusts one issuer by these rules.
fn by(issuer: &TestIssuer, rules: &Value) -> IdTokens {
    let mut file: Value = serde_json::from_str(&configuration(issuer)).unwrap();
    for (name, value) in rules.as_object().unwrap() {
        file["jwt"][0][name] = value.clone();
    }
    IdTokens::start(AuthenticationConfiguration::parse(&file.to_string()).unwrap())
}

#[tokio::test]
async fn a_user_is_made_by_expressions() {
    let key = SigningKey::ec("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let authenticator = by(
        &issuer,
        &json!({
            "claimMappings": {
                "username": {"expression": "'sso:' + claims.sub.lowerAscii()"},
                "groups": {"expression": "dyn(claims.group_names).map(g, 'sso:' + g)"},
                "uid": {"expression": "claims.?uid.orValue('')"},
                "extra": [
                    {"key": "corp.example/tenant", "valueExpression": "claims.tenant"},
                    {"key": "corp.example/none", "valueExpression": "claims.?nothing.orValue(null)"},
                ],
            },
            "claimValidationRules": [{"expression": "claims.exp - claims.iat <= 600", "message": "it lives too long"}],
            "userValidationRules": [{"expression": "user.groups.size() < 3", "message": "too many groups"}],
        }),
    );
    let mut good = claims(&issuer);
    good["sub"] = json!("Dev@Guest.Local");
    let user = send(&authenticator, &key.token(&good)).await.unwrap().unwrap();
    assert_eq!(user.name, "sso:dev@guest.local");
    assert_eq!(
        (user.groups, user.uid.as_deref()),
        (vec!["sso:team-a".to_owned()], Some("u1"))
    );
    assert_eq!(user.extra["corp.example/tenant"], ["ours"]);
    assert!(!user.extra.contains_key("corp.example/none"));
    assert_eq!(user.extra["authentication.kubernetes.io/credential-id"], ["JTI=id-1"]);

    let with = async |name: &str, value: Value| {
        let mut changed = good.clone();
        changed[name] = value;
        send(&authenticator, &key.token(&changed)).await
    };
    for (name, value, expected) in [
        (
            "exp",
            json!(Timestamp::now().as_second() + 3600),
            "failed: it lives too long",
        ),
        ("group_names", json!(["a", "b", "c"]), "failed: too many groups"),
        ("group_names", json!("a"), "resulted in error"),
        ("group_names", json!(["a", 7]), "resulted in error: no such overload"),
        ("sub", json!(7), "resulted in error: no such overload"),
        ("sub", json!("a\nb"), "no plain text"),
        ("sub", json!("x".repeat(300)), "too long"),
        ("uid", json!(7), "must return a string"),
        ("tenant", json!({"a": 1}), "must return a string or a list of strings"),
        ("tenant", json!("a\u{0}b"), "no plain text"),
        ("tenant", Value::Null, ""),
    ] {
        let outcome = with(name, value.clone()).await;
        match outcome {
            Err(refused) => assert!(
                refused.0.contains(expected) && !expected.is_empty(),
                "{name}: {refused}"
            ),
            Ok(user) => assert!(expected.is_empty() && user.is_some(), "{name}: {value} is taken"),
        }
    }
}

#[tokio::test]
async fn names_of_the_system_are_nobodys_whatever_an_expression_makes() {
    let key = SigningKey::ec("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    for mappings in [
        json!({"username": {"expression": "'system:' + claims.sub"}}),
        json!({"username": {"expression": "claims.sub"}, "groups": {"expression": "['system:masters']"}}),
        json!({"username": {"expression": "''"}}),
        json!({"username": {"expression": "claims"}}),
    ] {
        let authenticator = by(&issuer, &json!({"claimMappings": mappings}));
        let refused = send(&authenticator, &key.token(&claims(&issuer))).await;
        assert!(refused.is_err(), "{mappings}: {refused:?}");
    }
}

#[tokio::test]
async fn what_an_expression_may_cost_is_bounded_and_only_the_issuers_tokens_make_it_run() {
    let (key, foreign) = (SigningKey::ec("k1"), SigningKey::ec("k1"));
    let issuer = TestIssuer::start(&[&key]).await;
    let all = "dyn(claims.group_names)";
    let cubed = format!("{all}.all(a, {all}.all(b, {all}.all(c, a != b || b != c || a == c)))");
    let authenticator = by(&issuer, &json!({"claimValidationRules": [{"expression": cubed}]}));
    let mut many = claims(&issuer);
    many["group_names"] = json!((0..800).map(|number| format!("g{number}")).collect::<Vec<_>>());
    let forged = send(&authenticator, &foreign.token(&many)).await.unwrap_err();
    assert!(forged.0.contains("not signed by a key"), "{forged}");
    let begun = std::time::Instant::now();
    let refused = send(&authenticator, &key.token(&many)).await.unwrap_err();
    assert!(refused.0.contains("cost limit exceeded"), "{refused}");
    // In a debug build, on a machine with other work.
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    assert!(send(&authenticator, &key.token(&claims(&issuer))).await.is_ok());
}
