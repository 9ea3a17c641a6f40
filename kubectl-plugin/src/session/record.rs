//! What the file of a session says. Times are of this computer's clock, whatever the issuer's says.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::TokenStore;
use crate::{
    openid::{Endpoints, IdToken, Issuer, Tokens},
    supervisor::Supervisor,
    unattended::Presented,
};

/// An ID token is renewed this long before it ends, or in the last quarter of a short life.
const EARLY: SignedDuration = SignedDuration::from_secs(60);
/// A token that is refused this soon after it was renewed is not renewed again.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(5);

/// A session. Secret: it has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) supervisor: Supervisor,
    pub(crate) issuer: Issuer,
    /// None for a program, which looks for the issuer's each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) endpoints: Option<Endpoints>,
    /// The person or program, as the issuer names them.
    pub(crate) subject: String,
    pub(crate) id_token: String,
    pub(crate) id_token_since: Timestamp,
    pub(crate) id_token_until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<String>,
    /// Until when it can be renewed, where the issuer said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Timestamp>,
    /// Where both tokens are.
    #[serde(default)]
    pub(crate) token_store: TokenStore,
}

impl Record {
    /// A session that begins now.
    pub(crate) fn new(
        supervisor: Supervisor,
        issuer: Issuer,
        endpoints: Endpoints,
        tokens: Tokens,
        id_token: IdToken,
        now: Timestamp,
    ) -> Self {
        Self {
            supervisor,
            issuer,
            endpoints: Some(endpoints),
            id_token_since: now,
            id_token_until: after(now, id_token.lifetime),
            until: tokens.session.map(|left| after(now, left)),
            subject: id_token.subject,
            id_token: tokens.id_token,
            refresh_token: tokens.refresh_token,
            token_store: TokenStore::File,
        }
    }

    /// The same with its tokens elsewhere.
    #[must_use]
    pub(crate) fn kept_in(self, token_store: TokenStore) -> Self {
        Self { token_store, ..self }
    }

    /// A program's token that counts from now.
    pub(super) fn presented(supervisor: Supervisor, presented: Presented, now: Timestamp) -> Self {
        Self {
            supervisor,
            issuer: presented.issuer,
            endpoints: None,
            id_token_since: now,
            id_token_until: presented.until,
            until: None,
            subject: presented.subject,
            id_token: presented.token,
            refresh_token: None,
            token_store: TokenStore::File,
        }
    }

    /// The session with new tokens.
    pub(super) fn with(&self, tokens: Tokens, id_token: &IdToken, now: Timestamp) -> Self {
        Self {
            id_token: tokens.id_token,
            id_token_since: now,
            id_token_until: after(now, id_token.lifetime),
            // One that is not replaced stays good (RFC 6749, section 6).
            refresh_token: tokens.refresh_token.or_else(|| self.refresh_token.clone()),
            until: tokens.session.map(|left| after(now, left)).or(self.until),
            ..self.clone()
        }
    }

    /// What is left when the issuer renews it no more: with whom it was, so that a new one can begin.
    pub(super) fn ended(&self) -> Self {
        Self {
            id_token: String::new(),
            id_token_until: self.id_token_since,
            refresh_token: None,
            until: None,
            ..self.clone()
        }
    }

    /// Whether the ID token need not be renewed yet. A clock that was set back since is told by a start in the future.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        let life = self.id_token_until.duration_since(self.id_token_since);
        self.id_token_since <= now && self.left(now) > EARLY.min(life / 4)
    }

    /// Whether the ID token is still good.
    pub(super) fn lasts(&self, now: Timestamp) -> bool {
        self.id_token_since <= now && self.left(now) > SignedDuration::ZERO
    }

    pub(super) fn was_renewed_just_now(&self, now: Timestamp) -> bool {
        self.id_token_since <= now && now.duration_since(self.id_token_since) < JUST_NOW
    }

    /// Whether only a new sign-in helps, as far as it is known here.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        !self.lasts(now) && (self.refresh_token.is_none() || self.until.is_some_and(|until| until <= now))
    }

    fn left(&self, now: Timestamp) -> SignedDuration {
        self.id_token_until.duration_since(now)
    }
}

fn after(now: Timestamp, time: Duration) -> Timestamp {
    now.saturating_add(time).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn record(lifetime: u64, refresh_token: Option<&str>, session: Option<u64>) -> Record {
        let tokens = Tokens {
            id_token: "t".to_owned(),
            refresh_token: refresh_token.map(str::to_owned),
            session: session.map(Duration::from_secs),
        };
        let id_token = IdToken {
            subject: "dev@guest.local".to_owned(),
            lifetime: Duration::from_secs(lifetime),
        };
        let supervisor = Supervisor {
            server: "https://a".to_owned(),
            certificate_authority: None,
        };
        let issuer = Issuer {
            url: "https://sso".to_owned(),
            client_id: "me".to_owned(),
            certificate_authority: None,
            scopes: String::new(),
        };
        let endpoints = Endpoints {
            authorization: "https://sso/a".parse().unwrap(),
            token: "https://sso/t".parse().unwrap(),
            revocation: None,
            device_authorization: None,
            answers_name_issuer: true,
        };
        Record::new(supervisor, issuer, endpoints, tokens, id_token, at(0))
    }

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let record = record(600, Some("r"), Some(36_000));
        for (seconds, fresh, lasts) in [
            (0, true, true),
            (539, true, true),
            (540, false, true),
            (599, false, true),
            (600, false, false),
        ] {
            assert_eq!(record.is_fresh(at(seconds)), fresh, "{seconds}");
            assert_eq!(record.lasts(at(seconds)), lasts, "{seconds}");
        }
        assert!(!record.is_fresh(at(-10)), "the clock was set back");
        assert!(super::tests::record(60, None, None).is_fresh(at(44)));
        assert!(!super::tests::record(60, None, None).is_fresh(at(45)));
    }

    #[test]
    fn a_session_is_over_when_nothing_renews_it() {
        assert!(!record(600, Some("r"), Some(36_000)).is_over(at(35_999)));
        assert!(record(600, Some("r"), Some(36_000)).is_over(at(36_000)));
        assert!(!record(600, Some("r"), None).is_over(at(1_000_000)), "the issuer knows");
        assert!(!record(600, None, None).is_over(at(599)));
        assert!(record(600, None, None).is_over(at(600)));
    }

    #[test]
    fn an_ended_session_holds_no_secret_and_its_supervisor() {
        let session = record(600, Some("r"), Some(36_000));
        let ended = session.ended();
        assert!(
            ended.is_over(at(10)) && ended.is_over(at(-10)),
            "whatever the clock says"
        );
        assert!(ended.id_token.is_empty() && ended.refresh_token.is_none());
        assert_eq!(ended.supervisor, session.supervisor);
    }

    #[test]
    fn new_tokens_keep_what_they_don_t_replace() {
        let tokens = Tokens {
            id_token: "u".to_owned(),
            refresh_token: None,
            session: None,
        };
        let id_token = IdToken {
            subject: "dev@guest.local".to_owned(),
            lifetime: Duration::from_mins(1),
        };
        let next = record(600, Some("r"), Some(36_000)).with(tokens, &id_token, at(700));
        assert_eq!(next.refresh_token.as_deref(), Some("r"));
        assert_eq!((next.until, next.id_token_until), (Some(at(36_000)), at(760)));
        assert!(next.was_renewed_just_now(at(704)) && !next.was_renewed_just_now(at(705)));
    }
}
