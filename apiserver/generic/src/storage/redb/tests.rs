use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;
use redb::StorageBackend;
use redb::backends::FileBackend;

use super::file::File;
use super::log::Bounds;
use super::*;
use crate::storage::tests::{
    conformance,
    rules::{committed, contents, next, put, value, write},
};
use crate::storage::{Commit, Outcome, Transaction};

const CACHE: usize = 1 << 20;

conformance!(async {
    let engine = Engine::in_memory().unwrap();
    move |name: &str| engine.keyspace(name)
});

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_share_commits_and_the_watch_sees_all_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(&dir.path().join("store"), CACHE).unwrap();
    let store = engine.keyspace("a/");
    let start = store.revision().await.unwrap();
    let mut commits = store.watch(start).await.unwrap();

    let writers = (0..64).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut revisions = Vec::new();
            for n in 0..10 {
                revisions.push(committed(&*store, vec![put(&format!("{writer}"), &format!("{n}"))]).await);
                assert!(store.revision().await.unwrap() >= revisions[n]);
                assert_eq!(value(&*store, &format!("{writer}")).await, Some(n.to_string()));
            }
            revisions
        })
    });
    let mut acknowledged = Vec::new();
    for revisions in futures::future::join_all(writers).await {
        let revisions = revisions.unwrap();
        assert!(revisions.is_sorted_by(|a, b| a < b));
        acknowledged.extend(revisions);
    }
    acknowledged.sort_unstable();
    assert_eq!(
        acknowledged,
        (start + 1..=start + 640).collect::<Vec<_>>(),
        "each write has a revision of its own"
    );

    let mut last = BTreeMap::new();
    for revision in acknowledged {
        let commit = next(&mut commits).await;
        assert_eq!(commit.revision, revision);
        let change = &commit.changes[0];
        let n: usize = std::str::from_utf8(change.value.as_ref().unwrap())
            .unwrap()
            .parse()
            .unwrap();
        let expected = last.entry(change.key.clone()).or_insert(0);
        assert_eq!(n, *expected, "the writes of one writer come in its order");
        *expected += 1;
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_closing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let engine = Engine::open(&path, CACHE).unwrap();
    let (a, b) = (engine.keyspace("a/"), engine.keyspace("b/"));
    let last_of_a = committed(&*a, vec![put("x", "1")]).await;
    let last_of_b = committed(&*b, vec![put("x", "2")]).await;
    let mut commits = a.watch(last_of_a).await.unwrap();
    engine.close().await;

    assert!(commits.next().await.is_none(), "a watch ends with the engine");
    assert!(a.transact(Transaction::default()).await.is_err());
    assert!(a.get("x").await.is_err());

    let engine = Engine::open(&path, CACHE).unwrap();
    let (a, new) = (engine.keyspace("a/"), engine.keyspace("new/"));
    assert_eq!(value(&*a, "x").await.as_deref(), Some("1"));
    assert_eq!(a.revision().await.unwrap(), last_of_a);
    assert_eq!(a.range("", None, 1).await.unwrap().revision, last_of_a);
    assert!(
        new.revision().await.unwrap() >= last_of_b,
        "a new keyspace begins after all that was"
    );
    let compacted = a.watch(last_of_a - 1).await.err().unwrap();
    assert!(matches!(compacted, StoreError::Compacted { oldest, .. } if oldest == last_of_a));
    let mut commits = a.watch(last_of_a).await.unwrap();
    assert_eq!(committed(&*a, vec![put("x", "3")]).await, last_of_b + 1);
    assert_eq!(next(&mut commits).await.revision, last_of_b + 1);
}

#[test]
fn the_file_is_for_its_owner_and_for_one_engine() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let _engine = Engine::open(&path, CACHE).unwrap();
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(Engine::open(&path, CACHE).is_err());
    std::fs::write(dir.path().join("text"), "not a store").unwrap();
    assert!(Engine::open(&dir.path().join("text"), CACHE).is_err());
}

