use std::sync::Arc;

use super::*;
use crate::storage::{
    etcd::{Config, Etcd},
    redb::{self, Engine},
    tests::etcd_server::EtcdServer,
};

const SPACE: &str = "a/";

async fn write(store: &dyn Store, key: &str, value: &str) -> Revision {
    let put = Write::Put(key.to_owned(), Bytes::copy_from_slice(value.as_bytes()));
    let transaction = Transaction {
        compare: Vec::new(),
        write: vec![put],
    };
    match store.transact(transaction).await.unwrap() {
        Outcome::Committed(revision) => revision,
        Outcome::Conflict => panic!("nothing was compared"),
    }
}

async fn all(store: &dyn Store) -> Vec<(String, String)> {
    let page = store.range("", None, 10_000).await.unwrap();
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    page.items
        .iter()
        .map(|item| (item.key.to_string(), text(&item.value)))
        .collect()
}

fn bytes(snapshot: &Snapshot) -> Vec<u8> {
    let mut file = Vec::new();
    snapshot.write(&mut file).unwrap();
    file
}

/// Takes one of a store while somebody writes there.
async fn of_a_busy_store(store: Arc<dyn Store>) -> Snapshot {
    for number in 0..250 {
        write(&*store, &format!("k{number:03}"), "before").await;
    }
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        for number in (0..250).rev() {
            write(&*writer, &format!("k{number:03}"), "after").await;
        }
    });
    let snapshot = Snapshot::take(&*store).await.unwrap();
    writing.await.unwrap();
    snapshot
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_shows_one_revision_of_a_store_that_is_written() {
    let engine = Engine::in_memory().unwrap();
    let server = EtcdServer::shared();
    let etcd = Etcd::connect(config(server, "busy")).await.unwrap();
    for store in [engine.keyspace(SPACE), etcd.keyspace(SPACE)] {
        let begin = store.revision().await.unwrap();
        let snapshot = of_a_busy_store(store).await;
        // They are written from the last to the first: at each revision some at the end are new, and none before them.
        let values: Vec<&Bytes> = snapshot.items.values().collect();
        let first_new = values
            .iter()
            .position(|value| ***value == *b"after")
            .unwrap_or(values.len());
        assert_eq!(values.len(), 250);
        assert!(
            values[first_new..].iter().all(|value| ***value == *b"after"),
            "a mix of revisions"
        );
        assert!(snapshot.revision() > begin);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_from_store_to_store_and_no_revision_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("first.redb");
    let engine = Engine::open(&path, 0).unwrap();
    let store = engine.keyspace(SPACE);
    for number in 0..250 {
        write(&*store, &format!("k{number:03}"), "value").await;
    }
    let snapshot = Snapshot::take(&*store).await.unwrap();
    let items = all(&*store).await;
    // Lost, and seen by somebody.
    let lost = write(&*store, "k000", "lost").await;
    engine.close().await;

    // To etcd.
    let server = EtcdServer::shared();
    let etcd = Etcd::connect(config(server, "moved")).await.unwrap();
    etcd.raise(snapshot.revision() + LEAP).await.unwrap();
    let etcd = Etcd::connect(config(server, "moved")).await.unwrap();
    let store = etcd.keyspace(SPACE);
    snapshot.put(&*store).await.unwrap();
    assert_eq!(all(&*store).await, items);
    let least = store
        .range("", None, 10_000)
        .await
        .unwrap()
        .items
        .iter()
        .map(|item| item.revision)
        .min()
        .unwrap();
    assert!(least >= snapshot.revision() + LEAP && least > lost);
    let old = store.watch(lost).await;
    let old = match old {
        Ok(mut commits) => commits.next().await.unwrap().map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(old, Err(StoreError::Compacted { .. })), "{old:?}");
    let again = snapshot.put(&*store).await.unwrap_err();
    assert!(matches!(again, Occupied::Key(key) if key == "k000"));

    // And back into the file.
    let second = Snapshot::take(&*store).await.unwrap();
    assert_eq!(second.items, snapshot.items);
    redb::raise(&path, SPACE, second.revision() + LEAP).unwrap();
    let engine = Engine::open(&path, 0).unwrap();
    let store = engine.keyspace(SPACE);
    clear(&*store).await.unwrap();
    second.put(&*store).await.unwrap();
    assert_eq!(all(&*store).await, items);
    assert!(store.revision().await.unwrap() > second.revision() + LEAP);
    assert!(matches!(store.watch(lost).await, Err(StoreError::Compacted { .. })));
}

#[tokio::test]
async fn revisions_are_never_lowered() {
    let server = EtcdServer::shared();
    let etcd = Etcd::connect(config(server, "raised")).await.unwrap();
    etcd.raise(LEAP).await.unwrap();
    let etcd = Etcd::connect(config(server, "raised")).await.unwrap();
    let before = etcd.keyspace(SPACE).revision().await.unwrap();
    assert!(before >= LEAP);
    etcd.raise(5).await.unwrap();
    let etcd = Etcd::connect(config(server, "raised")).await.unwrap();
    assert!(etcd.keyspace(SPACE).revision().await.unwrap() >= before);
}

#[test]
fn a_file_is_read_back_and_no_other() {
    let snapshot = Snapshot {
        revision: 7,
        items: [("a", "1"), ("b", "2")]
            .map(|(key, value)| (key.to_owned(), Bytes::from(value)))
            .into(),
    };
    let file = bytes(&snapshot);
    assert_eq!(Snapshot::read(&file[..]).unwrap(), snapshot);
    for end in 0..file.len() {
        assert!(Snapshot::read(&file[..end]).is_err(), "cut off at {end}");
    }
    for at in 0..file.len() - 1 {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert!(Snapshot::read(&changed[..]).is_err(), "changed at {at}");
    }
    let error = Snapshot::read(&b"{\"kind\":\"List\",\"version\":1,\"revision\":1,\"items\":0}\n"[..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1: this is no GuestClustersSnapshot of version 1"
    );
}

fn config(server: &EtcdServer, prefix: &str) -> Config {
    Config {
        servers: vec![server.url()],
        prefix: prefix.to_owned(),
        ca_file: None,
        identity: None,
        user: None,
        compaction: None,
    }
}
