//! List at R, watch after R: the same objects as a later list, whatever happens in between.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;

use super::*;

const NAMESPACES: [&str; 4] = ["", "a", "a-b", "b"];

/// Some random writes to a few keys of both resources: creations, updates, removals, several in one transaction.
fn random_writes(random: &mut StdRng, tag: u64) -> Vec<Write> {
    let mut writes = BTreeMap::new();
    for _ in 0..random.random_range(1..4) {
        let resource = if random.random_bool(0.7) { WIDGETS } else { GADGETS };
        let name = format!("n{}", random.random_range(0..12));
        let key = format!("{}/{name}", NAMESPACES[random.random_range(0..NAMESPACES.len())]);
        let write = if random.random_bool(0.3) {
            delete(resource, &key)
        } else {
            put(resource, &key, &object(&name, "1", &tag.to_string()))
        };
        writes.insert((resource, key), write);
    }
    writes.into_values().collect()
}

/// A client: lists, then watches to the end of the writes, beginning new watches from bookmarks as it goes.
async fn follow(
    cache: Arc<Cache>,
    resource: &'static str,
    seed: u64,
    until: watch::Receiver<Option<Revision>>,
) -> State {
    let mut random = StdRng::seed_from_u64(seed);
    let resource = cache.resource(resource).unwrap();
    let listed = resource.snapshot();
    let mut seen = state(&listed);
    let mut last = listed.revision();
    let mut watcher = resource.watch(last).unwrap();
    loop {
        let bookmark = watcher.progress().unwrap_or_default();
        let end = *until.borrow();
        if end.is_some_and(|end| bookmark >= end) {
            return seen;
        }
        if bookmark >= last && random.random_bool(0.2) {
            watcher = resource.watch(bookmark).unwrap();
        }
        let mut until = until.clone();
        tokio::select! {
            next = watcher.next() => {
                let Next::Event(event) = next else { panic!("{next:?}") };
                assert!(event.revision >= last);
                last = event.revision;
                replay(&mut seen, &event);
            }
            _ = until.changed(), if end.is_none() => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn list_and_watch_lead_to_the_final_list() {
    for seed in 0..6 {
        let store = memory();
        let cache = start(&store).await;
        let (done, until) = watch::channel(None);
        let clients = (0..8).map(|n| {
            let resource = if n % 2 == 0 { WIDGETS } else { GADGETS };
            (
                resource,
                tokio::spawn(follow(cache.clone(), resource, seed * 100 + n, until.clone())),
            )
        });
        let clients: Vec<_> = clients.collect();
        let writers = (0..4).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut random = StdRng::seed_from_u64(seed * 1000 + writer);
                for n in 0..60 {
                    commit(&store, random_writes(&mut random, n)).await;
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let end = cache.wait_current().await.unwrap();
        done.send_replace(Some(end));
        for (resource, client) in clients {
            let seen = tokio::time::timeout(SOON, client).await.unwrap().unwrap();
            assert_eq!(
                seen,
                state(&cache.resource(resource).unwrap().snapshot()),
                "seed {seed}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_start_among_writes_misses_nothing() {
    let store = memory();
    let many = (0..1200)
        .map(|n| put(WIDGETS, &format!("a/{n:04}"), &object("x", "1", "first")))
        .collect();
    commit(&store, many).await;
    let enough = CancellationToken::new();
    let writer = tokio::spawn({
        let (store, enough) = (store.clone(), enough.clone());
        async move {
            let mut random = StdRng::seed_from_u64(7);
            while !enough.is_cancelled() {
                let key = format!("a/{:04}", random.random_range(0..1300));
                let object = object("x", "1", &random.random::<u32>().to_string());
                let remove = random.random_bool(0.4);
                let write = if remove {
                    delete(WIDGETS, &key)
                } else {
                    put(WIDGETS, &key, &object)
                };
                commit(&store, vec![write]).await;
            }
        }
    });
    let mut starts = Vec::new();
    for _ in 0..8 {
        let cache = start(&store).await;
        let listed = cache.resource(WIDGETS).unwrap().snapshot();
        starts.push((cache, listed));
    }
    enough.cancel();
    writer.await.unwrap();

    let whole = start(&store).await.resource(WIDGETS).unwrap().snapshot();
    for (cache, listed) in starts {
        let end = cache.wait_current().await.unwrap();
        let widgets = cache.resource(WIDGETS).unwrap();
        let mut seen = state(&listed);
        let mut watcher = widgets.watch(listed.revision()).unwrap();
        while watcher.progress().is_none_or(|progress| progress < end) {
            replay(&mut seen, &*next_event(&mut watcher).await);
        }
        assert_eq!(seen, state(&whole));
        assert_eq!(state(&widgets.snapshot()), state(&whole));
    }
}

#[tokio::test]
async fn older_states_are_exact() {
    let store = memory();
    let cache = start(&store).await;
    let widgets = cache.resource(WIDGETS).unwrap();
    let mut random = StdRng::seed_from_u64(3);
    let first = cache.revision();
    let mut states = vec![(first, state(&widgets.snapshot()))];
    for n in 0..300 {
        let revision = commit(&store, random_writes(&mut random, n)).await;
        assert!(cache.wait_for(revision, SOON).await);
        states.push((revision, state(&widgets.snapshot())));
    }
    // Twice: the second time from what was kept. Backwards and forwards, as pages of different clients come.
    for (revision, wanted) in states
        .iter()
        .rev()
        .chain(&states)
        .chain(&states[150..160])
        .chain(&states[150..160])
    {
        let snapshot = widgets.snapshot_at(*revision).unwrap();
        assert_eq!(snapshot.revision(), *revision);
        assert_eq!(state(&snapshot), *wanted);
    }
    let expired = widgets.snapshot_at(first - 1).unwrap_err();
    assert_eq!(
        expired,
        Expired {
            requested: first - 1,
            oldest: first
        }
    );
    assert_eq!(
        widgets.snapshot_at(cache.revision() + 5).unwrap().revision(),
        cache.revision()
    );
}

#[tokio::test]
async fn an_old_page_and_a_watch_from_it_agree() {
    let store = memory();
    let cache = start(&store).await;
    let widgets = cache.resource(WIDGETS).unwrap();
    let mut random = StdRng::seed_from_u64(11);
    for n in 0..200 {
        let revision = commit(&store, random_writes(&mut random, n)).await;
        assert!(cache.wait_for(revision, SOON).await);
    }
    let end = cache.revision();
    for from in (end - 200..end).step_by(17) {
        let mut seen = state(&widgets.snapshot_at(from).unwrap());
        let mut watcher = widgets.watch(from).unwrap();
        while let Some(Next::Event(event)) = watcher.try_next() {
            replay(&mut seen, &event);
        }
        assert_eq!(seen, state(&widgets.snapshot()));
    }
}
