//! Codes, ID tokens, refresh tokens.

use super::*;
use crate::sso::{add_user, set_password};

#[tokio::test]
async fn a_code_becomes_an_id_token_as_vcenter_writes_them() {
    let fixture = Fixture::new();
    let answer = fixture.redeem(&fixture.code().await).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let claims = claims(&answer.field("id_token"));
    let now = fixture.now.as_second();
    for (name, value) in [
        ("iss", ISSUER.into()),
        ("sub", USER.into()),
        ("aud", "guestclusters".into()),
        ("username", "dev".into()),
        ("domain", "guest.local".into()),
        ("group_names", vec!["team-a-developers"].into()),
        ("iat", now.into()),
        ("exp", (now + 600).into()),
        ("nonce", "the nonce".into()),
    ] as [(&str, Value); 9]
    {
        assert_eq!(claims[name], value, "{name}");
    }
    assert!(claims["jti"].as_str().unwrap().len() >= 32);
    assert_eq!(answer.json()["refresh_expires_in"], 36_000);
}

#[tokio::test]
async fn a_code_is_for_who_asked_for_it() {
    let fixture = Fixture::new();
    for (name, value) in [
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"),
        ("redirect_uri", "http://127.0.0.1:43211/other"),
        ("code", "guessed"),
    ] {
        let code = fixture.code().await;
        let form: Vec<_> = redemption(&code)
            .into_iter()
            .map(|(own, good)| (own, if own == name { value } else { good }))
            .collect();
        let answer = fixture.post("/token", &form).await;
        assert_eq!(
            (answer.status, &*answer.field("error")),
            (StatusCode::BAD_REQUEST, "invalid_grant"),
            "{name}"
        );
        if name != "code" {
            assert_eq!(
                fixture.redeem(&code).await.status,
                StatusCode::BAD_REQUEST,
                "one attempt only"
            );
        }
    }
    let code = fixture.code().await;
    let without: Vec<_> = redemption(&code)
        .into_iter()
        .filter(|(name, _)| *name != "client_id")
        .collect();
    assert_eq!(fixture.post("/token", &without).await.field("error"), "invalid_client");
    assert_eq!(
        fixture.redeem(&code).await.status,
        StatusCode::OK,
        "the code was not used up by it"
    );
}

#[tokio::test]
async fn a_code_that_is_shown_twice_ends_the_session() {
    let fixture = Fixture::new();
    let code = fixture.code().await;
    let refresh_token = fixture.redeem(&code).await.field("refresh_token");
    assert_eq!(fixture.redeem(&code).await.field("error"), "invalid_grant");
    assert_eq!(fixture.refresh(&refresh_token).await.field("error"), "invalid_grant");
}

#[tokio::test]
async fn a_code_expires_after_a_minute() {
    let mut fixture = Fixture::new();
    let code = fixture.code().await;
    fixture.later(60);
    assert_eq!(fixture.redeem(&code).await.field("error"), "invalid_grant");
}

#[tokio::test]
async fn a_session_goes_on_over_a_restart_for_ten_hours() {
    let mut fixture = Fixture::new();
    let mut token = fixture.redeem(&fixture.code().await).await.field("refresh_token");
    for _ in 0..3 {
        fixture.later(3 * 3600);
        fixture.restart();
        let answer = fixture.refresh(&token).await;
        let claims = claims(&answer.field("id_token"));
        assert_eq!(claims["exp"], fixture.now.as_second() + 600);
        assert_eq!(claims["auth_time"], 1_800_000_000);
        token = answer.field("refresh_token");
    }
    fixture.later(3600);
    assert_eq!(fixture.refresh(&token).await.field("error"), "invalid_grant");
}

#[tokio::test]
async fn groups_follow_the_file_and_a_new_password_ends_sessions() {
    let mut fixture = Fixture::new();
    let token = fixture.redeem(&fixture.code().await).await.field("refresh_token");
    let users = fixture.folder.path().join("sso-users.yaml");
    let text = std::fs::read_to_string(&users).unwrap();
    assert!(text.contains("team-a-developers"));
    std::fs::write(&users, text.replace("team-a-developers", "others")).unwrap();
    let answer = fixture.refresh(&token).await;
    assert_eq!(
        claims(&answer.field("id_token"))["group_names"],
        serde_json::json!(["others"])
    );

    let token = answer.field("refresh_token");
    set_password(&fixture.dir, &USER.parse().unwrap(), "another password").unwrap();
    assert_eq!(fixture.refresh(&token).await.field("error"), "invalid_grant");
    assert_eq!(fixture.refresh(&token).await.field("error"), "invalid_grant");
    fixture.password = "another password".into();
    fixture.code().await;
}

#[tokio::test]
async fn users_can_be_added_while_it_runs() {
    let fixture = Fixture::new();
    let name = || "ana@guest.local".parse().unwrap();
    add_user(&fixture.dir, name(), vec!["team-b".into()], "a good password").unwrap();
    assert!(add_user(&fixture.dir, name(), vec![], "a good password").is_err());
    let answer = fixture
        .submit(&fixture.open_page().await, "ana", "a good password")
        .await;
    let answer = fixture.redeem(&answer.sent_back("code").unwrap()).await;
    assert_eq!(claims(&answer.field("id_token"))["sub"], "ana@guest.local");
}

#[tokio::test]
async fn logout_ends_the_session() {
    let fixture = Fixture::new();
    let token = fixture.redeem(&fixture.code().await).await.field("refresh_token");
    assert_eq!(
        fixture.post("/revoke", &[("token", "unknown")]).await.status,
        StatusCode::OK
    );
    assert_eq!(
        fixture.post("/revoke", &[("token", &token)]).await.status,
        StatusCode::OK
    );
    assert_eq!(fixture.refresh(&token).await.field("error"), "invalid_grant");
}

#[tokio::test]
async fn no_secret_is_in_the_files_of_sessions_and_users() {
    let fixture = Fixture::new();
    let token = fixture.redeem(&fixture.code().await).await.field("refresh_token");
    for file in ["sso-sessions.json", "sso-users.yaml"] {
        let text = std::fs::read_to_string(fixture.folder.path().join(file)).unwrap();
        let code = token.rsplit('.').next().unwrap();
        assert!(!text.contains(code) && !text.contains(&fixture.password), "{file}");
    }
}
