//! Answers of somebody distant, remembered for a short time.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::OnceCell, time::Instant};

/// The digest of a question.
pub type Question = [u8; 32];

/// Remembers answers, so many and so long. Who asks what is being asked at this moment waits for that answer.
pub struct Remembered<T> {
    answers: Mutex<Answers<T>>,
    most: usize,
    keep: Duration,
}

struct Answers<T> {
    by_question: HashMap<Question, Arc<Answer<T>>>,
    /// Every answer of the map, and some that were replaced; oldest first. All live equally long, so the oldest is the next to
    /// go anyway.
    by_age: VecDeque<(Question, Arc<Answer<T>>)>,
}

/// What was answered and until when it counts, empty while the question is being asked: who asks the same meanwhile waits
/// for that answer, and asks himself if the first one gave up.
type Answer<T> = OnceCell<(T, Instant)>;

impl<T: Clone> Remembered<T> {
    /// Keeps the last `most` answers, each for this time.
    pub fn new(most: usize, keep: Duration) -> Self {
        let answers = Answers {
            by_question: HashMap::new(),
            by_age: VecDeque::new(),
        };
        Self {
            answers: Mutex::new(answers),
            most,
            keep,
        }
    }

    /// How many answers it holds.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.answers.lock().by_question.len()
    }

    /// The answer to a question, which `asked` brings when none counts any more. One for which `is_kept` is false is given to
    /// those who wait for it, and not remembered.
    pub async fn ask(&self, question: Question, is_kept: impl Fn(&T) -> bool, asked: impl Future<Output = T>) -> T {
        let answer = self.answers.lock().answer_to(question, self.most);
        let found = answer.get_or_init(|| async {
            let found = asked.await;
            if !is_kept(&found) {
                self.answers.lock().forget(&question, &answer);
            }
            (found, Instant::now() + self.keep)
        });
        found.await.0.clone()
    }
}

impl<T> Answers<T> {
    /// The answer that still counts or is awaited, else a new one to be filled.
    fn answer_to(&mut self, question: Question, most: usize) -> Arc<Answer<T>> {
        let now = Instant::now();
        let counts = |answer: &&Arc<Answer<T>>| answer.get().is_none_or(|(_, until)| now < *until);
        if let Some(answer) = self.by_question.get(&question).filter(counts) {
            return answer.clone();
        }
        while self.by_age.len() >= most {
            self.forget_oldest();
        }
        let answer = Arc::new(Answer::new());
        self.by_question.insert(question, answer.clone());
        self.by_age.push_back((question, answer.clone()));
        answer
    }

    fn forget_oldest(&mut self) {
        if let Some((question, answer)) = self.by_age.pop_front() {
            self.forget(&question, &answer);
        }
    }

    /// Forgets an answer, unless another one has taken its place.
    fn forget(&mut self, question: &Question, answer: &Arc<Answer<T>>) {
        let is_same = |kept: &Arc<Answer<T>>| Arc::ptr_eq(kept, answer);
        if self.by_question.get(question).is_some_and(is_same) {
            self.by_question.remove(question);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_so_many_are_kept_also_of_those_that_were_replaced() {
        let remembered = Remembered::new(4, Duration::from_secs(10));
        for round in 0..20u8 {
            for question in 0..3u8 {
                let answer = remembered.ask([question; 32], |_| true, async { round }).await;
                assert_eq!(answer, round);
            }
            tokio::time::advance(Duration::from_secs(11)).await;
        }
        let answers = remembered.answers.lock();
        assert!(answers.by_age.len() <= 4 && answers.by_question.len() == 3);
    }
}
