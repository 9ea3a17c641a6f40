//! The contract of [`Store`]. Revisions only grow: a store that others write to as well has gaps between them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::time::timeout;

use crate::storage::{Commit, CommitStream, Compare, Outcome, Page, Revision, Store, Transaction, Write};

/// Longest for what must happen at once, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn put(key: &str, value: &str) -> Write {
    Write::Put(key.to_owned(), Bytes::copy_from_slice(value.as_bytes()))
}

pub(crate) async fn write(store: &dyn Store, compare: Vec<Compare>, write: Vec<Write>) -> Outcome {
    store.transact(Transaction { compare, write }).await.unwrap()
}

pub(crate) async fn committed(store: &dyn Store, writes: Vec<Write>) -> Revision {
    match write(store, Vec::new(), writes).await {
        Outcome::Committed(revision) => revision,
        Outcome::Conflict => panic!("nothing was compared"),
    }
}

pub(crate) async fn value(store: &dyn Store, key: &str) -> Option<String> {
    let item = store.get(key).await.unwrap()?;
    Some(String::from_utf8(item.value.to_vec()).unwrap())
}

pub(crate) async fn contents(store: &dyn Store) -> BTreeMap<String, String> {
    let page = store.range("", None, usize::MAX).await.unwrap();
    assert!(!page.more);
    page.items
        .iter()
        .map(|i| (i.key.to_string(), String::from_utf8(i.value.to_vec()).unwrap()))
        .collect()
}

/// The next commit that changes something.
pub(crate) async fn next(commits: &mut CommitStream) -> Commit {
    loop {
        let commit = timeout(PATIENCE, commits.next()).await.expect("in time");
        let commit = commit.expect("the watch goes on").expect("the watch is whole");
        if !commit.changes.is_empty() {
            return commit;
        }
    }
}

pub(crate) fn keys(commit: &Commit) -> Vec<&str> {
    commit.changes.iter().map(|change| &*change.key).collect()
}

fn absent(key: &str) -> Compare {
    Compare::Absent(key.to_owned())
}

fn at(key: &str, revision: Revision) -> Compare {
    Compare::At(key.to_owned(), revision)
}

type Open<'a> = &'a (dyn Fn(&str) -> Arc<dyn Store> + Sync);

pub(crate) async fn a_write_happens_only_when_all_comparisons_hold(open: Open<'_>) {
    let store = open("a/");
    let Outcome::Committed(first) = write(&*store, vec![absent("x")], vec![put("x", "1")]).await else {
        panic!("it is absent")
    };
    for compare in [
        vec![absent("x")],
        vec![at("x", first + 1)],
        vec![at("x", 1)],
        vec![at("gone", first)],
        vec![at("x", first), absent("y"), absent("x")],
    ] {
        let refused = write(&*store, compare.clone(), vec![put("x", "2"), put("y", "2")]).await;
        assert_eq!(refused, Outcome::Conflict, "{compare:?}");
    }
    assert_eq!(
        contents(&*store).await,
        BTreeMap::from([("x".to_owned(), "1".to_owned())])
    );

    let both = vec![put("x", "2"), put("y", "1")];
    let Outcome::Committed(second) = write(&*store, vec![at("x", first), absent("y")], both).await else {
        panic!("all comparisons hold")
    };
    assert!(second > first);
    for key in ["x", "y"] {
        let revision = store.get(key).await.unwrap().unwrap().revision;
        assert_eq!(revision, second, "one revision for the whole transaction");
    }
    write(&*store, vec![at("x", second)], vec![Write::Delete("x".to_owned())]).await;
    assert_eq!(value(&*store, "x").await, None);
    assert!(matches!(
        write(&*store, vec![absent("x")], vec![put("x", "3")]).await,
        Outcome::Committed(third) if third > second
    ));
}

pub(crate) async fn of_several_writes_of_a_key_the_last_one_counts(open: Open<'_>) {
    let store = open("a/");
    let mut commits = store.watch(store.revision().await.unwrap()).await.unwrap();
    let delete = |key: &str| Write::Delete(key.to_owned());
    committed(
        &*store,
        vec![put("x", "1"), put("y", "1"), put("x", "2"), put("z", "1"), delete("z")],
    )
    .await;
    assert_eq!(
        contents(&*store).await,
        BTreeMap::from([("x".to_owned(), "2".to_owned()), ("y".to_owned(), "1".to_owned())])
    );
    let commit = next(&mut commits).await;
    assert_eq!(keys(&commit)[..2], ["x", "y"]);
    assert_eq!(commit.changes[0].value.as_deref(), Some(&b"2"[..]));
}

