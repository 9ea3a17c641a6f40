//! What a guest trusts: keys, revoked tokens and floors, signed by the guest's trust key.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    CannotSign, NumericDate, PublicKey, SigningKey,
    claims::{BACKDATED, LONGEST_VALIDITY},
    guest::is_uid,
    jws::{self, JwsRefused, Unchecked},
};

/// The `typ` of a trust object, so that no other text by the same key passes for one.
const TRUST: &str = "guestclusters-trust";
/// The `typ` of the announcement of a new trust key.
const TRUST_KEY: &str = "guestclusters-trust-key";
/// Bytes of a trust object: what a ConfigMap holds.
const LONGEST: usize = 1 << 20;
/// Keys, and announcements of trust keys, that one object holds.
const MOST_KEYS: usize = 16;
/// How long an entry is kept when every token it could refuse has expired, in seconds: a guest's clock may be behind.
const KEPT: i64 = BACKDATED;

/// What one guest trusts. Data only: how it is judged is the same everywhere and always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trust {
    /// The guest.
    pub guest_uid: String,
    /// Grows with every change, see [`Trust::next_generation`]; a guest refuses to go back.
    pub generation: u64,
    /// Keys by which tokens may be signed; none refuses every token.
    pub keys: Vec<PublicKey>,
    /// Tokens that are refused, by `jti`, with their `exp`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revoked: BTreeMap<String, NumericDate>,
    /// Times before which tokens must not have been minted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub floors: Vec<Floor>,
    /// Every new trust key since the guest's first one, each announced by its predecessor (see [`Trust::announce`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust_keys: Vec<String>,
}

/// Tokens with `iat` at or before a time are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Floor {
    /// Whose: the `sub` of tokens. None for everyone's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The time.
    pub issued_before: NumericDate,
}

/// What is offered as a trust object is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustRefused {
    /// It is no JWS by the trust key.
    #[error("the trust object is {0}")]
    Jws(#[from] JwsRefused),
    /// It is another kind of JWS, or its content can't be read.
    #[error("the trust object can't be read")]
    Unreadable,
    /// It is of another guest.
    #[error("the trust object is of guest {0:?}")]
    OtherGuest(String),
    /// It is older than what is in force, or another object of the same generation.
    #[error("the trust object has generation {offered}, and generation {in_force} is in force")]
    GoesBack {
        /// Generation in force.
        in_force: u64,
        /// Generation offered.
        offered: u64,
    },
}

/// What is read of an object before anyone knows who signed it: only what leads to the key that should have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claimed {
    guest_uid: String,
    #[serde(default)]
    trust_keys: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Announcement {
    guest_uid: String,
    key: PublicKey,
}

impl Trust {
    /// The object's content, signed by the guest's trust key: the newest of [`Trust::trust_keys`], or the first key where
    /// there are none.
    pub fn sign(&self, trust_key: &SigningKey) -> Result<String, CannotSign> {
        jws::sign(trust_key, TRUST, self)
    }

    /// Reads an object, if the trust key signed it.
    pub fn verify(jws: &str, trusted: &PublicKey) -> Result<Trust, TrustRefused> {
        Trust::verify_following(jws, trusted).map(|(trust, _)| trust)
    }

    /// Reads an object that the trusted key signed or, where that one announced successors, the last of them. That last key
    /// is given back: whoever remembers it refuses objects by its predecessors.
    pub fn verify_following(jws: &str, trusted: &PublicKey) -> Result<(Trust, PublicKey), TrustRefused> {
        let unchecked = Unchecked::parse(jws, LONGEST)?;
        if unchecked.typ() != Some(TRUST) {
            return Err(TrustRefused::Unreadable);
        }
        let claimed: Claimed =
            serde_json::from_slice(unchecked.unchecked_payload()).map_err(|_| TrustRefused::Unreadable)?;
        let key = claimed.newest_trust_key(trusted);
        let trust = Trust::read(&unchecked.check(std::slice::from_ref(&key))?)?;
        Ok((trust, key))
    }