#[tokio::test]
async fn a_slow_watch_is_told_and_costs_bounded_memory() {
    let bounds = Bounds {
        commits: 8,
        bytes: 1 << 20,
        read_bytes: 0,
    };
    let engine = Engine::start(Source::Memory, bounds).unwrap();
    let store = engine.keyspace("a/");
    let start = store.revision().await.unwrap();
    let mut slow = store.watch(start).await.unwrap();
    let mut quick = store.watch(start).await.unwrap();
    for n in 0..20 {
        let revision = committed(&*store, vec![put("x", &n.to_string())]).await;
        assert_eq!(next(&mut quick).await.revision, revision);
    }
    let error = slow.next().await.unwrap().unwrap_err();
    assert!(matches!(error, StoreError::Compacted { requested, oldest } if requested == start && oldest == start + 12));
    assert!(slow.next().await.is_none());
    drop(slow);
    committed(&*store, vec![put("x", "last")]).await;
    next(&mut quick).await;
    let revision = store.revision().await.unwrap();
    assert!(
        store.watch(revision - 1).await.is_err(),
        "what all have read is forgotten"
    );
    assert!(store.watch(revision).await.is_ok());
}

#[tokio::test]
async fn bytes_bound_the_history_too() {
    let bounds = Bounds {
        commits: 1000,
        bytes: 10_000,
        read_bytes: 0,
    };
    let store = Engine::start(Source::Memory, bounds).unwrap().keyspace("a/");
    let mut slow = store.watch(store.revision().await.unwrap()).await.unwrap();
    for _ in 0..3 {
        committed(&*store, vec![put("x", &"x".repeat(4_000))]).await;
    }
    assert!(slow.next().await.unwrap().is_err());
}

#[tokio::test]
async fn a_keyspace_has_the_revision_of_its_last_commit() {
    let engine = Engine::in_memory().unwrap();
    let (a, b) = (engine.keyspace("guest/a/"), engine.keyspace("guest/b/"));
    let before = b.revision().await.unwrap();
    let in_a = committed(&*a, vec![put("x", "a")]).await;
    assert_eq!(b.revision().await.unwrap(), before);
    assert_eq!(engine.keyspace("guest/a/").revision().await.unwrap(), in_a);
}

#[tokio::test]
async fn a_removed_keyspace_is_gone_and_comes_back_empty_and_later() {
    let engine = Engine::in_memory().unwrap();
    let (a, b) = (engine.keyspace("guest/a/"), engine.keyspace("guest/b/"));
    for key in ["x", "y"] {
        committed(&*a, vec![put(key, "")]).await;
        committed(&*b, vec![put(key, "")]).await;
    }
    let last = a.revision().await.unwrap();
    let mut commits = a.watch(last).await.unwrap();
    engine.remove_keyspace("guest/a/").await.unwrap();
    engine.remove_keyspace("guest/never/").await.unwrap();

    assert!(commits.next().await.is_none());
    assert!(
        a.transact(Transaction {
            compare: vec![],
            write: vec![put("x", "")]
        })
        .await
        .is_err()
    );
    assert!(a.get("x").await.is_err());
    assert_eq!(contents(&*b).await.len(), 2);
    let again = engine.keyspace("guest/a/");
    assert!(contents(&*again).await.is_empty());
    assert!(again.revision().await.unwrap() >= last);
    assert!(committed(&*again, vec![put("x", "")]).await > last);
}

#[tokio::test]
async fn a_late_second_removal_spares_the_new_keyspace() {
    let engine = Engine::in_memory().unwrap();
    let old = engine.keyspace("guest/a/");
    committed(&*old, vec![put("x", "")]).await;
    // Both mean the old keyspace; the second is done when the new one exists.
    let space = engine.shared.keyspaces.lock()["guest/a/"].clone();
    engine.remove_keyspace("guest/a/").await.unwrap();
    let new = engine.keyspace("guest/a/");
    committed(&*new, vec![put("y", "")]).await;
    let (answer, answered) = oneshot::channel();
    engine.submit(Job::Remove { space, answer }).await.unwrap();
    answered.await.unwrap().unwrap();
    assert_eq!(contents(&*new).await.len(), 1);
    let same = engine.keyspace("guest/a/");
    assert_eq!(contents(&*same).await.len(), 1);
    assert!(matches!(
        write(&*same, vec![], vec![put("z", "")]).await,
        Outcome::Committed(_)
    ));
}

/// A file whose writes fail while `full` is set.
#[derive(Debug)]
struct Faulty {
    file: FileBackend,
    full: Arc<AtomicBool>,
}

