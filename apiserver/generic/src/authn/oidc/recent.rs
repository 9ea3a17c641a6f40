//! Tokens that were accepted a moment ago, so that a client's requests don't each cost a signature check.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::authn::User;

/// How long a token is not judged again, as in kube-apiserver.
const TRUST: Duration = Duration::from_secs(10);
const REMEMBERED: usize = 4096;

/// Users by the digest of their token: the token itself is not kept.
#[derive(Default)]
pub(super) struct Recent(Mutex<HashMap<[u8; 32], Accepted>>);

struct Accepted {
    user: User,
    until: Instant,
    expires: Timestamp,
}

impl Accepted {
    fn counts(&self, now: Timestamp) -> bool {
        Instant::now() < self.until && now < self.expires
    }
}

impl Recent {
    /// The user of a token that was accepted within the last seconds and has not expired since.
    pub(super) fn user(&self, token: &str, now: Timestamp) -> Option<User> {
        let recent = self.0.lock();
        let accepted = recent.get(&digest(token)).filter(|accepted| accepted.counts(now))?;
        Some(accepted.user.clone())
    }

    /// Remembers a token that was accepted. When there are too many, the next request judges it again.
    pub(super) fn remember(&self, token: &str, user: &User, expires: Timestamp, now: Timestamp) {
        let mut recent = self.0.lock();
        if recent.len() >= REMEMBERED {
            recent.retain(|_, accepted| accepted.counts(now));
        }
        if recent.len() < REMEMBERED {
            let accepted = Accepted {
                user: user.clone(),
                until: Instant::now() + TRUST,
                expires,
            };
            recent.insert(digest(token), accepted);
        }
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
