//! The person at the sign-in page.

use super::*;

#[tokio::test]
async fn the_right_password_leads_back_to_the_client() {
    let fixture = Fixture::new();
    let page = fixture.open_page().await;
    assert_eq!(page.status, StatusCode::OK);
    let answer = fixture.submit(&page, "Dev", &fixture.password).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.sent_back("state").unwrap(), "the state");
    assert_eq!(answer.sent_back("iss").unwrap(), ISSUER);
    assert!(answer.sent_back("code").is_some() && answer.sent_back("error").is_none());
}

#[tokio::test]
async fn a_wrong_password_and_a_wrong_name_read_the_same() {
    let fixture = Fixture::new();
    let mut texts = Vec::new();
    for name in [USER, "nobody@guest.local"] {
        let page = fixture.open_page().await;
        let again = fixture.submit(&page, name, "wrong").await;
        assert_eq!(again.status, StatusCode::FORBIDDEN);
        let (login, id) = (again.hidden("login"), again.hidden("request"));
        assert_ne!(login, page.hidden("login"), "each form is good once");
        texts.push(again.text.replace(name, "NAME").replace(&login, "").replace(&id, ""));
        let signed_in = fixture.submit(&again, USER, &fixture.password).await;
        assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "the second attempt counts");
    }
    assert_eq!(texts[0], texts[1]);
    assert!(texts[0].contains("do not belong together"));
}

#[tokio::test]
async fn an_expired_page_leads_to_a_fresh_one() {
    let mut fixture = Fixture::new();
    let page = fixture.open_page().await;
    fixture.later(601);
    let expired = fixture.submit(&page, USER, &fixture.password).await;
    assert_eq!(expired.status, StatusCode::BAD_REQUEST);
    assert!(expired.text.contains("has expired"), "{}", expired.text);
    let link = expired
        .text
        .split("href=\"/authorize?")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let fresh = fixture.get(&format!("/authorize?{}", link.replace("&amp;", "&"))).await;
    let answer = fixture.submit(&fresh, USER, &fixture.password).await;
    assert_eq!(answer.sent_back("state").unwrap(), "the state");
}

#[tokio::test]
async fn a_form_is_good_once_and_after_a_restart_it_has_expired() {
    let mut fixture = Fixture::new();
    let page = fixture.open_page().await;
    assert_eq!(
        fixture.submit(&page, USER, &fixture.password).await.status,
        StatusCode::SEE_OTHER
    );
    assert!(
        fixture
            .submit(&page, USER, &fixture.password)
            .await
            .text
            .contains("has expired")
    );
    let page = fixture.open_page().await;
    fixture.restart();
    assert!(
        fixture
            .submit(&page, USER, &fixture.password)
            .await
            .text
            .contains("has expired")
    );
}

#[tokio::test]
async fn an_expired_page_of_somebody_else_leads_nowhere() {
    let fixture = Fixture::new();
    let form = [
        ("login", "x"),
        ("request", "client_id=guestclusters&redirect_uri=https://evil.example/"),
    ];
    let expired = fixture.post("/login", &form).await;
    assert!(
        expired.text.contains("has expired") && !expired.text.contains("href=\"/"),
        "{}",
        expired.text
    );
}

#[tokio::test]
async fn another_sites_form_is_refused() {
    let fixture = Fixture::new();
    let page = fixture.open_page().await;
    let form = [
        ("login", &*page.hidden("login")),
        ("username", USER),
        ("password", &fixture.password),
    ];
    for (header, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let request = Request::post("/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .header(header, value);
        assert_eq!(
            fixture.send(request, encode(&form)).await.status,
            StatusCode::FORBIDDEN,
            "{header}: {value}"
        );
    }
    let own = Request::post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", ISSUER)
        .header("sec-fetch-site", "same-origin");
    assert_eq!(fixture.send(own, encode(&form)).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guessing_ends_for_known_and_unknown_names_alike() {
    let mut fixture = Fixture::new();
    for name in [USER, "nobody@guest.local"] {
        let mut page = fixture.open_page().await;
        for _ in 0..10 {
            page = fixture.submit(&page, name, "wrong").await;
            assert_eq!(page.status, StatusCode::FORBIDDEN);
        }
        page = fixture.submit(&page, name, &fixture.password).await;
        assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(page.headers["retry-after"], "300");
        assert!(page.text.contains("Try again in 5 minutes"), "{}", page.text);
    }
    let page = fixture.open_page().await;
    fixture.later(300);
    assert_eq!(
        fixture.submit(&page, USER, &fixture.password).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn an_empty_field_is_asked_for_and_costs_no_attempt() {
    let fixture = Fixture::new();
    let mut page = fixture.open_page().await;
    for _ in 0..20 {
        page = fixture.submit(&page, USER, "").await;
        assert!(page.text.contains("Enter your user name and your password"));
    }
    assert_eq!(
        fixture.submit(&page, USER, &fixture.password).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_burst_of_attempts_is_answered_within_bounds() {
    let fixture = Fixture::new();
    let pages = futures::future::join_all((0..30).map(|_| fixture.open_page())).await;
    let names: Vec<_> = (0..30).map(|n| format!("user-{n}")).collect();
    let attempts = pages
        .iter()
        .zip(&names)
        .map(|(page, name)| fixture.submit(page, name, "wrong"));
    let answers = futures::future::join_all(attempts).await;
    let of = |status| answers.iter().filter(|answer| answer.status == status).count();
    let (checked, busy) = (of(StatusCode::FORBIDDEN), of(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(checked + busy, 30);
    assert!(checked >= 16 && busy > 0, "{checked} checked, {busy} turned away");
}
