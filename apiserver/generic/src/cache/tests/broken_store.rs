//! A store whose watch breaks: the cache reads again, and no event is lost or doubled.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use futures::StreamExt as _;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::storage::{CommitStream, Item, Page};

/// A store whose watches go deaf, break, and are refused when the test says so.
struct Breakable {
    inner: Arc<dyn Store>,
    deaf: Mutex<CancellationToken>,
    broken: Mutex<CancellationToken>,
    refusals: AtomicUsize,
    /// So many watches come too late.
    late: AtomicUsize,
}

/// Takes one of what is left.
fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
        .is_ok()
}

impl Breakable {
    fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            deaf: Mutex::default(),
            broken: Mutex::default(),
            refusals: AtomicUsize::new(0),
            late: AtomicUsize::new(0),
        })
    }

    /// From here on the present watches deliver nothing.
    fn deafen(&self) {
        self.deaf.lock().cancel();
    }

    /// The present watches end with an error; the next `refusals` reads fail.
    fn break_watches(&self, refusals: usize) {
        self.refusals.store(refusals, Ordering::SeqCst);
        *self.deaf.lock() = CancellationToken::new();
        std::mem::take(&mut *self.broken.lock()).cancel();
    }
}

#[async_trait]
impl Store for Breakable {
    async fn revision(&self) -> Result<Revision, StoreError> {
        self.inner.revision().await
    }

    async fn get(&self, key: &str) -> Result<Option<Item>, StoreError> {
        self.inner.get(key).await
    }

    async fn range(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        if take_one(&self.refusals) {
            return Err(StoreError::Unavailable("refused by the test".to_owned()));
        }
        self.inner.range(prefix, start_after, limit).await
    }

    async fn transact(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        self.inner.transact(transaction).await
    }

    async fn watch(&self, after: Revision) -> Result<CommitStream, StoreError> {
        let error = StoreError::Compacted {
            requested: after,
            oldest: after + 1,
        };
        if take_one(&self.late) {
            return Err(error);
        }
        let (deaf, broken) = (self.deaf.lock().clone(), self.broken.lock().clone());
        let commits = self.inner.watch(after).await?;
        let heard = commits
            .take_until(deaf.cancelled_owned())
            .chain(futures::stream::pending());
        Ok(heard
            .take_until(broken.cancelled_owned())
            .chain(futures::stream::iter([Err(error)]))
            .boxed())
    }
}

struct Setup {
    store: Arc<dyn Store>,
    breakable: Arc<Breakable>,
    cache: Arc<Cache>,
    widgets: Arc<ResourceCache>,
}

async fn setup() -> Setup {
    let breakable = Breakable::new(memory());
    let store: Arc<dyn Store> = breakable.clone();
    let cache = start(&store).await;
    let widgets = cache.resource(WIDGETS).unwrap();
    Setup {
        store,
        breakable,
        cache,
        widgets,
    }
}

