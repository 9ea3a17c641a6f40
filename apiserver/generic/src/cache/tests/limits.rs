//! History by age and by bytes, and who falls off it.

use super::*;

async fn start_with(store: &Arc<dyn Store>, limits: Limits) -> Arc<Cache> {
    Cache::start(store.clone(), specs(), limits).await.unwrap()
}

#[tokio::test]
async fn bytes_bound_the_history_over_all_resources() {
    let store = memory();
    let limits = Limits {
        history_bytes: 20_000,
        ..Limits::default()
    };
    let cache = start_with(&store, limits).await;
    let (widgets, gadgets) = (cache.resource(WIDGETS).unwrap(), cache.resource(GADGETS).unwrap());
    let start = cache.revision();
    let mut slow = widgets.watch(start).unwrap();
    let mut quick = gadgets.watch(start).unwrap();
    shown(&store, &cache, put(WIDGETS, "ns/w", &object("w", "1", "red"))).await;
    for n in 0..60 {
        shown(&store, &cache, put(GADGETS, "ns/g", &object("g", "1", &n.to_string()))).await;
        next_event(&mut quick).await;
    }
    assert!(
        matches!(slow.next().await, Next::Expired),
        "the oldest event is gone, though of another resource"
    );
    assert!(widgets.watch(start).is_err());
    assert!(widgets.watch(start + 1).is_ok(), "nothing of this resource came later");
    assert!(gadgets.snapshot_at(start + 1).is_err());
    assert_eq!(widgets.snapshot_at(start + 1).unwrap().len(), 1);
    assert!(gadgets.watch(cache.revision() - 5).is_ok(), "the newest events stay");
    assert_eq!(widgets.snapshot().len(), 1, "the objects themselves stay");
}

#[tokio::test]
async fn creations_cost_the_history_little() {
    let store = memory();
    let cache = start_with(
        &store,
        Limits {
            history_bytes: 100_000,
            ..Limits::default()
        },
    )
    .await;
    let start = cache.revision();
    let large = "x".repeat(10_000);
    for n in 0..100 {
        shown(
            &store,
            &cache,
            put(WIDGETS, &format!("ns/{n}"), &object("w", "1", &large)),
        )
        .await;
    }
    let widgets = cache.resource(WIDGETS).unwrap();
    assert!(
        widgets.watch(start).is_ok(),
        "a megabyte of objects is held by the map, not by the history"
    );
    for n in 0..100 {
        shown(
            &store,
            &cache,
            put(WIDGETS, &format!("ns/{n}"), &object("w", "1", "small")),
        )
        .await;
    }
    assert!(widgets.watch(start).is_err());
}

#[tokio::test]
async fn events_expire_by_age_though_nothing_is_written() {
    let store = memory();
    let cache = start_with(
        &store,
        Limits {
            history: Duration::from_secs(59),
            ..Limits::default()
        },
    )
    .await;
    let widgets = cache.resource(WIDGETS).unwrap();
    let start = cache.revision();
    let mut current = widgets.watch(start).unwrap();
    shown(&store, &cache, put(WIDGETS, "ns/a", &object("a", "1", "red"))).await;
    next_event(&mut current).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(1)).await;
    tokio::time::resume();
    let expired = async {
        while widgets.watch(start).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, expired).await.expect("the event expires");
    shown(&store, &cache, put(WIDGETS, "ns/b", &object("b", "1", "red"))).await;
    assert_eq!(
        &*next_event(&mut current).await.entry.name,
        "b",
        "a watch that keeps up never expires"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_watchers_share_every_event() {
    let store = memory();
    let cache = start(&store).await;
    let widgets = cache.resource(WIDGETS).unwrap();
    let from = cache.revision();
    let watchers = (0..1000).map(|_| {
        let mut watcher = widgets.watch(from).unwrap();
        tokio::spawn(async move {
            let mut frames = Vec::new();
            while frames.len() < 20 {
                frames.push(next_event(&mut watcher).await.frame());
            }
            frames
        })
    });
    let watchers: Vec<_> = watchers.collect();
    for n in 0..20 {
        commit(&store, vec![put(WIDGETS, "ns/a", &object("a", "1", &n.to_string()))]).await;
    }
    let mut all = Vec::new();
    for watcher in watchers {
        all.push(watcher.await.unwrap());
    }
    for frames in &all {
        let shared = frames
            .iter()
            .zip(&all[0])
            .all(|(frame, first)| frame.as_ptr() == first.as_ptr());
        assert!(shared, "encoded once for all");
        let colors = frames
            .iter()
            .map(|frame| parsed(frame)["object"]["spec"]["color"].as_str().unwrap().to_owned());
        assert!(colors.eq((0..20).map(|n| n.to_string())));
    }
}
