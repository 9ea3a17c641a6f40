//! The credential that is kept, and whether it is used, asked about or replaced. Times are of this computer's clock.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use guestcluster_types::Level;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Caller, Guest, GuestAccess,
    exchange::{Minted, Wanted},
};
use crate::{
    error::Result,
    https,
    session::Record,
    supervisor::{Supervisor, SupervisorId},
};

/// Callers hear of an end this long before the true one, or in the last tenth of a short life.
const TOLD_EARLY: SignedDuration = SignedDuration::from_secs(30);
/// It is replaced this long before its end, or in the last quarter of a short life. Clients that ask a minute ahead of the end
/// that they were told get a new one.
const REPLACED_EARLY: SignedDuration = SignedDuration::from_secs(100);
/// Exchanges because of a refusal are at least this far apart.
const BETWEEN_EXCHANGES: SignedDuration = SignedDuration::from_secs(5);
/// Callers that are remembered.
const CALLERS: usize = 64;

/// A credential that is kept. Secret: it has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cached {
    supervisor: Supervisor,
    namespace: String,
    cluster: String,
    pub(crate) guest_uid: String,
    pub(crate) level: Level,
    /// Seconds that were asked for; the supervisor decides where none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    /// URL of the guest's API.
    pub(crate) server: String,
    /// PEM of who signs for it.
    pub(crate) certificate_authority: String,
    #[serde(flatten)]
    pub(crate) proof: Proof,
    since: Timestamp,
    until: Timestamp,
    /// Who has it.
    callers: Vec<Caller>,
}

/// What shows a guest who one is. Secret: it has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Proof {
    /// A bearer token.
    Token { token: String },
    /// A client certificate with its key, both PEM.
    #[serde(rename_all = "camelCase")]
    Certificate { certificate: String, private_key: String },
}

/// What to do with a credential that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Use,
    /// Who asks has it already, so the guest may have refused it.
    Ask,
    Exchange,
}

impl Cached {
    pub(super) fn new(record: &Record, guest: &Guest, wanted: &Wanted<'_>, minted: Minted, now: Timestamp) -> Self {
        Self {
            supervisor: record.supervisor.clone(),
            namespace: guest.namespace.clone(),
            cluster: guest.name.clone(),
            guest_uid: minted.guest_uid,
            level: wanted.level,
            expires_in: wanted.lifetime.map(|lifetime| lifetime.as_secs()),
            server: minted.server,
            certificate_authority: minted.certificate_authority,
            proof: minted.proof,
            since: now,
            until: now.saturating_add(minted.lifetime).unwrap_or(Timestamp::MAX),
            callers: Vec::new(),
        }
    }

    /// The guest and level that it is for.
    pub(crate) fn access(&self) -> GuestAccess {
        GuestAccess {
            guest: Guest {
                namespace: self.namespace.clone(),
                name: self.cluster.clone(),
            },
            uid: self.guest_uid.clone(),
            level: self.level,
            lifetime: self.expires_in.map(Duration::from_secs),
        }
    }

    /// How a client of the guest is configured that shows it.
    pub(crate) fn config(&self) -> Result<kube::Config> {
        let mut config = https::config(&self.server, Some(&self.certificate_authority))?;
        match &self.proof {
            Proof::Token { token } => config.auth_info.token = Some(token.clone().into()),
            Proof::Certificate {
                certificate,
                private_key,
            } => {
                config.auth_info.client_certificate_data = Some(STANDARD.encode(certificate));
                config.auth_info.client_key_data = Some(STANDARD.encode(private_key).into());
            }
        }
        Ok(config)
    }

    /// Whether it came by this supervisor.
    pub(super) fn is_of(&self, supervisor: &SupervisorId) -> bool {
        self.supervisor.id().is_ok_and(|id| id == *supervisor)
    }

    /// How long it was good for when it was minted.
    pub(crate) fn lifetime(&self) -> SignedDuration {
        self.until.duration_since(self.since)
    }

    /// When callers should ask again.
    pub(crate) fn told_until(&self) -> Timestamp {
        self.until - TOLD_EARLY.min(self.lifetime() / 10)
    }

    /// Whether the guest accepts it still, as far as time goes.
    pub(crate) fn lasts(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.told_until()
    }

    pub(super) fn next(&self, caller: Option<&Caller>, now: Timestamp) -> Next {
        let replaced = self.until - REPLACED_EARLY.min(self.lifetime() / 4);
        // A start in the future tells of a clock that was set back: nothing is known of the end then.
        if now < self.since || now >= replaced {
            return Next::Exchange;
        }
        let asks_again = caller.is_some_and(|caller| self.callers.contains(caller));
        if asks_again && now.duration_since(self.since) >= BETWEEN_EXCHANGES {
            Next::Ask
        } else {
            Next::Use
        }
    }

    /// Remembers who has it.
    pub(super) fn used_by(mut self, caller: Option<Caller>) -> Self {
        let known = caller.filter(|caller| !self.callers.contains(caller));
        if let Some(caller) = known {
            if self.callers.len() >= CALLERS {
                self.callers.remove(0);
            }
            self.callers.push(caller);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn cached(lifetime: i64) -> Cached {
        Cached {
            supervisor: Supervisor {
                server: "https://a".to_owned(),
                certificate_authority: None,
            },
            namespace: "team-a".to_owned(),
            cluster: "dev".to_owned(),
            guest_uid: "u".to_owned(),
            expires_in: None,
            level: Level::View,
            server: "https://b".to_owned(),
            certificate_authority: String::new(),
            proof: Proof::Token { token: "t".to_owned() },
            since: at(0),
            until: at(0) + Duration::from_secs(lifetime.unsigned_abs()),
            callers: Vec::new(),
        }
    }

    fn caller(pid: u32) -> Caller {
        Caller { pid, started: None }
    }

    #[test]
    fn it_is_replaced_before_callers_hear_of_its_end() {
        let ten_minutes = cached(600);
        assert_eq!(ten_minutes.told_until(), at(570));
        assert_eq!(ten_minutes.next(None, at(499)), Next::Use);
        assert_eq!(ten_minutes.next(None, at(500)), Next::Exchange);
        let a_minute = cached(60);
        assert_eq!(a_minute.told_until(), at(54));
        assert_eq!(a_minute.next(None, at(44)), Next::Use);
        assert_eq!(a_minute.next(None, at(45)), Next::Exchange);
        assert!(a_minute.lasts(at(53)) && !a_minute.lasts(at(54)));
        assert_eq!(a_minute.next(None, at(-1)), Next::Exchange, "the clock was set back");
    }

    #[test]
    fn who_asks_twice_may_have_been_refused() {
        let used = cached(600).used_by(Some(caller(1)));
        assert_eq!(used.next(Some(&caller(2)), at(60)), Next::Use);
        assert_eq!(used.next(None, at(60)), Next::Use);
        assert_eq!(used.next(Some(&caller(1)), at(60)), Next::Ask);
        assert_eq!(
            used.next(Some(&caller(1)), at(4)),
            Next::Use,
            "it was exchanged just now"
        );
        let other = Caller {
            pid: 1,
            started: Some("7".to_owned()),
        };
        assert_eq!(used.next(Some(&other), at(60)), Next::Use, "process ids are used again");
    }

    #[test]
    fn many_callers_are_remembered_and_not_more() {
        let mut used = cached(600);
        for pid in 0..100 {
            used = used.used_by(Some(caller(pid))).used_by(Some(caller(pid)));
        }
        assert_eq!(used.callers.len(), CALLERS);
        assert!(used.callers.contains(&caller(99)) && !used.callers.contains(&caller(0)));
    }
}
