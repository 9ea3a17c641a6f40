//! What is answered without signing in.

use super::*;

#[tokio::test]
async fn discovery_names_what_is_served() {
    let fixture = Fixture::new();
    let document = fixture.get("/.well-known/openid-configuration").await.json();
    assert_eq!(document["issuer"], ISSUER);
    for (endpoint, expected) in [
        ("jwks_uri", StatusCode::OK),
        ("authorization_endpoint", StatusCode::BAD_REQUEST),
        ("token_endpoint", StatusCode::METHOD_NOT_ALLOWED),
        ("revocation_endpoint", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let path = document[endpoint].as_str().unwrap().strip_prefix(ISSUER).unwrap();
        assert_eq!(fixture.get(path).await.status, expected, "{endpoint}");
    }
    assert_eq!(fixture.get("/userinfo").await.status, StatusCode::NOT_FOUND);
    let keys = fixture.get("/jwks").await.text;
    assert!(keys.contains("ES256") && !keys.contains("\"d\""), "{keys}");
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let fixture = Fixture::new();
    for answer in [
        fixture.open_page().await,
        fixture.get("/login").await,
        fixture.get("/nowhere").await,
        fixture.post("/token", &[]).await,
    ] {
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers[name], value, "{}", answer.text);
        }
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn bodies_are_forms_and_small() {
    let fixture = Fixture::new();
    let json = Request::post("/token").header("content-type", "application/json");
    assert_eq!(
        fixture.send(json, "{}".into()).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let large = fixture.post("/token", &[("code", &"x".repeat(40_000))]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let twice = fixture.post("/token", &[("code", "a"), ("code", "b")]).await;
    assert_eq!(
        (twice.status, twice.field("error").as_str()),
        (StatusCode::BAD_REQUEST, "invalid_request")
    );
    let long = fixture.get(&format!("/authorize?state={}", "x".repeat(10_000))).await;
    assert_eq!(long.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_foreign_client_is_never_redirected_to() {
    let fixture = Fixture::new();
    for (name, value) in [("redirect_uri", "https://evil.example/"), ("client_id", "kubernetes")] {
        let query: Vec<_> = authorization()
            .into_iter()
            .map(|(own, good)| (own, if own == name { value } else { good }))
            .collect();
        let answer = fixture.get(&format!("/authorize?{}", encode(&query))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(!answer.headers.contains_key(LOCATION) && !answer.text.contains("<form"));
    }
}

#[tokio::test]
async fn mistakes_of_the_client_are_told_to_it() {
    let fixture = Fixture::new();
    let query: Vec<_> = authorization()
        .into_iter()
        .filter(|(name, _)| *name != "code_challenge")
        .collect();
    let answer = fixture.get(&format!("/authorize?{}", encode(&query))).await;
    assert_eq!(answer.sent_back("error").unwrap(), "invalid_request");
    assert_eq!(answer.sent_back("state").unwrap(), "the state");
    assert_eq!(answer.sent_back("iss").unwrap(), ISSUER);
}
