//! The cache over a real store: what a client that lists and watches would notice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::storage::redb::Engine;
use crate::storage::{Outcome, Transaction, Write};

mod broken_store;
mod consistency;
mod limits;

const WIDGETS: &str = "example.com/widgets/";
const GADGETS: &str = "example.com/gadgets/";
const SOON: Duration = Duration::from_secs(10);

/// Indexes labels and `spec.color`.
struct Widgets;

impl Indexer for Widgets {
    fn index(&self, object: &Value, encoded: &[u8]) -> Index {
        assert_eq!(*object, serde_json::from_slice::<Value>(encoded).unwrap());
        let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
        Index {
            labels: labels
                .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
                .collect(),
            fields: [object["spec"]["color"].as_str().unwrap_or_default().into()].into(),
            ..Index::default()
        }
    }
}

fn specs() -> Vec<ResourceSpec> {
    let indexer: Arc<dyn Indexer> = Arc::new(Widgets);
    [WIDGETS, GADGETS]
        .map(|prefix| ResourceSpec {
            prefix: prefix.to_owned(),
            version: "v1".to_owned(),
            indexer: indexer.clone(),
        })
        .into()
}

async fn start(store: &Arc<dyn Store>) -> Arc<Cache> {
    Cache::start(store.clone(), specs(), Limits::default()).await.unwrap()
}

fn memory() -> Arc<dyn Store> {
    Engine::in_memory().unwrap().keyspace("sup/")
}

fn object(name: &str, uid: &str, color: &str) -> Value {
    json!({"kind": "Widget", "metadata": {"labels": {"app": "x"}, "name": name, "uid": uid}, "spec": {"color": color}})
}

fn put(resource: &str, key: &str, object: &Value) -> Write {
    Write::Put(format!("{resource}{key}"), Bytes::from(object.to_string()))
}

fn delete(resource: &str, key: &str) -> Write {
    Write::Delete(format!("{resource}{key}"))
}

async fn commit(store: &Arc<dyn Store>, write: Vec<Write>) -> Revision {
    match store
        .transact(Transaction {
            compare: Vec::new(),
            write,
        })
        .await
        .unwrap()
    {
        Outcome::Committed(revision) => revision,
        Outcome::Conflict => panic!("nothing was compared"),
    }
}

/// Writes one widget and waits until the cache shows it.
async fn shown(store: &Arc<dyn Store>, cache: &Cache, write: Write) -> Revision {
    let revision = commit(store, vec![write]).await;
    assert!(cache.wait_for(revision, SOON).await);
    revision
}

async fn next_event(watcher: &mut Watcher) -> Arc<Event> {
    match tokio::time::timeout(SOON, watcher.next())
        .await
        .expect("an event is due")
    {
        Next::Event(event) => event,
        other => panic!("expected an event, got {other:?}"),
    }
}

/// Objects by `namespace/name`, as a client that lists and watches holds them.
type State = BTreeMap<String, Value>;

fn state(snapshot: &Snapshot) -> State {
    let state: State = snapshot
        .iter()
        .map(|entry| (key(entry), parsed(&entry.encoded)))
        .collect();
    assert!(
        snapshot.iter().map(|entry| key(entry)).eq(state.keys().cloned()),
        "in byte order of namespace/name"
    );
    assert_eq!(state.len(), snapshot.len());
    state
}

fn key(entry: &Entry) -> String {
    format!("{}/{}", entry.namespace, entry.name)
}

fn parsed(encoded: &[u8]) -> Value {
    serde_json::from_slice(encoded).unwrap()
}

/// Applies an event as a client does, checking all that it says about itself.
fn replay(state: &mut State, event: &Event) {
    let object = parsed(&event.entry.encoded);
    let frame = parsed(&event.frame());
    assert_eq!(frame, json!({"type": event.kind.as_str(), "object": object}));
    assert_eq!(event.frame().last(), Some(&b'\n'));
    assert_eq!(object["metadata"]["resourceVersion"], json!(event.revision.to_string()));
    assert_eq!(parsed(&event.entry.metadata()), object["metadata"]);

    let key = key(&event.entry);
    let held = match event.kind {
        EventKind::Deleted => state.remove(&key),
        EventKind::Added | EventKind::Modified => state.insert(key.clone(), object),
    };
    assert_eq!(
        held.is_none(),
        event.kind == EventKind::Added,
        "{:?} of {key} over {held:?}",
        event.kind
    );
    assert_eq!(held, event.previous.as_ref().map(|previous| parsed(&previous.encoded)));
}

