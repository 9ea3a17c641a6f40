//! A store that fails, hangs or never agrees: every answer comes in time and says what happened.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;

use super::{WIDGETS, World, widget};
use crate::storage::{CommitStream, Item, Outcome, Page, Revision, Store, StoreError, Transaction, redb::Engine};

pub(super) const WELL: u8 = 0;
pub(super) const BROKEN: u8 = 1;
const HANGING: u8 = 2;
const CONTENDED: u8 = 3;
const FULL: u8 = 4;

/// A store whose transactions go wrong as told.
pub(super) struct Faulty {
    inner: Arc<dyn Store>,
    pub(super) mode: AtomicU8,
    transactions: AtomicUsize,
}

#[async_trait]
impl Store for Faulty {
    async fn revision(&self) -> Result<Revision, StoreError> {
        self.inner.revision().await
    }

    async fn get(&self, key: &str) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }

    async fn range(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.inner.range(prefix, start_after, limit).await
    }

    async fn transact(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        self.transactions.fetch_add(1, Ordering::SeqCst);
        match self.mode.load(Ordering::SeqCst) {
            WELL => self.inner.transact(transaction).await,
            BROKEN => Err(StoreError::Unavailable("out of order".into())),
            FULL => Err(StoreError::Full("no space left on device".into())),
            HANGING => pending().await,
            _ => Ok(Outcome::Conflict),
        }
    }

    async fn watch(&self, after: Revision) -> Result<CommitStream, StoreError> {
        self.inner.watch(after).await
    }
}

impl Faulty {
    /// One that is well as yet.
    pub(super) fn new() -> Arc<Faulty> {
        Arc::new(Faulty {
            inner: Engine::in_memory().unwrap().keyspace("test/"),
            mode: AtomicU8::new(WELL),
            transactions: AtomicUsize::new(0),
        })
    }
}

/// A world with one widget, `a`, over a store that then goes wrong.
async fn world(mode: u8) -> (World, Arc<Faulty>) {
    let store = Faulty::new();
    let world = World::over(store.clone()).await;
    world.widget("a").await;
    store.mode.store(mode, Ordering::SeqCst);
    store.transactions.store(0, Ordering::SeqCst);
    (world, store)
}

#[tokio::test]
async fn a_broken_store_is_500_and_tells_no_detail() {
    let (world, _) = world(BROKEN).await;
    let path = format!("{WIDGETS}/a");
    let cases = [
        ("create", world.post(WIDGETS, &widget("b")).await),
        ("update", world.merge(&path, &json!({"spec": {"replicas": 2}})).await),
        ("delete", world.delete(&path).await),
    ];
    for (verb, reply) in cases {
        let message = format!(
            "The {verb} operation against widgets.demo.example.io could not be completed at this time, please try again."
        );
        assert_eq!(reply.refused(500), ("ServerTimeout".into(), message));
        assert_eq!(reply.headers["retry-after"], "2");
    }
    world.get(&path).await.expect(200);
}

#[tokio::test]
async fn a_full_store_is_500_that_says_so_and_reads_go_on() {
    let (world, _) = world(FULL).await;
    let reply = world.post(WIDGETS, &widget("b")).await;
    let message = "the store is full: no space left on device".to_owned();
    assert_eq!(reply.refused(500), (String::new(), message));
    assert!(!reply.headers.contains_key("retry-after"), "trying again makes no room");
    world.get(&format!("{WIDGETS}/a")).await.expect(200);
}

#[tokio::test]
async fn a_hanging_store_is_504_in_time() {
    let (world, _) = world(HANGING).await;
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    let reply = world
        .merge(&format!("{WIDGETS}/a"), &json!({"spec": {"replicas": 2}}))
        .await;
    let message = "Timeout: request did not complete within the allotted timeout".to_owned();
    assert_eq!(reply.refused(504), ("Timeout".into(), message));
    assert!(started.elapsed() < Duration::from_secs(35));
}

#[tokio::test]
async fn endless_contention_ends_as_a_conflict() {
    let (world, store) = world(CONTENDED).await;
    let reply = world
        .merge(&format!("{WIDGETS}/a"), &json!({"spec": {"replicas": 2}}))
        .await;
    assert_eq!(reply.refused(409).0, "Conflict");
    let tries = store.transactions.swap(0, Ordering::SeqCst);
    assert!((2..=64).contains(&tries), "{tries}");

    let generated = json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"generateName": "w-"}});
    let reply = world.post(WIDGETS, &generated).await;
    let (reason, message) = reply.refused(409);
    assert_eq!(reason, "AlreadyExists");
    assert!(
        message.ends_with("already exists, the server was not able to generate a unique name for the object"),
        "{message}"
    );
    assert_eq!(store.transactions.load(Ordering::SeqCst), 8);
}
