//! Keys that come, go and can't be had.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

#[tokio::test]
async fn an_issuer_that_comes_later_is_found() {
    let key = SigningKey::ec("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    issuer.serve("/keys", 503, &json!({}));
    let authenticator = trusting(&issuer);
    let token = key.token(&claims(&issuer));
    let refused = send(&authenticator, &token).await.unwrap_err();
    assert!(refused.0.contains("could not be fetched yet"), "{refused}");
    issuer.publish(&[&key]);
    let begun = Instant::now();
    // As a client that tries again: nothing else shows that the keys have come.
    while send(&authenticator, &token).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(15), "it is not found");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn unknown_keys_are_fetched_but_not_for_everybody() {
    let (old, new, foreign) = (SigningKey::ec("old"), SigningKey::ec("new"), SigningKey::ec("foreign"));
    let issuer = TestIssuer::start(&[&old]).await;
    let authenticator = trusting(&issuer);
    assert!(
        send(&authenticator, &old.token(&claims(&issuer)))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(issuer.fetches(), 1);
    for _ in 0..50 {
        assert!(send(&authenticator, &foreign.token(&claims(&issuer))).await.is_err());
    }
    assert_eq!(issuer.fetches(), 1, "the keys were fetched a moment ago");

    issuer.publish(&[&new]);
    let token = new.token(&claims(&issuer));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    assert!(
        send(&authenticator, &token).await.unwrap().is_some(),
        "a rotated key is found by its first token"
    );
    assert_eq!(issuer.fetches(), 2);
    let mut later = claims(&issuer);
    later["jti"] = json!("another");
    assert!(
        send(&authenticator, &old.token(&later)).await.is_err(),
        "a key that is gone is not trusted any more"
    );
}

#[tokio::test]
async fn a_flood_of_keys_that_nobody_has_is_one_fetch_in_ten_seconds() {
    let (key, foreign) = (SigningKey::ec("k1"), SigningKey::ec("foreign"));
    let issuer = TestIssuer::start(&[&key]).await;
    let authenticator = trusting(&issuer);
    send(&authenticator, &key.token(&claims(&issuer))).await.unwrap();
    let payload = claims(&issuer).to_string();
    let flood = async |round: usize| {
        let tokens = (0..200).map(|number| {
            let header = json!({"alg": "ES256", "kid": format!("{round}-{number}")}).to_string();
            jws(&header, &payload, |message| foreign.sign(message))
        });
        let asked = tokens.map(|token| {
            let authenticator = &authenticator;
            async move { send(authenticator, &token).await }
        });
        let refused = futures::future::join_all(asked).await;
        assert!(refused.iter().all(Result::is_err), "{round}");
    };
    for round in 0..3 {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(11)).await;
        tokio::time::resume();
        let before = issuer.fetches();
        flood(round).await;
        flood(round + 100).await;
        assert!(
            issuer.fetches() <= before + 1,
            "{round}: {} after {before}",
            issuer.fetches()
        );
        let mut fresh = claims(&issuer);
        fresh["jti"] = json!(format!("fresh-{round}"));
        assert!(
            send(&authenticator, &key.token(&fresh)).await.is_ok(),
            "others sign in meanwhile"
        );
    }
}

#[tokio::test]
async fn keys_that_can_not_be_trusted_are_none_and_drive_none_out() {
    let key = SigningKey::ec("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let authenticator = trusting(&issuer);
    send(&authenticator, &key.token(&claims(&issuer))).await.unwrap();
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"secret");
    let short = URL_SAFE_NO_PAD.encode(vec![0xff; 128]);
    let poison = json!({"keys": [
        {"kty": "oct", "kid": "k2", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode("secret")},
        {"kty": "oct", "kid": "k2", "alg": "ES256", "k": URL_SAFE_NO_PAD.encode("secret")},
        {"kty": "RSA", "kid": "k2", "alg": "RS256", "n": short, "e": "AQAB"},
    ]});
    issuer.serve("/keys", 200, &poison);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(301)).await;
    tokio::time::resume();
    issuer.fetched(2).await;
    let payload = claims(&issuer).to_string();
    for algorithm in ["HS256", "ES256", "RS256", "none"] {
        let header = json!({"alg": algorithm, "kid": "k2"}).to_string();
        let forged = jws(&header, &payload, |message| {
            aws_lc_rs::hmac::sign(&secret, message).as_ref().to_vec()
        });
        assert!(send(&authenticator, &forged).await.is_err(), "{algorithm}");
    }
    let mut fresh = claims(&issuer);
    fresh["jti"] = json!("fresh");
    assert!(
        send(&authenticator, &key.token(&fresh)).await.is_ok(),
        "the last good ones stay in force"
    );
}

