//! Sizes and revisions at their limits.

use bytes::Bytes;
use futures::StreamExt as _;

use super::*;
use crate::storage::{
    Compare, Outcome, Transaction, Write,
    tests::rules::{committed, keys, next, put, value, write},
};

const MIB: usize = 1 << 20;

fn big(key: &str, bytes: usize) -> Write {
    Write::Put(key.to_owned(), Bytes::from(vec![b'x'; bytes]))
}

#[tokio::test]
async fn what_etcd_does_not_take_is_told_as_too_large() {
    let store = fresh().await("a/");
    // The second one is more than its gRPC takes.
    for bytes in [MIB * 17 / 10, 3 * MIB] {
        let write = vec![big("x", bytes)];
        let compare = Vec::new();
        let refused = store.transact(Transaction { compare, write }).await;
        assert!(matches!(refused, Err(StoreError::TooLarge(_))), "{refused:?}");
    }
    committed(&*store, vec![big("x", MIB)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_etcd_is_told_as_full_and_is_read_on() {
    let quota = vec![format!("--quota-backend-bytes={}", 4 * MIB)];
    let starting = tokio::task::spawn_blocking(|| EtcdServer::start_with("http", quota));
    let server = starting.await.unwrap();
    let etcd = connect(&server).await;
    let store = etcd.keyspace("a/");
    committed(&*store, vec![put("first", "1")]).await;
    // etcd looks at its size as it was a moment ago.
    eventually("it is full", async || {
        let write = vec![big("x", MIB)];
        let compare = Vec::new();
        let refused = store.transact(Transaction { compare, write }).await;
        assert!(matches!(refused, Ok(_) | Err(StoreError::Full(_))), "{refused:?}");
        refused.is_err()
    })
    .await;
    assert_eq!(value(&*store, "first").await.as_deref(), Some("1"));
    assert_eq!(etcd.health(), Ok(()), "who only reads is served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_and_commits_larger_than_a_message_come_in_parts() {
    let store = fresh().await("a/");
    let begin = store.revision().await.unwrap();
    let count = client::LARGEST / MIB + 6;
    for number in 0..count {
        committed(
            &*store,
            vec![big(&format!("{number:03}"), MIB), put(&format!("{number:03}-"), "")],
        )
        .await;
    }
    let mut read = Vec::new();
    loop {
        let page = store.range("", read.last().map(String::as_str), 500).await.unwrap();
        read.extend(page.items.iter().map(|item| item.key.to_string()));
        if !page.more {
            break;
        }
    }
    let expected: Vec<_> = (0..count)
        .flat_map(|n| [format!("{n:03}"), format!("{n:03}-")])
        .collect();
    assert_eq!(read, expected);

    let mut commits = store.watch(begin).await.unwrap();
    for pair in expected.chunks(2) {
        assert_eq!(keys(&next(&mut commits).await), pair, "a commit is whole");
    }
}

#[tokio::test]
async fn revisions_have_the_offset_of_a_restore() {
    const OFFSET: u64 = 5_000_000_000;
    let server = own_server().await;
    let before = connect(&server).await.keyspace("a/");
    let old = committed(&*before, vec![put("x", "")]).await;
    let key = [("revision-offset".to_owned(), OFFSET.to_string())];
    for (key, value) in &key {
        committed(&*connect(&server).await.keyspace(""), vec![put(key, value)]).await;
    }

    let after = connect(&server).await.keyspace("a/");
    let item = after.get("x").await.unwrap().unwrap();
    assert_eq!(item.revision, old + OFFSET);
    assert!(after.revision().await.unwrap() > OFFSET);
    let stale = vec![Compare::At("x".to_owned(), old)];
    assert_eq!(write(&*after, stale, vec![put("x", "1")]).await, Outcome::Conflict);
    let lost = after.watch(old).await.map(|_| ());
    assert!(matches!(lost, Err(StoreError::Compacted { .. })), "{lost:?}");
    let mut commits = after.watch(item.revision).await.unwrap();
    let newest = vec![Compare::At("x".to_owned(), item.revision)];
    let Outcome::Committed(new) = write(&*after, newest, vec![put("x", "2")]).await else {
        panic!("it was compared with the newest")
    };
    assert_eq!(next(&mut commits).await.revision, new);

    committed(
        &*connect(&server).await.keyspace(""),
        vec![put("revision-offset", "many")],
    )
    .await;
    let refused = Etcd::connect(plain(&[&server.url()], "test")).await.map(|_| ());
    assert!(refused.unwrap_err().to_string().contains("revision-offset"));
    drop(commits.next());
}
