//! Authorization codes: good once, for a minute, for the request that they answer.

use std::time::Duration;

use jiff::Timestamp;

use super::{authorize::AuthorizationRequest, expiring::Expiring, random, sessions::SignedIn};

const LIFE: Duration = Duration::from_mins(1);
const AT_MOST: usize = 1000;

/// What a code stands for.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) request: AuthorizationRequest,
    pub(super) signed_in: SignedIn,
}

/// What became of a code that a client shows.
pub(super) enum Redeemed {
    Grant(Box<Grant>),
    /// It was redeemed before: somebody else has it, so the session that it began must end (RFC 6749, section 4.1.2).
    Again {
        session: String,
    },
    /// Never issued, or too old.
    Unknown,
}

enum Code {
    Fresh(Box<Grant>),
    Used { session: String },
}

/// The codes that are out.
pub(super) struct Codes(Expiring<Code>);

impl Codes {
    pub(super) fn new() -> Self {
        Self(Expiring::new(AT_MOST))
    }

    /// A code for a grant.
    pub(super) fn issue(&self, grant: Grant, now: Timestamp) -> String {
        let code = random::secret();
        self.0.put(code.clone(), Code::Fresh(Box::new(grant)), now + LIFE, now);
        code
    }

    /// Takes a code.
    pub(super) fn redeem(&self, code: &str, now: Timestamp) -> Redeemed {
        match self.0.take(code, now) {
            Some((_, Code::Fresh(grant))) => Redeemed::Grant(grant),
            Some((_, Code::Used { session })) => Redeemed::Again { session },
            None => Redeemed::Unknown,
        }
    }

    /// Remembers which session a code began, for as long as a copy of it could be shown.
    pub(super) fn used(&self, code: &str, session: String, now: Timestamp) {
        self.0.put(code.to_owned(), Code::Used { session }, now + LIFE, now);
    }
}
