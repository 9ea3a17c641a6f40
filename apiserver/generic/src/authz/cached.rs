//! Answers of a distant authorizer, remembered for a short time.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::{sync::OnceCell, time::Instant};

use super::{Attributes, Authorizer, Decision, HeldRules, Target};
use crate::authn::User;

/// How long an answer counts, allowed or not: so long a right that was taken away may still be used.
const KEEP: Duration = Duration::from_secs(10);
/// How many answers are kept. All live equally long, so the oldest is the next to go anyway.
const ANSWERS: usize = 8192;
/// From this many bytes on an answer is not kept, nor a question by what the client chose: verb and target.
const LONGEST: usize = 10_000;

/// Asks another authorizer, and the same question only once in ten seconds. Failures are never kept.
pub struct Cached {
    inner: Arc<dyn Authorizer>,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    by_question: HashMap<Question, Arc<Answer>>,
    /// Every answer of the map, and some that were replaced; oldest first.
    by_age: VecDeque<(Question, Arc<Answer>)>,
}

/// The digest of a question.
type Question = [u8; 32];
/// What was answered and until when it counts, empty while the question is being asked: who asks the same meanwhile waits
/// for that answer, and asks himself if the first one gave up.
type Answer = OnceCell<(Result<Decision, String>, Instant)>;

impl Cached {
    /// Remembers the answers of `inner`.
    pub fn new(inner: Arc<dyn Authorizer>) -> Cached {
        Cached {
            inner,
            answers: Mutex::default(),
        }
    }

    async fn ask(&self, question: Question, attributes: &Attributes<'_>) -> Result<Decision, String> {
        let answer = self.answers.lock().answer_to(question);
        let asked = answer.get_or_init(|| async {
            let decision = self.inner.authorize(attributes).await;
            if !is_kept(&decision) {
                self.answers.lock().forget(&question, &answer);
            }
            (decision, Instant::now() + KEEP)
        });
        asked.await.0.clone()
    }
}

#[async_trait]
impl Authorizer for Cached {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        match question(attributes) {
            Some(question) => self.ask(question, attributes).await,
            None => self.inner.authorize(attributes).await,
        }
    }

    async fn held_rules(&self, user: &User, namespace: &str) -> HeldRules {
        self.inner.held_rules(user, namespace).await
    }
}

impl Answers {
    /// The answer that still counts or is awaited, else a new one to be filled.
    fn answer_to(&mut self, question: Question) -> Arc<Answer> {
        let now = Instant::now();
        let counts = |answer: &&Arc<Answer>| answer.get().is_none_or(|(_, until)| now < *until);
        if let Some(answer) = self.by_question.get(&question).filter(counts) {
            return answer.clone();
        }
        while self.by_age.len() >= ANSWERS {
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
    fn forget(&mut self, question: &Question, answer: &Arc<Answer>) {
        let is_same = |kept: &Arc<Answer>| Arc::ptr_eq(kept, answer);
        if self.by_question.get(question).is_some_and(is_same) {
            self.by_question.remove(question);
        }
    }
}

fn is_kept(decision: &Result<Decision, String>) -> bool {
    match decision {
        Ok(Decision::Allow { reason } | Decision::Deny { reason } | Decision::NoOpinion { reason }) => {
            reason.len() < LONGEST
        }
        Err(_) => false,
    }
}

/// The question in a form that no two questions share; none if it is too long to be kept.
fn question(attributes: &Attributes<'_>) -> Option<Question> {
    let mut words = Words::default();
    let User {
        name,
        uid,
        groups,
        extra,
    } = attributes.user;
    words.add(name);
    words.all(uid.iter());
    words.all(groups.iter());
    words.count(extra.len());
    for (key, values) in extra {
        words.add(key);
        words.all(values.iter());
    }
    // Somebody in many groups asks no longer questions than others.
    words.length = 0;
    words.add(attributes.verb);
    match attributes.target {
        Target::Path(path) => words.all([path].iter()),
        Target::Resource {
            group,
            version,
            resource,
            subresource,
            namespace,
            name,
        } => words.all([group, version, resource, subresource, namespace, name].iter()),
    }
    (words.length < LONGEST).then(|| words.digest.finalize().into())
}

/// Words with their lengths before them, so that none can run into the next.
#[derive(Default)]
struct Words {
    digest: Sha256,
    length: usize,
}

impl Words {
    fn all<'a, W: AsRef<str> + 'a>(&mut self, words: impl ExactSizeIterator<Item = &'a W>) {
        self.count(words.len());
        for word in words {
            self.add(word.as_ref());
        }
    }

    fn add(&mut self, word: &str) {
        self.count(word.len());
        self.digest.update(word);
        self.length += word.len();
    }

    fn count(&mut self, count: usize) {
        self.digest.update(count.to_le_bytes());
    }
}

#[cfg(test)]
mod tests;
