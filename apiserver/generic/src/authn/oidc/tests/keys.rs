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
