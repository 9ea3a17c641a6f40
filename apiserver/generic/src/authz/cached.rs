//! Answers of a distant authorizer, remembered for a short time.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::{Attributes, Authorizer, Decision, HeldRules, Target};
use crate::{authn::User, remembered::Remembered};

/// How long an answer counts, allowed or not: so long a right that was taken away may still be used.
const KEEP: Duration = Duration::from_secs(10);
/// How many answers are kept.
const ANSWERS: usize = 8192;
/// From this many bytes on an answer is not kept, nor a question by what the client chose: verb and target.
const LONGEST: usize = 10_000;

/// Asks another authorizer, and the same question only once in ten seconds. Failures are never kept.
pub struct Cached {
    inner: Arc<dyn Authorizer>,
    answers: Remembered<Result<Decision, String>>,
}

impl Cached {
    /// Remembers the answers of `inner`.
    pub fn new(inner: Arc<dyn Authorizer>) -> Cached {
        Cached {
            inner,
            answers: Remembered::new(ANSWERS, KEEP),
        }
    }
}

#[async_trait]
impl Authorizer for Cached {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        match question(attributes) {
            Some(question) => {
                let asked = self.inner.authorize(attributes);
                self.answers.ask(question, is_kept, asked).await
            }
            None => self.inner.authorize(attributes).await,
        }
    }

    async fn held_rules(&self, user: &User, namespace: &str) -> HeldRules {
        self.inner.held_rules(user, namespace).await
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
fn question(attributes: &Attributes<'_>) -> Option<[u8; 32]> {
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
