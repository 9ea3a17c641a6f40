//! What a guest takes for what it trusts, and what it reports.

use generic_apiserver::storage::redb::Engine;
use guestcluster_credentials::{Level, SigningKey, Trust, trust_object};
use serde_json::json;

use super::bench::{Guest, TRUST_OBJECT, guest_in, report, simulation, trusting_guest};

async fn accepts_tokens(guest: &Guest) -> bool {
    guest.at(Level::Login).await.whoami().await.code == 201
}

/// Offers something, then an object that follows, and waits for that one: what was offered before has been judged.
async fn offer_and_pass_over(guest: &Guest, jws: &str, next_generation: u64) {
    guest.offer(jws).await;
    let admin = guest.admin().await;
    let offered = admin.get(TRUST_OBJECT).await.ok();
    assert_eq!(offered["data"]["trust.jws"], jws);
    assert!(accepts_tokens(guest).await, "what was in force before stays");
    guest.trust(&guest.trusting(next_generation)).await;
}

#[tokio::test]
async fn every_node_with_a_trust_key_reports_generation_and_hash() {
    let guest = trusting_guest("report").await;
    let trust = guest.trusting(2);
    let jws = trust.sign(&guest.trust_key).unwrap();
    guest.offer(&jws).await;
    assert_eq!(guest.in_force(2).await.hash, trust_object::hash(&jws));

    guest.add_control_plane("cp-2", Some(&guest.trust_key)).await;
    guest.add_control_plane("cp-3", None).await;
    let admin = guest.admin().await;
    let answer = admin
        .until(TRUST_OBJECT, |answer| report(answer, "report-cp-2").is_some())
        .await;
    assert_eq!(report(&answer, "report-cp-2"), report(&answer, "report-cp-1"));
    assert_eq!(report(&answer, "report-cp-3"), None, "it has no trust key");

    admin
        .merge(TRUST_OBJECT, json!({"metadata": {"annotations": null}}))
        .await
        .ok();
    guest.in_force(2).await;
}

#[tokio::test]
async fn a_generation_that_goes_back_is_refused_also_after_a_restart() {
    let engine = Engine::in_memory().unwrap();
    let guest = guest_in(&simulation(&engine).await, "back").await;
    let first = guest.trusting(1).sign(&guest.trust_key).unwrap();
    guest.trust(&guest.trusting(1)).await;
    let mut revoking = guest.trusting(2);
    revoking
        .revoked
        .insert("c-1".to_owned(), guest.claims(Level::Login).exp);
    guest.trust(&revoking).await;
    assert!(!accepts_tokens(&guest).await);

    guest.offer(&first).await;
    let guest = guest.restarted(&engine).await;
    let offered = guest.admin().await.get(TRUST_OBJECT).await.ok();
    assert_eq!(offered["data"]["trust.jws"], first);
    assert!(
        !accepts_tokens(&guest).await,
        "the older object would accept the revoked token again"
    );
    guest.trust(&guest.trusting(3)).await;
    assert!(accepts_tokens(&guest).await);
}

#[tokio::test]
async fn what_the_trust_key_did_not_sign_is_refused() {
    let guest = trusting_guest("forged").await;
    let theirs = SigningKey::generate().unwrap();
    let mut with_their_key = guest.trusting(50);
    with_their_key.keys = vec![theirs.public().clone()];
    with_their_key.trust_keys = vec![Trust::announce(&guest.guest_uid(), theirs.public(), &theirs).unwrap()];
    let other_guest = Trust {
        guest_uid: "other".to_owned(),
        ..guest.trusting(50)
    };
    let refused = [
        with_their_key.sign(&theirs).unwrap(),
        with_their_key.sign(&guest.signing_key).unwrap(),
        guest.token(Level::Admin),
        other_guest.sign(&guest.trust_key).unwrap(),
        "garbage".to_owned(),
        String::new(),
    ];
    for (generation, jws) in (2..).zip(refused) {
        offer_and_pass_over(&guest, &jws, generation).await;
    }
    let their_token = theirs.mint(&guest.claims(Level::Admin)).unwrap();
    assert_eq!(guest.with_token(&their_token).await.whoami().await.code, 401);
}

#[tokio::test]
async fn the_object_s_removal_changes_nothing_and_a_new_one_must_be_newer() {
    let guest = trusting_guest("removed").await;
    guest.trust(&guest.trusting(5)).await;
    guest.admin().await.delete(TRUST_OBJECT).await.ok();
    assert!(accepts_tokens(&guest).await);
    guest.offer(&guest.trusting(1).sign(&guest.trust_key).unwrap()).await;
    guest.in_force(5).await;
    guest.trust(&guest.trusting(6)).await;
}

#[tokio::test]
async fn what_no_node_s_trust_key_vouches_for_is_not_in_force() {
    let guest = trusting_guest("rollout").await;
    let other = SigningKey::generate().unwrap();
    guest.add_control_plane("cp-2", Some(&other)).await;
    assert!(accepts_tokens(&guest).await, "the old machine is still there");
    guest.remove_control_plane("cp-1").await;
    unreported(&guest, "rollout-cp-1").await;
    assert!(!accepts_tokens(&guest).await);

    guest.offer(&guest.trusting(1).sign(&other).unwrap()).await;
    let admin = guest.admin().await;
    admin
        .until(TRUST_OBJECT, |answer| report(answer, "rollout-cp-2").is_some())
        .await;
    assert!(accepts_tokens(&guest).await, "the new key begins anew");

    guest.add_control_plane("cp-3", None).await;
    guest.remove_control_plane("cp-2").await;
    unreported(&guest, "rollout-cp-2").await;
    assert!(!accepts_tokens(&guest).await, "without a trust key there are no tokens");
}

async fn unreported(guest: &Guest, node: &str) {
    let admin = guest.admin().await;
    admin.until(TRUST_OBJECT, |answer| report(answer, node).is_none()).await;
}

#[tokio::test]
async fn a_new_trust_key_is_followed_and_the_old_one_refused() {
    let engine = Engine::in_memory().unwrap();
    let guest = guest_in(&simulation(&engine).await, "follow").await;
    guest.trust(&guest.trusting(1)).await;
    let next = SigningKey::generate().unwrap();
    let announced = |generation| Trust {
        trust_keys: vec![Trust::announce(&guest.guest_uid(), next.public(), &guest.trust_key).unwrap()],
        ..guest.trusting(generation)
    };
    guest.offer(&announced(2).sign(&next).unwrap()).await;
    guest.in_force(2).await;
    guest.offer(&guest.trusting(3).sign(&guest.trust_key).unwrap()).await;
    let guest = guest.restarted(&engine).await;
    assert!(accepts_tokens(&guest).await);
    let mut last = guest.trusting(4);
    last.trust_keys = vec![Trust::announce(&guest.guest_uid(), next.public(), &guest.trust_key).unwrap()];
    guest.offer(&last.sign(&next).unwrap()).await;
    guest.in_force(4).await;
}
