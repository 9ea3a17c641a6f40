//! A bounded table of values that end by themselves.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use parking_lot::Mutex;

/// Values under keys, each until its deadline. When it is full, the value that would end first makes room.
pub(super) struct Expiring<T> {
    capacity: usize,
    entries: Mutex<Entries<T>>,
}

struct Entries<T> {
    values: HashMap<String, (Timestamp, T)>,
    deadlines: BTreeSet<(Timestamp, String)>,
}

impl<T> Expiring<T> {
    /// An empty table for at most `capacity` values.
    pub(super) fn new(capacity: usize) -> Self {
        let entries = Entries {
            values: HashMap::new(),
            deadlines: BTreeSet::new(),
        };
        Self {
            capacity,
            entries: Mutex::new(entries),
        }
    }

    /// Keeps a value until its deadline.
    pub(super) fn put(&self, key: String, value: T, until: Timestamp, now: Timestamp) {
        let mut entries = self.entries.lock();
        entries.remove(&key);
        entries.make_room(self.capacity, now);
        entries.deadlines.insert((until, key.clone()));
        entries.values.insert(key, (until, value));
    }

    /// Takes a value out; none when there is none or its time is over. With its deadline.
    pub(super) fn take(&self, key: &str, now: Timestamp) -> Option<(Timestamp, T)> {
        self.entries.lock().remove(key).filter(|(until, _)| *until > now)
    }
}

impl<T> Entries<T> {
    fn remove(&mut self, key: &str) -> Option<(Timestamp, T)> {
        let (key, entry) = self.values.remove_entry(key)?;
        self.deadlines.remove(&(entry.0, key));
        Some(entry)
    }

    fn make_room(&mut self, capacity: usize, now: Timestamp) {
        while let Some((until, key)) = self.deadlines.first() {
            if *until > now && self.values.len() < capacity {
                return;
            }
            self.values.remove(key);
            self.deadlines.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_value_is_taken_once_and_in_time() {
        let table = Expiring::new(10);
        table.put("a".into(), 1, at(10), at(0));
        table.put("b".into(), 2, at(10), at(0));
        assert_eq!(table.take("a", at(9)), Some((at(10), 1)));
        assert_eq!(table.take("a", at(9)), None);
        assert_eq!(table.take("b", at(10)), None);
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let table = Expiring::new(3);
        for n in 0..100_i64 {
            table.put(n.to_string(), n, at(1000 + n), at(0));
            let entries = table.entries.lock();
            assert!(entries.values.len() <= 3 && entries.deadlines.len() == entries.values.len());
        }
        assert_eq!(table.take("96", at(0)), None, "the one that ends first made room");
        assert_eq!(table.take("97", at(0)), Some((at(1097), 97)));
        table.put("new".into(), 1, at(5000), at(4000));
        assert_eq!(table.entries.lock().values.len(), 1, "what has ended is gone");
    }
}