impl Faulty {
    fn check(&self) -> Result<(), std::io::Error> {
        if self.full.load(Ordering::SeqCst) {
            Err(std::io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.check()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        self.check()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.check()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> Result<(), std::io::Error> {
        self.file.close()
    }
}

#[tokio::test]
async fn a_full_disk_fails_the_write_and_not_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let full = Arc::new(AtomicBool::new(false));
    let open = {
        let full = full.clone();
        move || {
            let options = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path);
            let file = FileBackend::new(options.map_err(file::unavailable)?).map_err(file::unavailable)?;
            File::with_backend(
                Faulty {
                    file,
                    full: full.clone(),
                },
                CACHE,
            )
        }
    };
    let engine = Engine::start(Source::Test(Box::new(open)), Bounds::default()).unwrap();
    let store = engine.keyspace("a/");
    let before = committed(&*store, vec![put("x", "1")]).await;
    let mut commits = store.watch(before).await.unwrap();

    full.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let write = Transaction {
            compare: vec![],
            write: vec![put("x", "2")],
        };
        assert!(matches!(store.transact(write).await, Err(StoreError::Full(_))));
    }
    full.store(false, Ordering::SeqCst);

    let after = committed(&*store, vec![put("y", "3")]).await;
    assert!(
        after > before + 1,
        "a revision that may have been used is not used again"
    );
    assert_eq!(value(&*store, "y").await.as_deref(), Some("3"));
    assert_eq!(value(&*store, "x").await.as_deref(), Some("1"));
    assert_eq!(next(&mut commits).await.revision, after);
}

#[test]
fn a_broken_off_log_tells_every_watch() {
    let mut log = log::Log::starting_at(5, Bounds::default());
    let reader = log.subscribe(5).unwrap();
    log.break_off(9);
    assert!(matches!(log.read(reader), Err(StoreError::Compacted { oldest: 9, .. })));
    assert!(log.subscribe(8).is_err());
    assert_eq!(log.last(), 9);
    let reader = log.subscribe(9).unwrap();
    log.append(Commit {
        revision: 10,
        changes: Vec::new(),
    });
    assert!(matches!(log.read(reader), Ok(log::Read::Commit(commit)) if commit.revision == 10));
}

#[tokio::test]
async fn another_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    Engine::open(&path, CACHE).unwrap().close().await;
    let database = ::redb::Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta: ::redb::TableDefinition<'_, &str, u64> = ::redb::TableDefinition::new("meta");
    transaction.open_table(meta).unwrap().insert("format", 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = Engine::open(&path, CACHE).err().unwrap().to_string();
    assert!(error.contains("format 2"), "{error}");
}

const CRASH_STORE: &str = "GENERIC_APISERVER_CRASH_STORE";

/// Not a test of its own: what [`nothing_acknowledged_is_lost_by_kill_9`] kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a child process of another test"]
async fn crash_child() {
    let Some(path) = std::env::var_os(CRASH_STORE) else {
        return;
    };
    let store = Engine::open(Path::new(&path), CACHE).unwrap().keyspace("a/");
    let writers = (0..8).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0u64.. {
                let revision = committed(&*store, vec![put(&format!("{writer}/{n}"), &"v".repeat(500))]).await;
                // One write call for each line, so that no line is torn among the writers.
                std::io::stdout()
                    .lock()
                    .write_all(format!("ack {writer}/{n} {revision}\n").as_bytes())
                    .unwrap();
            }
        })
    });
    futures::future::join_all(writers).await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let mut highest = 0;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "storage::redb::tests::crash_child",
                "--ignored",
                "--nocapture",
            ])
            .env(CRASH_STORE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        // The first line comes behind the test runner's own words.
        let acks = lines.filter_map(|line| line.split_once("ack ").map(|(_, ack)| ack.to_owned()));
        for ack in acks.take(200 + 50 * round) {
            let (key, revision) = ack.split_once(' ').unwrap();
            let revision: Revision = revision.parse().unwrap();
            acknowledged.push((key.to_owned(), revision));
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let engine = Engine::open(&path, CACHE).unwrap();
        let store = engine.keyspace("a/");
        let newest = acknowledged.iter().map(|(_, revision)| *revision).max().unwrap();
        assert!(newest > highest, "revisions go on after a crash");
        highest = store.revision().await.unwrap();
        assert!(highest >= newest);
        for (key, revision) in &acknowledged {
            let item = store.get(key).await.unwrap().unwrap_or_else(|| panic!("{key} is lost"));
            assert!(item.revision >= *revision);
        }
        engine.close().await;
    }
}
