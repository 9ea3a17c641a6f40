//! A queue of keys: each waits at most once, and is worked on by at most one task at a time.

use super::Key;
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The first pause after a failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_millis(25);
/// The longest pause after a failure.
const LAST_RETRY: Duration = Duration::from_secs(30);

/// What a reconciliation waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// An event.
    Event,
    /// An event, or this much time.
    After(Duration),
}

impl Next {
    /// The one that comes first.
    pub(crate) fn sooner(self, other: Self) -> Self {
        match (self, other) {
            (Self::After(one), Self::After(other)) => Self::After(one.min(other)),
            (after @ Self::After(_), Self::Event) | (Self::Event, after) => after,
        }
    }
}

/// A reconciliation that must be tried again.
pub(crate) trait Retry: std::fmt::Display {
    /// Whether the failure is one of the usual races, not worth a warning.
    fn is_race(&self) -> bool;
}

/// Keys that wait, bounded by the number of objects.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Key>,
    waiting: HashSet<Key>,
    running: HashSet<Key>,
    again: HashSet<Key>,
    later: BinaryHeap<Reverse<(Instant, Key)>>,
    due: HashMap<Key, Instant>,
    failures: HashMap<Key, Failures>,
}

/// How often a key failed in a row, and how it did last.
#[derive(Default)]
struct Failures {
    count: u32,
    last: String,
}

impl Queue {
    /// Has `key` worked on as soon as possible.
    pub(crate) fn add(&self, key: Key) {
        if self.state.lock().add(key) {
            self.changed.notify_one();
        }
    }

    /// Has `key` worked on after `pause`, unless that happens sooner anyway.
    pub(crate) fn add_after(&self, key: Key, pause: Duration) {
        let when = Instant::now() + pause;
        let mut state = self.state.lock();
        if state.due.get(&key).is_some_and(|due| *due <= when) {
            return;
        }
        state.due.insert(key.clone(), when);
        state.later.push(Reverse((when, key)));
        drop(state);
        self.changed.notify_one();
    }

    /// The next key; it counts as running until [`Queue::done`].
    async fn take(&self) -> Key {
        loop {
            let due = {
                let mut state = self.state.lock();
                state.promote(Instant::now());
                if let Some(key) = state.take() {
                    return key;
                }
                state.later.peek().map(|Reverse((when, _))| *when)
            };
            match due {
                Some(when) => {
                    tokio::select! {
                        () = self.changed.notified() => {}
                        () = tokio::time::sleep_until(when) => {}
                    }
                }
                None => self.changed.notified().await,
            }
        }
    }

    /// Whether the key has not just failed in the same way.
    fn is_news(&self, key: &Key, failure: &str) -> bool {
        let state = self.state.lock();
        state.failures.get(key).is_none_or(|failures| failures.last != failure)
    }

    fn done(&self, key: &Key, outcome: Result<Next, String>) {
        let mut state = self.state.lock();
        state.running.remove(key);
        if state.again.remove(key) {
            state.add(key.clone());
        }
        let pause = match outcome {
            Ok(next) => {
                state.failures.remove(key);
                match next {
                    Next::Event => None,
                    Next::After(pause) => Some(pause),
                }
            }
            Err(failure) => Some(state.failed(key, failure)),
        };
        drop(state);
        self.changed.notify_one();
        if let Some(pause) = pause {
            self.add_after(key.clone(), pause);
        }
    }
}

impl State {
    fn add(&mut self, key: Key) -> bool {
        if self.running.contains(&key) {
            self.again.insert(key);
            return false;
        }
        let new = self.waiting.insert(key.clone());
        if new {
            self.ready.push_back(key);
        }
        new
    }

    fn promote(&mut self, now: Instant) {
        while let Some(Reverse((when, _))) = self.later.peek() {
            if *when > now {
                return;
            }
            let Some(Reverse((when, key))) = self.later.pop() else {
                return;
            };
            // An entry that an earlier one replaced is void.
            if self.due.get(&key) == Some(&when) {
                self.due.remove(&key);
                self.add(key);
            }
        }
    }

    fn take(&mut self) -> Option<Key> {
        let key = self.ready.pop_front()?;
        self.waiting.remove(&key);
        self.running.insert(key.clone());
        Some(key)
    }

    fn failed(&mut self, key: &Key, failure: String) -> Duration {
        let failures = self.failures.entry(key.clone()).or_default();
        let pause = FIRST_RETRY.saturating_mul(1 << failures.count.min(16)).min(LAST_RETRY);
        failures.count = failures.count.saturating_add(1);
        failures.last = failure;
        pause
    }
}