pub(crate) async fn pages_go_on_where_the_last_one_ended(open: Open<'_>) {
    let store = open("a/");
    for key in [
        "core/pods//b",
        "core/pods//c",
        "core/pods-x//a",
        "core/pods//a",
        "core/nodes//n",
    ] {
        committed(&*store, vec![put(key, key)]).await;
    }
    let names = |page: &Page| page.items.iter().map(|item| item.key.to_string()).collect::<Vec<_>>();
    let first = store.range("core/pods/", None, 2).await.unwrap();
    assert_eq!(
        (names(&first), first.more),
        (vec!["core/pods//a".to_owned(), "core/pods//b".to_owned()], true)
    );
    let rest = store.range("core/pods/", Some("core/pods//b"), 2).await.unwrap();
    assert_eq!((names(&rest), rest.more), (vec!["core/pods//c".to_owned()], false));
    assert!(rest.revision >= rest.items[0].revision);
    for beyond in ["core/pods//c", "z"] {
        let page = store.range("core/pods/", Some(beyond), 2).await.unwrap();
        assert!(page.items.is_empty() && !page.more, "{beyond}");
    }
    assert_eq!(store.range("core/pods/", Some("a"), 9).await.unwrap().items.len(), 3);
    assert_eq!(contents(&*store).await.len(), 5);
}

pub(crate) async fn a_watch_begins_anywhere_in_the_history(open: Open<'_>) {
    let store = open("a/");
    let mut revisions = Vec::new();
    for key in ["1", "2", "3"] {
        revisions.push(committed(&*store, vec![put(key, "")]).await);
    }
    let mut from_middle = store.watch(revisions[0]).await.unwrap();
    assert_eq!(keys(&next(&mut from_middle).await), ["2"]);
    let mut from_future = store.watch(revisions[2]).await.unwrap();
    let fourth = committed(&*store, vec![put("4", "")]).await;
    let commit = next(&mut from_future).await;
    assert_eq!((keys(&commit), commit.revision), (vec!["4"], fourth));
    let delete = |key: &str| Write::Delete(key.to_owned());
    committed(&*store, vec![put("5", ""), delete("1"), delete("none")]).await;
    let commit = next(&mut from_future).await;
    assert_eq!(keys(&commit), ["1", "5"], "only what changed");
    assert!(commit.changes[0].value.is_none());
    assert_eq!(keys(&next(&mut from_middle).await), ["3"]);
}

pub(crate) async fn keyspaces_share_nothing_but_the_revisions(open: Open<'_>) {
    let (a, b) = (open("guest/a/"), open("guest/b/"));
    let mut commits = b.watch(b.revision().await.unwrap()).await.unwrap();
    let in_a = committed(&*a, vec![put("x", "a")]).await;
    let in_b = committed(&*b, vec![put("x", "b")]).await;
    assert!(in_b > in_a);
    assert_eq!(next(&mut commits).await.revision, in_b, "a's commit is none of b's");
    assert_eq!(value(&*a, "x").await.as_deref(), Some("a"));
    assert_eq!(contents(&*b).await, BTreeMap::from([("x".to_owned(), "b".to_owned())]));
    assert_eq!(
        contents(&*open("guest/a/")).await.len(),
        1,
        "one prefix is one keyspace"
    );
}

pub(crate) async fn concurrent_writers_are_seen_once_each_and_in_order(open: Open<'_>) {
    const WRITERS: usize = 32;
    const WRITES: usize = 10;
    let store = open("a/");
    let mut commits = store.watch(store.revision().await.unwrap()).await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..WRITES {
                let revision = committed(&*store, vec![put(&format!("{writer}"), &format!("{n}"))]).await;
                assert!(store.revision().await.unwrap() >= revision);
                assert_eq!(value(&*store, &format!("{writer}")).await, Some(n.to_string()));
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.unwrap();
    }
    let mut last = (0, BTreeMap::new());
    for _ in 0..WRITERS * WRITES {
        let commit = next(&mut commits).await;
        assert!(commit.revision > last.0, "each write has a revision of its own");
        last.0 = commit.revision;
        let change = &commit.changes[0];
        let n: usize = std::str::from_utf8(change.value.as_ref().unwrap())
            .unwrap()
            .parse()
            .unwrap();
        let expected = last.1.entry(change.key.clone()).or_insert(0);
        assert_eq!(n, *expected, "the writes of one writer come in its order");
        *expected += 1;
    }
}

/// What a consistent read waits for: the watch comes to any revision that the store names, whoever made it.
pub(crate) async fn a_watch_comes_to_every_revision_that_was_told(open: Open<'_>) {
    let (ours, others) = (open("ours/"), open("others/"));
    let begin = ours.revision().await.unwrap();
    let mut commits = ours.watch(begin).await.unwrap();
    let mut reached = begin;
    for round in 0..20 {
        committed(&*others, vec![put("x", "")]).await;
        let told = match round % 3 {
            0 => ours.revision().await.unwrap(),
            1 => ours.range("", None, 1).await.unwrap().revision,
            _ => committed(&*ours, vec![Write::Delete("none".to_owned())]).await,
        };
        while reached < told {
            let commit = timeout(PATIENCE, commits.next()).await.expect("in time");
            reached = commit.expect("the watch goes on").expect("the watch is whole").revision;
        }
    }
}