#[tokio::test]
async fn objects_come_and_go_with_their_versions() {
    let store = memory();
    commit(
        &store,
        vec![
            put(WIDGETS, "ns/old", &object("old", "1", "red")),
            put("example.com/other/", "ns/x", &json!({})),
        ],
    )
    .await;
    let cache = start(&store).await;
    let widgets = cache.resource(WIDGETS).unwrap();
    assert!(cache.resource("example.com/other/").is_none());

    let mut watcher = widgets.watch(widgets.snapshot().revision()).unwrap();
    let created = shown(&store, &cache, put(WIDGETS, "ns/new", &object("new", "2", "blue"))).await;
    let entry = widgets.get("ns", "new").unwrap();
    assert_eq!(entry.revision, created);
    assert_eq!(*entry.index.fields, ["blue".into()]);
    assert_eq!(entry.index.labels.get("app"), Some("x"));
    assert_eq!(entry.uid().as_deref(), Some("2"));
    assert_eq!(next_event(&mut watcher).await.kind, EventKind::Added);

    shown(&store, &cache, put(WIDGETS, "ns/old", &object("old", "1", "green"))).await;
    let event = next_event(&mut watcher).await;
    assert_eq!(
        (event.kind, &*event.previous.as_ref().unwrap().index.fields[0]),
        (EventKind::Modified, "red")
    );
    let frame = parsed(&event.entry.added_frame());
    assert_eq!(
        (frame["type"].as_str(), frame["object"]["spec"]["color"].as_str()),
        (Some("ADDED"), Some("green"))
    );

    let gone = shown(&store, &cache, delete(WIDGETS, "ns/new")).await;
    let event = next_event(&mut watcher).await;
    let partial = parsed(
        &event
            .kind
            .frame(&event.entry.partial_metadata(crate::negotiate::MetaVersion::V1)),
    );
    assert_eq!(event.kind, EventKind::Deleted);
    assert_eq!(parsed(&event.entry.encoded)["spec"]["color"], "blue", "the last state");
    assert_eq!(partial["type"], "DELETED");
    assert_eq!(partial["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(
        partial["object"]["metadata"]["resourceVersion"],
        json!(gone.to_string())
    );
    assert_eq!(partial["object"].get("spec"), None);
    assert_eq!(widgets.get("ns", "new").map(|entry| entry.revision), None);
    assert_eq!(widgets.snapshot().len(), 1);
}

#[tokio::test]
async fn what_is_written_can_be_read_at_once() {
    let store = memory();
    let cache = start(&store).await;
    let widgets = cache.resource(WIDGETS).unwrap();
    for n in 0..50 {
        let revision = commit(&store, vec![put(WIDGETS, "ns/a", &object("a", "1", &n.to_string()))]).await;
        assert!(cache.wait_current().await.unwrap() >= revision);
        assert_eq!(*widgets.get("ns", "a").unwrap().index.fields[0], n.to_string());
        assert!(widgets.snapshot().revision() >= revision);
    }
    let future = cache.revision() + 1;
    assert!(!cache.wait_for(future, Duration::from_millis(1)).await);
}

#[tokio::test]
async fn a_quiet_resource_makes_progress_with_the_others() {
    let store = memory();
    let cache = start(&store).await;
    let (widgets, gadgets) = (cache.resource(WIDGETS).unwrap(), cache.resource(GADGETS).unwrap());
    let mut watcher = widgets.watch(cache.revision()).unwrap();
    let elsewhere = shown(&store, &cache, put(GADGETS, "ns/g", &object("g", "1", "red"))).await;
    assert_eq!(watcher.progress(), Some(elsewhere));
    assert_eq!(widgets.snapshot().revision(), elsewhere);
    assert_eq!(gadgets.snapshot().len(), 1);

    let here = commit(
        &store,
        ["a", "b"]
            .map(|n| put(WIDGETS, &format!("ns/{n}"), &object(n, n, "red")))
            .into(),
    )
    .await;
    assert!(cache.wait_for(here, SOON).await);
    assert_eq!(watcher.progress(), Some(here - 1), "nothing was delivered yet");
    next_event(&mut watcher).await;
    assert_eq!(watcher.progress(), None, "two events share the revision");
    next_event(&mut watcher).await;
    assert_eq!(watcher.progress(), Some(here));
}

#[test]
fn progress_is_never_behind_what_was_delivered() {
    // Between an event's publication and the clock's advance.
    let clock = Arc::new(Clock::starting_at(4));
    let widgets = Arc::new(ResourceCache::new(Map::default(), 4, clock));
    let mut watcher = widgets.watch(4).unwrap();
    let stored = object("a", "1", "red").to_string();
    let publish = |revision| {
        let entry = Entry::new(EventKind::Added, ("ns", "a"), revision, stored.as_bytes(), &Widgets).unwrap();
        let event = Event {
            kind: EventKind::Added,
            revision,
            entry: Arc::new(entry),
            previous: None,
        };
        widgets.publish(Map::default(), revision, vec![Arc::new(event)], false);
    };
    publish(5);
    assert_eq!(watcher.progress(), Some(4), "it was not delivered yet");
    assert!(matches!(watcher.try_next(), Some(Next::Event(event)) if event.revision == 5));
    assert_eq!(watcher.progress(), Some(5));
    // The next one comes, and is forgotten before it was read.
    publish(6);
    widgets.forget_oldest();
    widgets.forget_oldest();
    assert_eq!(watcher.progress(), None);
    assert!(matches!(watcher.try_next(), Some(Next::Expired)));
}

#[tokio::test]
async fn a_watch_from_the_future_sees_only_what_comes_after() {
    let store = memory();
    let cache = start(&store).await;
    let widgets = cache.resource(WIDGETS).unwrap();
    let mut watcher = widgets.watch(cache.revision() + 2).unwrap();
    for name in ["a", "b", "c"] {
        shown(
            &store,
            &cache,
            put(WIDGETS, &format!("ns/{name}"), &object(name, name, "red")),
        )
        .await;
    }
    assert_eq!(&*next_event(&mut watcher).await.entry.name, "c");
}

#[tokio::test]
async fn unreadable_objects_are_absent() {
    let store = memory();
    let broken = Write::Put(format!("{WIDGETS}ns/broken"), Bytes::from_static(b"{\"metadata\":{}"));
    commit(
        &store,
        vec![broken.clone(), put(WIDGETS, "ns/whole", &object("whole", "1", "red"))],
    )
    .await;
    let cache = start(&store).await;
    let widgets = cache.resource(WIDGETS).unwrap();
    let before = state(&widgets.snapshot());
    assert_eq!(before.keys().collect::<Vec<_>>(), ["ns/whole"]);

    let mut watcher = widgets.watch(cache.revision()).unwrap();
    shown(&store, &cache, broken).await;
    shown(
        &store,
        &cache,
        Write::Put(format!("{WIDGETS}ns/whole"), Bytes::from_static(b"[]")),
    )
    .await;
    assert_eq!(next_event(&mut watcher).await.kind, EventKind::Deleted);
    shown(&store, &cache, put(WIDGETS, "ns/whole", &object("whole", "1", "blue"))).await;
    assert_eq!(next_event(&mut watcher).await.kind, EventKind::Added);
}

#[tokio::test]
async fn dropping_the_cache_ends_its_watches() {
    let store = memory();
    let cache = start(&store).await;
    let widgets = cache.resource(WIDGETS).unwrap();
    let mut watcher = widgets.watch(cache.revision()).unwrap();
    shown(&store, &cache, put(WIDGETS, "ns/a", &object("a", "1", "red"))).await;
    let waiting = tokio::spawn(async move {
        let first = watcher.next().await;
        (first, watcher.next().await)
    });
    drop(cache);
    let ended = tokio::time::timeout(SOON, waiting).await.unwrap().unwrap();
    assert!(matches!(ended, (Next::Event(_), Next::Closed)));
}

/// Fails on one object, as no indexer should.
struct Panicking;

impl Indexer for Panicking {
    fn index(&self, object: &Value, _: &[u8]) -> Index {
        assert_ne!(object["metadata"]["name"], "poison");
        Index::default()
    }
}

#[tokio::test]
async fn watches_end_when_the_task_fails() {
    let store = memory();
    let specs = vec![ResourceSpec {
        prefix: WIDGETS.to_owned(),
        version: "v1".to_owned(),
        indexer: Arc::new(Panicking),
    }];
    let cache = Cache::start(store.clone(), specs, Limits::default()).await.unwrap();
    let mut watcher = cache.resource(WIDGETS).unwrap().watch(cache.revision()).unwrap();
    assert!(cache.is_following());
    commit(&store, vec![put(WIDGETS, "ns/poison", &object("poison", "1", "red"))]).await;
    assert!(matches!(
        tokio::time::timeout(SOON, watcher.next()).await.unwrap(),
        Next::Closed
    ));
    assert!(!cache.is_following());
}

#[tokio::test]
async fn the_cache_closes_with_its_store() {
    let engine = Engine::in_memory().unwrap();
    let store = engine.keyspace("sup/");
    let cache = start(&store).await;
    let mut watcher = cache.resource(WIDGETS).unwrap().watch(cache.revision()).unwrap();
    engine.close().await;
    assert!(matches!(
        tokio::time::timeout(SOON, watcher.next()).await.unwrap(),
        Next::Closed
    ));
    assert!(cache.wait_current().await.is_err());
}

#[tokio::test]
async fn what_is_known_of_a_write_is_not_found_out_again() {
    let store = memory();
    let cache = start(&store).await;
    let object = object("a", "1", "red");
    let known = Index {
        fields: ["as prepared".into()].into(),
        ..Index::default()
    };
    let field = async |name: &str, bytes: &Bytes| {
        let write = Write::Put(format!("{WIDGETS}ns/{name}"), bytes.clone());
        shown(&store, &cache, write).await;
        let entry = cache.resource(WIDGETS).unwrap().get("ns", name).unwrap();
        // Where the metadata lies is never taken on trust.
        assert_eq!(parsed(&entry.metadata())["uid"], "1");
        entry.index.fields[0].to_string()
    };
    let bytes = Bytes::from(object.to_string());
    let preparation = cache.prepare(&bytes, known.clone());
    // Equal, but not what was prepared.
    assert_eq!(field("other", &Bytes::from(object.to_string())).await, "red");
    assert_eq!(field("a", &bytes).await, "as prepared");
    drop(preparation);
    drop(cache.prepare(&bytes, known));
    assert_eq!(field("forgotten", &bytes).await, "red");
}