#[tokio::test]
async fn what_was_missed_comes_as_events() {
    let Setup {
        store,
        breakable,
        cache,
        widgets,
    } = setup().await;
    for name in ["kept", "changed", "removed", "replaced"] {
        shown(
            &store,
            &cache,
            put(WIDGETS, &format!("ns/{name}"), &object(name, "1", "red")),
        )
        .await;
    }
    let before = cache.revision();
    let mut seen = state(&widgets.snapshot());
    let kept = widgets.get("ns", "kept").unwrap();
    let mut watcher = widgets.watch(before).unwrap();

    breakable.deafen();
    commit(
        &store,
        vec![put(WIDGETS, "ns/changed", &object("changed", "1", "blue"))],
    )
    .await;
    commit(&store, vec![delete(WIDGETS, "ns/removed")]).await;
    commit(&store, vec![delete(WIDGETS, "ns/replaced")]).await;
    commit(
        &store,
        vec![put(WIDGETS, "ns/replaced", &object("replaced", "2", "red"))],
    )
    .await;
    commit(&store, vec![put(WIDGETS, "ns/passing", &object("passing", "1", "red"))]).await;
    commit(&store, vec![delete(WIDGETS, "ns/passing")]).await;
    let last = commit(&store, vec![put(WIDGETS, "ns/new", &object("new", "1", "red"))]).await;
    assert_eq!(cache.revision(), before, "the watch is deaf");
    breakable.break_watches(2);

    assert!(cache.wait_for(last, SOON).await, "read again, after two refusals");
    let mut told = Vec::new();
    let mut revisions = Vec::new();
    while watcher.progress().is_none_or(|progress| progress < last) {
        let event = next_event(&mut watcher).await;
        replay(&mut seen, &event);
        told.push((event.kind.as_str(), event.entry.name.to_string()));
        revisions.push(event.revision);
    }
    told.sort();
    let wanted = [
        ("ADDED", "new"),
        ("ADDED", "replaced"),
        ("DELETED", "removed"),
        ("DELETED", "replaced"),
        ("MODIFIED", "changed"),
    ];
    assert_eq!(told, wanted.map(|(kind, name)| (kind, name.to_owned())));
    assert!(revisions.is_sorted() && revisions[0] > before);
    assert_eq!(seen, state(&widgets.snapshot()));
    assert!(
        Arc::ptr_eq(&kept, &widgets.get("ns", "kept").unwrap()),
        "what did not change is shared"
    );

    assert!(
        widgets.snapshot_at(before + 1).is_err(),
        "states inside the gap are not known"
    );
    assert!(widgets.watch(before).is_ok(), "but its events are");
    let replaced = widgets.get("ns", "replaced").unwrap();
    assert_eq!(
        parsed(&replaced.encoded)["metadata"]["resourceVersion"],
        json!(replaced.revision.to_string())
    );
}

#[tokio::test]
async fn after_a_break_events_go_on() {
    let Setup {
        store,
        breakable,
        cache,
        widgets,
    } = setup().await;
    let mut seen = state(&widgets.snapshot());
    let mut watcher = widgets.watch(cache.revision()).unwrap();
    for round in 0..5 {
        breakable.break_watches(0);
        for name in ["a", "b"] {
            let write = put(
                WIDGETS,
                &format!("ns/{name}{round}"),
                &object(name, "1", &round.to_string()),
            );
            let revision = shown(&store, &cache, write).await;
            while watcher.progress().is_none_or(|progress| progress < revision) {
                replay(&mut seen, &*next_event(&mut watcher).await);
            }
        }
    }
    assert_eq!(seen.len(), 10);
    assert_eq!(seen, state(&widgets.snapshot()));
}

#[tokio::test]
async fn a_watch_that_the_store_gave_up_is_replaced() {
    let store = Engine::in_memory_with_history(8).unwrap().keyspace("sup/");
    let cache = start(&store).await;
    let widgets = cache.resource(WIDGETS).unwrap();
    let before = cache.revision();
    let mut seen = state(&widgets.snapshot());
    let mut watcher = widgets.watch(cache.revision()).unwrap();
    // While the test's only thread waits here, the cache can't read.
    let writer = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut last = 0;
            for n in 0..40 {
                last = commit(&store, vec![put(WIDGETS, &format!("ns/{n}"), &object("w", "1", "red"))]).await;
            }
            last
        })
    });
    let last = writer.join().unwrap();
    assert!(cache.wait_for(last, SOON).await);
    while watcher.progress().is_none_or(|progress| progress < last) {
        replay(&mut seen, &*next_event(&mut watcher).await);
    }
    assert_eq!(seen.len(), 40);
    assert_eq!(seen, state(&widgets.snapshot()));
    assert!(
        widgets.snapshot_at(before).is_err(),
        "the events were derived from a list"
    );
}

#[tokio::test]
async fn a_start_whose_watch_comes_too_late_begins_anew() {
    let breakable = Breakable::new(memory());
    let store: Arc<dyn Store> = breakable.clone();
    let revision = commit(&store, vec![put(WIDGETS, "ns/a", &object("a", "1", "red"))]).await;
    breakable.late.store(3, Ordering::SeqCst);
    let cache = start(&store).await;
    assert_eq!(cache.revision(), revision);
    assert_eq!(cache.resource(WIDGETS).unwrap().snapshot().len(), 1);

    breakable.late.store(usize::MAX, Ordering::SeqCst);
    assert!(
        Cache::start(store, specs(), Limits::default()).await.is_err(),
        "not for ever"
    );
}
