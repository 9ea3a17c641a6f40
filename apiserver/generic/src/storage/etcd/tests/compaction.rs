//! History that etcd does not have any more.

use futures::StreamExt as _;
use tokio::time::timeout;

use super::{super::compaction, *};
use crate::{
    cache::{Cache, EventKind, Index, Indexer, Limits, Next, ResourceSpec},
    storage::{
        Revision, Write,
        tests::rules::{committed, put},
    },
};

struct Nothing;

impl Indexer for Nothing {
    fn index(&self, _: &serde_json::Value, _: &[u8]) -> Index {
        Index::default()
    }
}

async fn compact(etcd: &Etcd, revision: Revision) {
    etcd.client.compact(i64::try_from(revision).unwrap()).await.unwrap();
}

fn object(uid: &str) -> Write {
    let bytes = format!(r#"{{"metadata":{{"name":"{uid}","uid":"{uid}"}}}}"#);
    put(&format!("core/things//{uid}"), &bytes)
}

#[tokio::test]
async fn a_watch_from_before_the_history_is_told_so() {
    let server = own_server().await;
    let etcd = connect(&server).await;
    let store = etcd.keyspace("a/");
    let old = committed(&*store, vec![put("x", "1")]).await;
    let newest = committed(&*store, vec![put("x", "2")]).await;
    compact(&etcd, newest).await;
    let told = store.watch(old - 1).await.unwrap().next().await.unwrap();
    assert!(
        matches!(told, Err(StoreError::Compacted { requested, oldest }) if requested == old - 1 && oldest == newest),
        "{told:?}"
    );
    let mut whole = store.watch(newest).await.unwrap();
    committed(&*store, vec![put("x", "3")]).await;
    assert!(whole.next().await.unwrap().is_ok());
}

/// The cache was cut off while etcd forgot what it missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_reads_again_what_its_watch_has_lost() {
    let server = own_server().await;
    let mut proxy = Proxy::to(&server).await;
    let direct = connect(&server).await;
    let others = direct.keyspace("a/");
    for uid in ["kept", "deleted"] {
        committed(&*others, vec![object(uid)]).await;
    }
    let cut = Etcd::connect(plain(&[&proxy.url()], "test")).await.unwrap();
    let spec = ResourceSpec {
        prefix: "core/things/".to_owned(),
        version: "v1".to_owned(),
        indexer: Arc::new(Nothing),
    };
    let cache = Cache::start(cut.keyspace("a/"), vec![spec], Limits::default())
        .await
        .unwrap();
    let things = cache.resource("core/things/").unwrap();
    let before = cache.wait_current().await.unwrap();
    let mut watcher = things.watch(before).unwrap();

    proxy.cut().await;
    committed(&*others, vec![Write::Delete("core/things//deleted".to_owned())]).await;
    committed(&*others, vec![object("between")]).await;
    let between = committed(&*others, vec![Write::Delete("core/things//between".to_owned())]).await;
    let created = committed(&*others, vec![object("created")]).await;
    compact(&direct, created).await;
    proxy.mend().await;

    let reached = timeout(PATIENCE, cache.wait_for(created, PATIENCE)).await;
    assert_eq!(reached, Ok(true));
    let names: Vec<_> = things
        .snapshot()
        .range(None, None)
        .map(|entry| entry.name.to_string())
        .collect();
    assert_eq!(names, ["created", "kept"]);
    let mut told = Vec::new();
    while told.len() < 2 {
        match timeout(PATIENCE, watcher.next()).await.unwrap() {
            Next::Event(event) => told.push((event.kind, event.entry.name.to_string())),
            _ => panic!("after {told:?}"),
        }
    }
    told.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(
        told,
        [
            (EventKind::Added, "created".to_owned()),
            (EventKind::Deleted, "deleted".to_owned())
        ]
    );
    assert!(
        things.snapshot_at(between).is_err(),
        "a state that nobody knows is not made up"
    );
    let after = committed(&*others, vec![object("later")]).await;
    assert!(cache.wait_for(after, PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_servers_compact_once_in_an_interval() {
    const INTERVAL: Duration = Duration::from_millis(200);
    let server = own_server().await;
    let etcd = connect(&server).await;
    let store = etcd.keyspace("a/");
    let old = committed(&*store, vec![put("x", "")]).await;
    let compactors: Vec<_> = (0..3)
        .map(|_| tokio::spawn(compaction::run(etcd.client.clone(), INTERVAL)))
        .collect();
    eventually("the old history is gone", async || {
        let mut commits = store.watch(old - 1).await.unwrap();
        matches!(
            timeout(Duration::from_millis(50), commits.next()).await,
            Ok(Some(Err(StoreError::Compacted { .. })))
        )
    })
    .await;
    // What is new stays for an interval at least.
    let new = committed(&*store, vec![put("x", "new")]).await;
    let commit = store.watch(new - 1).await.unwrap().next().await.unwrap();
    assert_eq!(commit.unwrap().revision, new);

    let key = || async {
        let request = protocol::etcdserverpb::RangeRequest {
            key: b"compact_rev_key".to_vec(),
            ..Default::default()
        };
        etcd.client.range(request).await.unwrap().kvs[0].version
    };
    let (started, before) = (tokio::time::Instant::now(), key().await);
    eventually("some intervals pass", async || key().await > before + 3).await;
    let intervals = started.elapsed().as_secs_f64() / INTERVAL.as_secs_f64();
    assert!(intervals > 3.0, "one of three writes in an interval: {intervals}");
    compactors.iter().for_each(tokio::task::JoinHandle::abort);
}