#[tokio::test]
async fn keys_stay_in_force_while_the_issuer_is_away() {
    let key = SigningKey::ec("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let authenticator = trusting(&issuer);
    send(&authenticator, &key.token(&claims(&issuer))).await.unwrap();
    for (status, document) in [
        (500, json!({})),
        (200, json!({"keys": []})),
        (302, json!({})),
        (200, json!("x".repeat(300_000))),
    ] {
        issuer.serve("/keys", status, &document);
        let before = issuer.fetches();
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(301)).await;
        tokio::time::resume();
        issuer.fetched(before + 1).await;
        let mut fresh = claims(&issuer);
        fresh["jti"] = json!(format!("{status}-{before}"));
        assert!(
            send(&authenticator, &key.token(&fresh)).await.unwrap().is_some(),
            "{status}"
        );
    }
}

#[tokio::test]
async fn discovery_must_be_the_issuers_own() {
    let key = SigningKey::ec("k1");
    for (name, value) in [
        ("issuer", json!("https://elsewhere.example.com")),
        ("issuer", Value::Null),
        ("jwks_uri", json!("http://127.0.0.1:1/keys")),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("jwks_uri", Value::Null),
    ] {
        let issuer = TestIssuer::start(&[&key]).await;
        let mut discovery = json!({"issuer": issuer.url, "jwks_uri": format!("{}/keys", issuer.url)});
        discovery[name] = value.clone();
        issuer.serve("/.well-known/openid-configuration", 200, &discovery);
        let authenticator = trusting(&issuer);
        assert!(
            send(&authenticator, &key.token(&claims(&issuer))).await.is_err(),
            "{name}: {value}"
        );
        assert_eq!(issuer.fetches(), 0);
    }
}

#[tokio::test]
async fn an_issuer_with_another_authority_is_not_believed() {
    let key = SigningKey::ec("k1");
    let (issuer, other) = (TestIssuer::start(&[&key]).await, TestIssuer::start(&[&key]).await);
    let text = configuration(&issuer).replace(
        &json!(issuer.authority).to_string(),
        &json!(other.authority).to_string(),
    );
    let authenticator = IdTokens::start(AuthenticationConfiguration::parse(&text).unwrap());
    assert!(send(&authenticator, &key.token(&claims(&issuer))).await.is_err());
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn discovery_may_be_elsewhere() {
    let key = SigningKey::ec("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let name = "https://sso.invalid/tenant";
    issuer.serve(
        "/found",
        200,
        &json!({"issuer": name, "jwks_uri": format!("{}/keys", issuer.url)}),
    );
    let mut file: Value = serde_json::from_str(&configuration(&issuer)).unwrap();
    file["jwt"][0]["issuer"]["url"] = json!(name);
    file["jwt"][0]["issuer"]["discoveryURL"] = json!(format!("{}/found", issuer.url));
    let authenticator = IdTokens::start(AuthenticationConfiguration::parse(&file.to_string()).unwrap());
    let mut theirs = claims(&issuer);
    theirs["iss"] = json!(name);
    assert!(send(&authenticator, &key.token(&theirs)).await.unwrap().is_some());
}
