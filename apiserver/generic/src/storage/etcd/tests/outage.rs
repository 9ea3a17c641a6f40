//! etcd that is gone, gone and back, silent, or half gone.

use futures::StreamExt as _;
use tokio::time::{Instant, timeout};

use super::*;
use crate::storage::{
    Compare, Outcome, Transaction,
    tests::rules::{committed, keys, next, put, value},
};

/// Longest until a caller is told that etcd does not answer.
const TOLD: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_after_etcd_was_killed_and_callers_are_told_meanwhile() {
    let mut server = own_server().await;
    let etcd = connect(&server).await;
    let store = etcd.keyspace("a/");
    let mut commits = store.watch(store.revision().await.unwrap()).await.unwrap();
    committed(&*store, vec![put("before", "")]).await;
    assert_eq!(keys(&next(&mut commits).await), ["before"]);

    server.kill();
    let started = Instant::now();
    let write = Transaction {
        compare: Vec::new(),
        write: vec![put("lost", "")],
    };
    let (read, written) = tokio::join!(store.revision(), store.transact(write));
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    assert!(started.elapsed() < TOLD, "{:?}", started.elapsed());
    let health = etcd.health().unwrap_err();
    assert!(health.contains("refused"), "{health}");
    // The stream waits, and does not end.
    assert!(timeout(Duration::from_millis(100), commits.next()).await.is_err());

    tokio::task::block_in_place(|| server.restart());
    eventually("etcd is well again", async || etcd.health().is_ok()).await;
    assert_eq!(value(&*store, "before").await.as_deref(), Some(""));
    committed(&*store, vec![put("after", "")]).await;
    assert_eq!(keys(&next(&mut commits).await), ["after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_while_a_watch_was_cut_off_is_told_afterwards() {
    let server = own_server().await;
    let mut proxy = Proxy::to(&server).await;
    let direct = connect(&server).await.keyspace("a/");
    let cut = Etcd::connect(plain(&[&proxy.url()], "test"))
        .await
        .unwrap()
        .keyspace("a/");
    let mut commits = cut.watch(cut.revision().await.unwrap()).await.unwrap();
    for round in 0..5 {
        let key = |part: &str| format!("{part}-{round}");
        committed(&*direct, vec![put(&key("before"), "")]).await;
        assert_eq!(keys(&next(&mut commits).await), [key("before")]);
        proxy.cut().await;
        for part in ["1", "2"] {
            committed(&*direct, vec![put(&key(part), "")]).await;
        }
        proxy.mend().await;
        for part in ["1", "2"] {
            assert_eq!(keys(&next(&mut commits).await), [key(part)]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_member_is_asked_when_one_is_gone() {
    let server = own_server().await;
    let (mut first, mut second) = (Proxy::to(&server).await, Proxy::to(&server).await);
    let config = plain(&[&first.url(), &second.url()], "test");
    let store = Etcd::connect(config).await.unwrap().keyspace("a/");
    let mut commits = store.watch(store.revision().await.unwrap()).await.unwrap();
    for round in 0..4 {
        let (gone, there) = if round % 2 == 0 {
            (&mut first, &mut second)
        } else {
            (&mut second, &mut first)
        };
        gone.cut().await;
        let key = format!("{round}");
        let write = Transaction {
            compare: vec![Compare::Absent(key.clone())],
            write: vec![put(&key, "")],
        };
        // The connection may end under a write, which then may be done: a read finds out, and waits for the other member.
        let written = store.transact(write.clone()).await;
        if value(&*store, &key).await.is_none() {
            assert!(written.is_err());
            let again = store.transact(write).await.unwrap();
            assert!(matches!(again, Outcome::Committed(_)), "{again:?}");
        }
        assert_eq!(keys(&next(&mut commits).await), [key]);
        gone.mend().await;
        let _ = there;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_whose_answer_is_lost_is_recognized_and_another_ones_is_not() {
    let server = own_server().await;
    let mut proxy = Proxy::to(&server).await;
    let direct = connect(&server).await.keyspace("a/");
    let config = plain(&[&proxy.url()], "test");
    let store = Etcd::connect(config).await.unwrap().keyspace("a/");
    let creation = |key: &str, value: &str| Transaction {
        compare: vec![Compare::Absent(key.to_owned())],
        write: vec![put(key, value)],
    };
    proxy.mute();
    let creating = tokio::spawn({
        let (store, creation) = (store.clone(), creation("a", "mine"));
        async move { store.transact(creation).await }
    });
    eventually("it is done", async || value(&*direct, "a").await.is_some()).await;
    proxy.cut().await;
    proxy.mend().await;
    let done = direct.get("a").await.unwrap().unwrap();
    assert_eq!(creating.await.unwrap().unwrap(), Outcome::Committed(done.revision));

    // What was not done, and somebody else does meanwhile.
    proxy.cut().await;
    let creating = tokio::spawn(async move { store.transact(creation("b", "mine")).await });
    committed(&*direct, vec![put("b", "another one's")]).await;
    proxy.mend().await;
    assert_eq!(creating.await.unwrap().unwrap(), Outcome::Conflict);
    // The same again, which was done before it was asked for.
    assert_eq!(
        direct.transact(creation("b", "another one's")).await.unwrap(),
        Outcome::Conflict
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_that_is_silent_keeps_nobody_waiting() {
    let server = own_server().await;
    let etcd = connect(&server).await;
    let store = etcd.keyspace("a/");
    let mut commits = store.watch(store.revision().await.unwrap()).await.unwrap();
    server.freeze();
    let started = Instant::now();
    assert!(store.revision().await.is_err());
    assert!(started.elapsed() < TOLD, "{:?}", started.elapsed());
    assert!(etcd.health().is_err());
    server.thaw();
    eventually("etcd is well again", async || etcd.health().is_ok()).await;
    committed(&*store, vec![put("after", "")]).await;
    assert_eq!(keys(&next(&mut commits).await), ["after"]);
}
