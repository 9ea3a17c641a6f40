//! One question for all who ask it at the same time.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

/// Questions that are asked at the moment. Who asks gets an answer that was asked for after they came; while one is under way,
/// all who come wait for the next one together.
pub(super) struct Together<K, T>(Mutex<HashMap<K, Arc<Question<T>>>>);

struct Question<T> {
    /// How many have come.
    came: AtomicU64,
    last: tokio::sync::Mutex<Last<T>>,
}

/// The answer to all who came before the one of this number.
struct Last<T> {
    covers: u64,
    answer: Option<T>,
}

impl<K: Clone + Eq + Hash, T: Clone> Together<K, T> {
    pub(super) async fn ask(&self, key: K, ask: impl AsyncFnOnce() -> T) -> T {
        let question = self.0.lock().entry(key.clone()).or_default().clone();
        let asking = Asking {
            together: self,
            key,
            question,
        };
        let number = asking.question.came.fetch_add(1, Ordering::AcqRel);
        asking.question.answer(number, ask).await
    }
}

/// Somebody who waits for an answer. The last one who goes, with it or without, lets the question be forgotten.
struct Asking<'a, K: Eq + Hash, T> {
    together: &'a Together<K, T>,
    key: K,
    question: Arc<Question<T>>,
}

impl<K: Eq + Hash, T> Drop for Asking<'_, K, T> {
    fn drop(&mut self) {
        let mut questions = self.together.0.lock();
        // Held here and in the map, and taken only under its lock.
        if Arc::strong_count(&self.question) == 2 {
            questions.remove(&self.key);
        }
    }
}

impl<T: Clone> Question<T> {
    async fn answer(&self, number: u64, ask: impl AsyncFnOnce() -> T) -> T {
        let mut last = self.last.lock().await;
        if number < last.covers
            && let Some(answer) = &last.answer
        {
            return answer.clone();
        }
        let covers = self.came.load(Ordering::Acquire);
        let answer = ask().await;
        *last = Last {
            covers,
            answer: Some(answer.clone()),
        };
        answer
    }
}

impl<K, T> Default for Together<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Default for Question<T> {
    fn default() -> Self {
        let last = Last {
            covers: 0,
            answer: None,
        };
        Self {
            came: AtomicU64::new(0),
            last: tokio::sync::Mutex::new(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use tokio::sync::Barrier;

    use super::*;

    #[tokio::test]
    async fn who_comes_while_a_question_is_under_way_gets_the_next_answer() {
        const ASKERS: usize = 64;
        let (together, asked) = (Together::default(), AtomicU64::new(0));
        // The first question is answered when all have come.
        let all_came = Barrier::new(2);
        let ask = |asker: usize| {
            let (together, asked, all_came) = (&together, &asked, &all_came);
            async move {
                together
                    .ask("key", async || {
                        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
                            all_came.wait().await;
                        }
                        asker
                    })
                    .await
            }
        };
        let last = async {
            tokio::task::yield_now().await;
            all_came.wait().await;
        };
        let (answers, ()) = tokio::join!(join_all((0..ASKERS).map(ask)), last);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        assert_eq!(answers[0], 0);
        assert!(answers[1..].iter().all(|answer| *answer == 1), "{answers:?}");
        assert!(together.0.lock().is_empty(), "nothing is kept");

        assert_eq!(together.ask("key", async || 7).await, 7, "asked anew");
    }

    #[tokio::test]
    async fn who_asks_and_leaves_keeps_nobody_waiting() {
        let together = Together::default();
        let left = tokio::time::timeout(
            std::time::Duration::from_millis(10),
            together.ask("key", std::future::pending::<u32>),
        );
        assert!(left.await.is_err());
        assert!(together.0.lock().is_empty());
        assert_eq!(together.ask("key", async || 3).await, 3);
    }
}