    /// An entry of [`Trust::trust_keys`]: the trust key names its successor.
    pub fn announce(guest_uid: &str, successor: &PublicKey, trust_key: &SigningKey) -> Result<String, CannotSign> {
        let announcement = Announcement {
            guest_uid: guest_uid.to_owned(),
            key: successor.clone(),
        };
        jws::sign(trust_key, TRUST_KEY, &announcement)
    }

    /// The generation for what is written after `found`, which the trust key signed: above it, and at least the time in
    /// milliseconds. So a guest whose object was removed, or replaced by an older one, takes what is written next; and what
    /// guests report, which their admins could forge, counts for nothing.
    pub fn next_generation(found: Option<&Trust>, now: Timestamp) -> u64 {
        let above = found.map_or(1, |found| found.generation.saturating_add(1));
        above.max(u64::try_from(now.as_millisecond()).unwrap_or(0))
    }

    /// Whether this may take the place of what is in force: the same guest's, and a higher generation. The very same again
    /// may, too.
    pub fn may_follow(&self, in_force: &Trust) -> Result<(), TrustRefused> {
        if self.guest_uid != in_force.guest_uid {
            return Err(TrustRefused::OtherGuest(self.guest_uid.clone()));
        }
        if self.generation > in_force.generation || self == in_force {
            return Ok(());
        }
        Err(TrustRefused::GoesBack {
            in_force: in_force.generation,
            offered: self.generation,
        })
    }

    /// Before when everybody's tokens are refused, if they are.
    pub fn floor_of_everyone(&self) -> Option<NumericDate> {
        self.latest_floors().get(&None).copied()
    }

    /// The latest floor of each subject; none stands for everyone's.
    pub(crate) fn latest_floors(&self) -> BTreeMap<Option<&str>, NumericDate> {
        let mut latest = BTreeMap::new();
        for floor in &self.floors {
            let own = latest.entry(floor.subject.as_deref()).or_insert(floor.issued_before);
            *own = floor.issued_before.max(*own);
        }
        latest
    }

    /// Without the entries that no token can need any more.
    #[must_use]
    pub fn without_expired(mut self, now: Timestamp) -> Trust {
        let now = NumericDate::from(now);
        self.revoked.retain(|_, exp| exp.plus(KEPT) > now);
        self.floors
            .retain(|floor| floor.issued_before.plus(LONGEST_VALIDITY + KEPT) > now);
        self
    }

    fn read(payload: &[u8]) -> Result<Trust, TrustRefused> {
        let trust: Trust = serde_json::from_slice(payload).map_err(|_| TrustRefused::Unreadable)?;
        let is_bounded = trust.keys.len() <= MOST_KEYS && trust.trust_keys.len() <= MOST_KEYS;
        if !is_bounded || !is_uid(&trust.guest_uid) {
            return Err(TrustRefused::Unreadable);
        }
        Ok(trust)
    }
}

impl Claimed {
    /// Follows the announcements that the trusted key and its successors signed. The list starts with the guest's first key,
    /// and others than that one may be trusted already: entries before are by keys that don't matter any more.
    fn newest_trust_key(&self, trusted: &PublicKey) -> PublicKey {
        let mut newest = trusted.clone();
        for announcement in self.trust_keys.iter().take(MOST_KEYS) {
            if let Some(key) = self.successor(announcement, &newest) {
                newest = key;
            }
        }
        newest
    }

    fn successor(&self, announcement: &str, key: &PublicKey) -> Option<PublicKey> {
        let unchecked = Unchecked::parse(announcement, LONGEST).ok()?;
        if unchecked.typ() != Some(TRUST_KEY) {
            return None;
        }
        let payload = unchecked.check(std::slice::from_ref(key)).ok()?;
        let announcement: Announcement = serde_json::from_slice(&payload).ok()?;
        (announcement.guest_uid == self.guest_uid).then_some(announcement.key)
    }
}

#[cfg(test)]
mod tests;
