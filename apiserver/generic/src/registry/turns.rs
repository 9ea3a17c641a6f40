//! One writer at a time for each object, so that writers of one object queue instead of failing each other's comparison.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

/// The objects that are being written. Costs nothing for all others.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

/// The right to write one object; passed on when dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    key: String,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for the turn to write `key`; the caller bounds the wait.
    pub(super) async fn take(&self, key: String) -> Turn<'_> {
        let queue = self.0.lock().entry(key.clone()).or_default().clone();
        // Made before waiting, so that giving up cleans up too.
        let mut turn = Turn {
            turns: self,
            key,
            held: None,
        };
        turn.held = Some(queue.lock_owned().await);
        turn
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.held = None;
        let mut waiting = self.turns.0.lock();
        // Only the map's own reference is left: nobody holds it or waits for it.
        if waiting
            .get(&self.key)
            .is_some_and(|queue| Arc::strong_count(queue) == 1)
        {
            waiting.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn writers_of_one_key_take_turns() {
        let turns = Turns::default();
        let first = turns.take("a".into()).await;
        let other = turns.take("b".into()).await;
        let late = tokio::time::timeout(Duration::from_millis(20), turns.take("a".into())).await;
        assert!(late.is_err());
        drop(first);
        let second = turns.take("a".into()).await;
        drop((second, other));
        assert!(turns.0.lock().is_empty());
    }
}
