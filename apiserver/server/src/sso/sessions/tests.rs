use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn signed_in(user: &str, second: i64) -> SignedIn {
    SignedIn {
        user: user.parse().unwrap(),
        at: at(second),
        password_mark: String::new(),
    }
}

fn open(folder: &tempfile::TempDir) -> Sessions {
    Sessions::open(Arc::new(DataDir::open_or_create(folder.path()).unwrap())).unwrap()
}

async fn renew(sessions: &Sessions, token: &str, second: i64) -> Option<String> {
    let renewed = sessions.renew(token, |_| true, at(second)).await.unwrap();
    renewed.map(|renewed| renewed.refresh_token)
}

#[tokio::test]
async fn each_token_brings_the_next_and_a_restart_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder)
        .begin(signed_in("dev", 0), at(0))
        .await
        .unwrap()
        .refresh_token;
    let second = renew(&open(&folder), &first, 100).await.unwrap();
    assert_ne!(first, second);
    let third = renew(&open(&folder), &second, 200).await.unwrap();
    assert_ne!(second, third);
}

#[tokio::test]
async fn a_lost_answer_is_given_again_but_an_old_token_ends_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = open(&folder);
    let first = sessions.begin(signed_in("dev", 0), at(0)).await.unwrap().refresh_token;
    let second = renew(&sessions, &first, 100).await.unwrap();
    assert_eq!(renew(&sessions, &first, 109).await, Some(second.clone()));
    assert_eq!(renew(&sessions, &first, 110).await, None);
    assert_eq!(
        renew(&sessions, &second, 111).await,
        None,
        "the thief and the robbed both sign in anew"
    );
}

#[tokio::test]
async fn a_session_ends_by_time_by_logout_and_with_the_right() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = open(&folder);
    let begun = sessions.begin(signed_in("dev", 0), at(0)).await.unwrap();
    assert_eq!(begun.until, at(36_000));
    assert_eq!(renew(&sessions, &begun.refresh_token, 36_000).await, None);

    let begun = sessions.begin(signed_in("dev", 0), at(0)).await.unwrap();
    sessions.end_by_token(&begun.refresh_token).await.unwrap();
    assert_eq!(renew(&sessions, &begun.refresh_token, 1).await, None);

    let begun = sessions.begin(signed_in("dev", 0), at(0)).await.unwrap();
    let refused = sessions.renew(&begun.refresh_token, |_| false, at(1)).await.unwrap();
    assert!(refused.is_none());
    assert_eq!(
        renew(&open(&folder), &begun.refresh_token, 2).await,
        None,
        "it does not come back"
    );
}

#[tokio::test]
async fn a_token_that_was_tampered_with_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = open(&folder);
    let begun = sessions.begin(signed_in("dev", 0), at(0)).await.unwrap();
    let token = begun.refresh_token;
    for bad in [
        "",
        ".",
        "..",
        "a.b.c",
        &token[1..],
        &token[..token.len() - 1],
        &format!("{token}A"),
        &token.replacen(".0.", ".1.", 1),
    ] {
        assert_eq!(renew(&sessions, bad, 1).await, None, "{bad}");
    }
    let other = tempfile::tempdir().unwrap();
    assert_eq!(renew(&open(&other), &token, 1).await, None, "another issuer's");
    assert!(renew(&sessions, &token, 1).await.is_some());
}

#[tokio::test]
async fn a_user_has_a_bounded_number_of_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = open(&folder);
    let first = sessions.begin(signed_in("dev", 0), at(0)).await.unwrap().refresh_token;
    let other = sessions.begin(signed_in("ana", 0), at(0)).await.unwrap().refresh_token;
    for n in 1..=32 {
        sessions.begin(signed_in("dev", n), at(n)).await.unwrap();
    }
    assert_eq!(renew(&sessions, &first, 40).await, None);
    assert!(renew(&sessions, &other, 40).await.is_some());
    assert_eq!(sessions.held.lock().await.len(), 33);
}
