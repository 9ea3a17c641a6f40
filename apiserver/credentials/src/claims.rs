//! What a token says.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Level, NumericDate, Subject, audience, issuer};

/// The shortest life that may be asked for.
pub const SHORTEST_LIFETIME: Duration = Duration::from_mins(1);
/// The life of a token for which none was asked for.
pub const DEFAULT_LIFETIME: Duration = Duration::from_mins(10);
/// The longest life of a token, from `iat` to `exp`.
pub const LONGEST_LIFETIME: Duration = Duration::from_hours(1);

/// How far `nbf` lies before `iat`, in seconds: a guest whose clock is behind by less accepts a new token.
pub(crate) const BACKDATED: i64 = 300;
/// The longest time from `nbf` to `exp`, in seconds.
pub(crate) const LONGEST_VALIDITY: i64 = 3600 + BACKDATED;

/// The claims of a token (RFC 7519), and the level. A token says nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The guest, as [`issuer`] names it.
    pub iss: String,
    /// The guest, as [`audience`] names it.
    pub aud: String,
    /// The person, without the prefix that the guest adds.
    pub sub: String,
    /// The person's groups, without that prefix.
    pub groups: Vec<String>,
    /// The level; never break-glass, which a guest refuses in a token.
    pub level: Level,
    /// When it was minted.
    pub iat: NumericDate,
    /// From when on it is valid.
    pub nbf: NumericDate,
    /// From when on it is not any more.
    pub exp: NumericDate,
    /// The UID of its GuestCredential, by which it is revoked.
    pub jti: String,
    /// The person's unique id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

impl Claims {
    /// The claims of a credential for one guest, alive for `lifetime` (whole seconds, at most [`LONGEST_LIFETIME`]) from `now`.
    /// `jti` is the UID of the GuestCredential.
    pub fn new(
        guest_uid: &str,
        subject: &Subject,
        level: Level,
        jti: &str,
        now: Timestamp,
        lifetime: Duration,
    ) -> Claims {
        let iat = NumericDate::from(now);
        let seconds = i64::try_from(lifetime.min(LONGEST_LIFETIME).as_secs()).unwrap_or(0);
        Claims {
            iss: issuer(guest_uid),
            aud: audience(guest_uid),
            sub: subject.user.clone(),
            groups: subject.groups.clone(),
            level,
            iat,
            nbf: iat.plus(-BACKDATED),
            exp: iat.plus(seconds),
            jti: jti.to_owned(),
            uid: subject.uid.clone(),
        }
    }

    /// When the token ends.
    pub fn expiration(&self) -> Timestamp {
        Timestamp::from_second(self.exp.0).unwrap_or(Timestamp::MAX)
    }
}
