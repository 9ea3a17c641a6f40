//! Which tokens are accepted, as whom, and which are refused.

use super::*;

/// What a change of the good claims leads to.
async fn with(
    authenticator: &IdTokens,
    issuer: &TestIssuer,
    key: &SigningKey,
    name: &str,
    value: Value,
) -> Result<Option<User>, Refused> {
    let mut changed = claims(issuer);
    changed[name] = value;
    send(authenticator, &key.token(&changed)).await
}

#[tokio::test]
async fn a_good_token_gives_its_user() {
    for key in [SigningKey::ec("k1"), SigningKey::rsa("k2")] {
        let issuer = TestIssuer::start(&[&key]).await;
        let authenticator = trusting(&issuer);
        let token = key.token(&claims(&issuer));
        for _ in 0..2 {
            let user = send(&authenticator, &token).await.unwrap().unwrap();
            assert_eq!(user.name, "sso:dev@guest.local");
            assert_eq!(user.groups, ["sso:team-a"]);
            assert_eq!(user.uid.as_deref(), Some("u1"));
            assert_eq!(user.extra["authentication.kubernetes.io/credential-id"], ["JTI=id-1"]);
        }
    }
}

#[tokio::test]
async fn other_claims_that_are_good_too() {
    let key = SigningKey::ec("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let authenticator = trusting(&issuer);
    let now = Timestamp::now().as_second();
    for (name, value) in [
        ("aud", json!(["other", "guestclusters"])),
        ("nbf", json!(now + 50)),
        ("nbf", json!(now - 600)),
        ("iat", json!(now + 600)),
        ("exp", json!(f64::from(u32::MAX) + 0.5)),
        ("exp", json!(1e300)),
        ("group_names", json!([])),
        ("group_names", json!("one")),
        ("group_names", Value::Null),
        ("typ", json!("anything")),
    ] {
        let user = with(&authenticator, &issuer, &key, name, value.clone()).await;
        assert!(matches!(user, Ok(Some(_))), "{name}: {value}: {user:?}");
    }
    let user = with(&authenticator, &issuer, &key, "group_names", json!("one")).await;
    assert_eq!(user.unwrap().unwrap().groups, ["sso:one"]);
}

#[tokio::test]
async fn claims_that_are_not_good_are_refused() {
    let key = SigningKey::ec("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let authenticator = trusting(&issuer);
    let now = Timestamp::now().as_second();
    for (name, value) in [
        ("aud", json!("other")),
        ("aud", json!(["other"])),
        ("aud", json!([])),
        ("aud", json!(["guestclusters", 7])),
        ("aud", json!(123)),
        ("aud", json!({})),
        ("aud", Value::Null),
        ("exp", json!(now)),
        ("exp", json!(now - 1)),
        ("exp", json!("4102444800")),
        ("exp", json!(true)),
        ("exp", json!(-1)),
        ("exp", Value::Null),
        ("nbf", json!(now + 120)),
        ("nbf", json!("0")),
        ("iat", json!("x")),
        ("sub", json!("")),
        ("sub", json!("  ")),
        ("sub", json!("a\nb")),
        ("sub", json!("a\u{0}b")),
        ("sub", json!("x".repeat(257))),
        ("sub", json!(7)),
        ("sub", Value::Null),
        ("uid", json!(7)),
        ("tenant", json!("theirs")),
        ("tenant", json!(["ours"])),
        ("tenant", Value::Null),
        ("group_names", json!(["a", 7])),
        ("group_names", json!([["a"]])),
        ("group_names", json!(["a", ""])),
        ("group_names", json!({"a": "b"})),
    ] {
        let refused = with(&authenticator, &issuer, &key, name, value.clone()).await;
        assert!(refused.is_err(), "{name}: {value}: {refused:?}");
    }
}

#[tokio::test]
async fn a_token_of_somebody_else_is_no_credential_here() {
    let key = SigningKey::ec("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let authenticator = trusting(&issuer);
    for iss in [
        json!("https://sso.example.com"),
        json!(format!("{}/", issuer.url)),
        json!(issuer.url.to_uppercase()),
        json!([issuer.url]),
        json!(5),
        Value::Null,
    ] {
        let token = with(&authenticator, &issuer, &key, "iss", iss.clone()).await;
        assert_eq!(token, Ok(None), "{iss}");
    }
    for text in [
        "",
        "garbage",
        "a.b",
        "a.b.c",
        "e30.e30.e30",
        "a.b.c.d",
        "{\"payload\": \"x\"}",
        &"x".repeat(2_000_000),
    ] {
        assert_eq!(send(&authenticator, text).await, Ok(None), "{}", text.len());
    }
    let (head, ()) = http::Request::get("/").body(()).unwrap().into_parts();
    assert_eq!(
        authenticator.authenticate(&head, &Connection::default()).await,
        Ok(None)
    );
}

#[tokio::test]
async fn a_signature_must_be_the_issuers() {
    let (key, foreign) = (SigningKey::ec("k1"), SigningKey::ec("k1"));
    let issuer = TestIssuer::start(&[&key]).await;
    let authenticator = trusting(&issuer);
    let payload = claims(&issuer).to_string();
    let good = key.token(&claims(&issuer));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let hmac = |message: &[u8]| {
        let secret = aws_lc_rs::hmac::Key::new(
            aws_lc_rs::hmac::HMAC_SHA256,
            key.jwk()["x"].as_str().unwrap().as_bytes(),
        );
        aws_lc_rs::hmac::sign(&secret, message).as_ref().to_vec()
    };
    let own = |header: &str| jws(header, &payload, |message| key.sign(message));
    for (what, token) in [
        ("another key of the same name", foreign.token(&claims(&issuer))),
        ("no signature", format!("{signed}.")),
        ("alg none", jws(r#"{"alg":"none"}"#, &payload, |_| Vec::new())),
        (
            "alg nOnE",
            jws(r#"{"alg":"nOnE","kid":"k1"}"#, &payload, |_| Vec::new()),
        ),
        ("HS256", jws(r#"{"alg":"HS256","kid":"k1"}"#, &payload, hmac)),
        ("another algorithm", own(r#"{"alg":"ES384","kid":"k1"}"#)),
        ("RS256 by an EC key", own(r#"{"alg":"RS256","kid":"k1"}"#)),
        ("no algorithm", own(r#"{"kid":"k1"}"#)),
        ("critical extensions", own(r#"{"alg":"ES256","kid":"k1","crit":["x"]}"#)),
        ("a number as kid", own(r#"{"alg":"ES256","kid":7}"#)),
        (
            "a long kid",
            own(&format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(300))),
        ),
        ("alg twice", own(r#"{"alg":"none","alg":"ES256","kid":"k1"}"#)),
        (
            "a claim twice",
            jws(
                r#"{"alg":"ES256","kid":"k1"}"#,
                &payload.replacen('{', r#"{"sub":"admin","#, 1),
                |m| key.sign(m),
            ),
        ),
        (
            "a key of its own",
            jws(
                &json!({"alg": "ES256", "jwk": foreign.jwk(), "jku": "https://127.0.0.1:1/"}).to_string(),
                &payload,
                |m| foreign.sign(m),
            ),
        ),
    ] {
        assert!(send(&authenticator, &token).await.is_err(), "{what}");
    }
    assert!(
        matches!(send(&authenticator, &own(r#"{"alg":"ES256"}"#)).await, Ok(Some(_))),
        "any key where none is named"
    );
}

#[tokio::test]
async fn names_of_the_system_are_refused_without_a_prefix_too() {
    let key = SigningKey::ec("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let text = configuration(&issuer).replace("\"prefix\":\"sso:\"", "\"prefix\":\"\"");
    let bare = IdTokens::start(AuthenticationConfiguration::parse(&text).unwrap());
    assert_eq!(
        send(&bare, &key.token(&claims(&issuer))).await.unwrap().unwrap().name,
        "dev@guest.local"
    );
    for (name, value) in [
        ("sub", json!("system:admin")),
        ("sub", json!("system:serviceaccount:kube-system:x")),
        ("group_names", json!(["team-a", "system:masters"])),
    ] {
        assert!(with(&bare, &issuer, &key, name, value).await.is_err(), "{name}");
    }
    let prefixed = trusting(&issuer);
    let user = with(
        &prefixed,
        &issuer,
        &key,
        "group_names",
        json!(["system:masters", "sso:x"]),
    )
    .await;
    assert_eq!(user.unwrap().unwrap().groups, ["sso:system:masters", "sso:sso:x"]);
}

#[tokio::test]
async fn an_email_must_be_verified() {
    let key = SigningKey::ec("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let text = configuration(&issuer).replace("\"claim\":\"sub\"", "\"claim\":\"email\"");
    let authenticator = IdTokens::start(AuthenticationConfiguration::parse(&text).unwrap());
    for (verified, good) in [(json!(true), true), (json!(false), false), (json!("true"), false)] {
        let mut changed = claims(&issuer);
        changed["email"] = json!("dev@example.com");
        changed["email_verified"] = verified.clone();
        assert_eq!(
            send(&authenticator, &key.token(&changed)).await.is_ok(),
            good,
            "{verified}"
        );
    }
}