/// A key that is worked on. However that ends, it is tried again or waits for an event: one that panics hangs no more than others.
struct Running {
    queue: Arc<Queue>,
    key: Key,
    outcome: Option<Result<Next, String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let outcome = self.outcome.take();
        self.queue
            .done(&self.key, outcome.unwrap_or_else(|| Err("it panicked".to_owned())));
    }
}

/// Works on the keys of `queue`, at most `concurrency` at a time, until `stop`.
pub(crate) async fn work<F, Fut, E>(
    name: &'static str,
    queue: Arc<Queue>,
    concurrency: usize,
    stop: CancellationToken,
    reconcile: F,
) where
    F: Fn(Key) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Next, E>> + Send + 'static,
    E: Retry + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(concurrency));
    let mut tasks = JoinSet::new();
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
            Some((slot, queue.take().await))
        };
        let Some(Some((slot, key))) = stop.run_until_cancelled(next).await else {
            return;
        };
        while tasks.try_join_next().is_some() {}
        let (queue, reconcile) = (Arc::clone(&queue), reconcile.clone());
        tasks.spawn(async move {
            let mut running = Running {
                queue: Arc::clone(&queue),
                key: key.clone(),
                outcome: None,
            };
            let outcome = reconcile(key.clone()).await.map_err(|error| {
                let message = error.to_string();
                if error.is_race() || !queue.is_news(&key, &message) {
                    tracing::debug!(controller = name, object = %key, message, "trying again");
                } else {
                    tracing::warn!(controller = name, object = %key, message, "reconciliation failed, trying again");
                }
                message
            });
            running.outcome = Some(outcome);
            drop(running);
            drop(slot);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug)]
    struct Failure;

    impl std::fmt::Display for Failure {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("failure")
        }
    }

    impl Retry for Failure {
        fn is_race(&self) -> bool {
            true
        }
    }

    #[tokio::test]
    async fn a_key_waits_once_and_is_worked_on_again_when_it_was_added_meanwhile() {
        let queue = Queue::default();
        let key = Key::new("a", "b");
        queue.add(key.clone());
        queue.add(key.clone());
        assert_eq!(queue.take().await, key);
        assert!(queue.state.lock().ready.is_empty());

        queue.add(key.clone());
        assert!(queue.state.lock().ready.is_empty(), "one task at a time");
        queue.done(&key, Ok(Next::Event));
        assert_eq!(queue.take().await, key);
        queue.done(&key, Ok(Next::Event));
        assert!(queue.state.lock().ready.is_empty());
    }

    #[tokio::test]
    async fn of_two_pauses_the_shorter_one_counts() {
        let queue = Queue::default();
        let key = Key::new("a", "b");
        let start = Instant::now();
        queue.add_after(key.clone(), Duration::from_mins(10));
        queue.add_after(key.clone(), Duration::from_millis(20));
        queue.add_after(key.clone(), Duration::from_mins(5));
        assert_eq!(queue.take().await, key);
        assert!(start.elapsed() >= Duration::from_millis(20));
        queue.done(&key, Ok(Next::Event));
        let mut state = queue.state.lock();
        state.promote(start + Duration::from_hours(1));
        assert!(state.ready.is_empty() && state.due.is_empty(), "the others are void");
    }

    #[tokio::test]
    async fn failures_are_tried_again_with_growing_pauses_and_success_resets_them() {
        let queue = Arc::new(Queue::default());
        let (stop, count) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let start = Instant::now();
        queue.add(Key::new("a", "b"));
        let counter = Arc::clone(&count);
        let (done, mut finished) = tokio::sync::mpsc::channel(1);
        let worker = tokio::spawn(work("test", Arc::clone(&queue), 4, stop.clone(), move |_| {
            let (counter, done) = (Arc::clone(&counter), done.clone());
            async move {
                match counter.fetch_add(1, Ordering::Relaxed) {
                    1 => panic!("as one that does so is tried again too"),
                    ..3 => Err(Failure),
                    _ => {
                        let _ = done.send(()).await;
                        Ok(Next::Event)
                    }
                }
            }
        }));
        finished.recv().await;
        assert_eq!(count.load(Ordering::Relaxed), 4);
        assert!(start.elapsed() >= Duration::from_millis(25 + 50 + 100));
        stop.cancel();
        worker.await.unwrap();
        assert!(queue.state.lock().failures.is_empty());
    }
}
