//! Which tokens a guest accepts, and whom it takes their owner for.

use generic_apiserver::storage::redb::Engine;
use guestcluster_credentials::{Claims, Floor, Level, NumericDate, SigningKey};
use serde_json::json;

use super::bench::{Guest, guest, guest_in, simulation, trusting_guest};

async fn code(guest: &Guest, token: &str) -> u16 {
    guest.with_token(token).await.whoami().await.code
}

#[tokio::test]
async fn a_token_s_owner_is_who_the_supervisor_said() {
    let guest = trusting_guest("who").await;
    let user = guest.at(Level::Admin).await.whoami().await.ok();
    let expected = json!({
        "username": "sso:alice@corp.example",
        "uid": "u-1",
        "groups": ["sso:devs@corp.example", "guestclusters.dev:admin", "system:authenticated"],
        "extra": {"authentication.kubernetes.io/credential-id": ["JTI=c-1"]},
    });
    assert_eq!(user, expected);
    let groups = guest.at(Level::Login).await.whoami().await.ok()["groups"].clone();
    assert_eq!(
        groups,
        json!(["sso:devs@corp.example", "system:authenticated"]),
        "login adds nothing"
    );
}

#[tokio::test]
async fn nothing_is_accepted_until_the_guest_trusts_a_key() {
    let guest = guest("new").await;
    assert_eq!(code(&guest, &guest.token(Level::Admin)).await, 401);
    guest.trust(&guest.trusting(1)).await;
    assert_eq!(code(&guest, &guest.token(Level::Admin)).await, 201);
}

#[tokio::test]
async fn a_token_counts_in_one_guest_only() {
    let sim = simulation(&Engine::in_memory().unwrap()).await;
    let (ours, theirs) = (guest_in(&sim, "ours").await, guest_in(&sim, "theirs").await);
    for guest in [&ours, &theirs] {
        guest.trust(&guest.trusting(1)).await;
    }
    assert_eq!(code(&ours, &ours.token(Level::Admin)).await, 201);
    assert_eq!(code(&theirs, &ours.token(Level::Admin)).await, 401);
    let for_theirs = theirs.claims(Level::Admin);
    assert_eq!(
        code(&theirs, &ours.signing_key.mint(&for_theirs).unwrap()).await,
        401,
        "another guest's key"
    );
    let for_ours = ours.claims(Level::Admin);
    assert_eq!(
        code(&theirs, &theirs.signing_key.mint(&for_ours).unwrap()).await,
        401,
        "another guest's name"
    );
}

#[tokio::test]
async fn bad_tokens_are_401_and_nobody_becomes_anonymous_by_one() {
    let guest = trusting_guest("bad").await;
    let claims = guest.claims(Level::Admin);
    let expired = Claims {
        iat: claims.iat.plus(-600),
        nbf: claims.nbf.plus(-600),
        exp: claims.iat.plus(-1),
        ..claims.clone()
    };
    let forged = SigningKey::generate().unwrap().mint(&claims).unwrap();
    let by_trust_key = guest.trust_key.mint(&claims).unwrap();
    let tokens = [
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        guest.signing_key.mint(&expired).unwrap(),
        forged,
        by_trust_key,
        guest.trusting(9).sign(&guest.trust_key).unwrap(),
        guest.trusting(9).sign(&guest.signing_key).unwrap(),
    ];
    for (number, token) in tokens.iter().enumerate() {
        let client = guest.with_token(token).await;
        assert_eq!(client.get("/api/v1/namespaces").await.code, 401, "{number}");
        let public = client
            .get("/api/v1/namespaces/kube-public/configmaps/cluster-info")
            .await;
        assert_eq!(public.code, 401, "{number}");
    }
}

#[tokio::test]
async fn a_client_certificate_comes_before_a_token() {
    let guest = trusting_guest("both").await;
    for token in [None, Some("garbage".to_owned()), Some(guest.token(Level::Admin))] {
        let user = guest
            .with_certificate("kubernetes-admin", token)
            .await
            .whoami()
            .await
            .ok();
        assert_eq!(user["username"], "kubernetes-admin");
    }
}

#[tokio::test]
async fn revoked_tokens_and_those_below_a_floor_are_refused() {
    let guest = trusting_guest("revoke").await;
    let claims = guest.claims(Level::Admin);
    let token = guest.signing_key.mint(&claims).unwrap();
    let other = Claims {
        jti: "c-2".to_owned(),
        ..claims.clone()
    };
    let other = guest.signing_key.mint(&other).unwrap();
    let mut trust = guest.trusting(2);
    trust.revoked.insert("c-1".to_owned(), claims.exp);
    guest.trust(&trust).await;
    assert_eq!((code(&guest, &token).await, code(&guest, &other).await), (401, 201));

    let floor = |subject: Option<&str>, issued_before: NumericDate| Floor {
        subject: subject.map(str::to_owned),
        issued_before,
    };
    let cases = [
        (floor(Some("bob"), claims.iat), 201),
        (floor(Some("alice@corp.example"), claims.iat), 401),
        (floor(None, claims.iat.plus(-1)), 201),
        (floor(None, claims.iat), 401),
    ];
    for (number, (floor, expected)) in (3..).zip(cases) {
        let mut trust = guest.trusting(number);
        trust.floors.push(floor);
        guest.trust(&trust).await;
        assert_eq!(code(&guest, &token).await, expected, "{number}");
    }
}

#[tokio::test]
async fn a_key_that_was_taken_away_counts_no_more() {
    let guest = trusting_guest("keys").await;
    let token = guest.token(Level::View);
    let next = SigningKey::generate().unwrap();
    let mut trust = guest.trusting(2);
    trust.keys.push(next.public().clone());
    guest.trust(&trust).await;
    assert_eq!(code(&guest, &token).await, 201);
    trust.generation = 3;
    trust.keys.remove(0);
    guest.trust(&trust).await;
    assert_eq!(code(&guest, &token).await, 401);
    assert_eq!(code(&guest, &next.mint(&guest.claims(Level::View)).unwrap()).await, 201);
}
