use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::cache::{EventKind, Index, Indexer, Snapshot};

/// Labels each object with its revision's rest of three.
struct Thirds;

impl Indexer for Thirds {
    fn index(&self, object: &serde_json::Value, _: &[u8]) -> Index {
        let revision = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let rest = (revision.parse::<u64>().unwrap() % 3).to_string();
        Index {
            labels: [("app", "web"), ("rest", &rest)].into_iter().collect(),
            ..Index::default()
        }
    }
}

fn entry(namespace: &str, name: &str, revision: u64) -> Arc<Entry> {
    Arc::new(Entry::new(EventKind::Added, (namespace, name), revision, b"{}", &Thirds).unwrap())
}

#[derive(Clone, Debug)]
enum Op {
    Insert(Key),
    Remove(Key),
    Snapshot,
    /// A list by label.
    Ask,
}

type Key = (&'static str, String);
type Model = BTreeMap<String, (Key, u64)>;

/// Namespaces of which some begin with others: the slash must decide their order, as in the store's keys.
fn key() -> impl Strategy<Value = Key> {
    (prop::sample::select(vec!["", "a", "a-b", "a.b", "a0", "b"]), 0..120u32).prop_map(|(ns, n)| (ns, format!("n{n}")))
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![6 => key().prop_map(Op::Insert), 3 => key().prop_map(Op::Remove), 1 => Just(Op::Snapshot), 1 => Just(Op::Ask)]
}

fn full((namespace, name): &Key) -> String {
    format!("{namespace}/{name}")
}

fn seen<'a>(entries: impl Iterator<Item = &'a Arc<Entry>>) -> Vec<(String, u64)> {
    entries
        .map(|entry| (format!("{}/{}", entry.namespace, entry.name), entry.revision))
        .collect()
}

fn wanted(model: &Model) -> Vec<(String, u64)> {
    model
        .iter()
        .map(|(key, (_, revision))| (key.clone(), *revision))
        .collect()
}

fn check_shape(map: &Map) {
    assert!(map.leaves.iter().all(|leaf| !leaf.is_empty() && leaf.len() <= FULL));
    assert_eq!(map.leaves.iter().map(|leaf| leaf.len()).sum::<usize>(), map.len());
}

fn check_ranges(map: &Map, model: &Model, (namespace, name): &Key) {
    let snapshot = Snapshot {
        map: map.clone(),
        revision: 0,
    };
    assert_eq!(seen(snapshot.iter()), wanted(model));
    let after = full(&(namespace, name.clone()));
    let behind: Model = model
        .iter()
        .filter(|(key, _)| **key > after)
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let in_namespace = |model: &Model| {
        let of = |(key, value): (&String, &(Key, u64))| (value.0.0 == *namespace).then(|| (key.clone(), value.1));
        model.iter().filter_map(of).collect::<Vec<_>>()
    };
    let start = Some((*namespace, name.as_str()));
    let cases = [
        (None, None, wanted(model)),
        (None, start, wanted(&behind)),
        (Some(*namespace), None, in_namespace(model)),
        (Some(*namespace), start, in_namespace(&behind)),
        (Some("nowhere"), start, Vec::new()),
    ];
    for (namespace, start, wanted) in cases {
        assert_eq!(
            snapshot.count(namespace, start),
            wanted.len(),
            "{namespace:?} {start:?}"
        );
        let labelled = snapshot.labelled(namespace, start, ("rest", "1"));
        assert_eq!(seen(labelled), ones(&wanted), "{namespace:?} {start:?}");
        assert_eq!(seen(snapshot.range(namespace, start)), wanted);
    }
}

/// Before the map is shared with a snapshot, so that writes change leaves whose labels have been asked for.
fn check_labels(map: &Map, model: &Model) {
    let labelled = map.labelled(LabelHash::of(b"rest", b"1"), Position::default(), map.end());
    assert_eq!(seen(labelled), ones(&wanted(model)));
}

fn ones(entries: &[(String, u64)]) -> Vec<(String, u64)> {
    entries
        .iter()
        .filter(|(_, revision)| revision % 3 == 1)
        .cloned()
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn behaves_as_a_sorted_map_and_snapshots_stay(ops in prop::collection::vec(op(), 1..1200), probe in key()) {
        let (mut map, mut model) = (Map::default(), Model::new());
        let mut snapshots = Vec::new();
        for (revision, op) in (1..).zip(ops) {
            match op {
                Op::Insert(key) => {
                    let replaced = map.insert(entry(key.0, &key.1, revision)).map(|entry| entry.revision);
                    let known = model.insert(full(&key), (key, revision)).map(|(_, revision)| revision);
                    prop_assert_eq!(replaced, known);
                }
                Op::Remove(key) => {
                    let removed = map.remove(key.0, &key.1).map(|entry| entry.revision);
                    prop_assert_eq!(removed, model.remove(&full(&key)).map(|(_, revision)| revision));
                }
                Op::Snapshot => snapshots.push((map.clone(), model.clone())),
                Op::Ask => check_labels(&map, &model),
            }
        }
        snapshots.push((map, model));
        for (map, model) in &snapshots {
            check_shape(map);
            check_ranges(map, model, &probe);
            let found = map.get(probe.0, &probe.1).map(|entry| entry.revision);
            prop_assert_eq!(found, model.get(&full(&probe)).map(|(_, revision)| *revision));
        }
    }
}

#[test]
fn keys_in_order_fill_their_leaves() {
    let mut map = Map::default();
    for n in 0..10 * FULL {
        map.insert(entry("a", &format!("{n:05}"), 1));
    }
    assert_eq!(map.leaves.len(), 10);
    check_shape(&map);
}

#[test]
fn removals_leave_no_crumbs() {
    let mut map = Map::default();
    for n in 0..100 * FULL {
        map.insert(entry("a", &format!("{n:05}"), 1));
    }
    for n in (0..100 * FULL).filter(|n| n % 64 != 0) {
        map.remove("a", &format!("{n:05}")).unwrap();
    }
    check_shape(&map);
    assert!(
        map.leaves.len() <= map.len() / SPARSE * 2,
        "{} leaves for {} entries",
        map.leaves.len(),
        map.len()
    );
}

#[test]
fn a_write_copies_one_leaf() {
    let mut map = Map::default();
    for n in 0..10 * FULL {
        map.insert(entry("a", &format!("{n:05}"), 1));
    }
    let before = map.clone();
    map.insert(entry("a", "00300", 2));
    let copied = before
        .leaves
        .iter()
        .zip(map.leaves.iter())
        .filter(|(old, new)| !Arc::ptr_eq(old, new))
        .count();
    assert_eq!(copied, 1);
}
