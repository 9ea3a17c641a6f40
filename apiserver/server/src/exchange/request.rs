//! What is asked for, and the answer.

use std::time::Duration;

use generic_apiserver::status::{FieldError, Status};
use guestcluster_credentials::{DEFAULT_LIFETIME, LONGEST_LIFETIME, Level, SHORTEST_LIFETIME};
use guestcluster_types::{GROUP, GuestCredentialRequestSpec, GuestCredentialRequestStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::{KIND, guests::Guest, record::Record};

/// What is asked for, judged.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) level: Level,
    pub(super) lifetime: Duration,
    pub(super) reason: Option<String>,
}

impl Asked {
    /// Reads a body that fits the schema. 422 for a level that tokens don't have, or a lifetime out of bounds.
    pub(super) fn read(body: &Value) -> Result<Asked, Status> {
        let spec: GuestCredentialRequestSpec = serde_json::from_value(body["spec"].clone())
            .map_err(|error| Status::bad_request(format!("{KIND} can't be read: spec: {error}")))?;
        if !Level::OF_TOKENS.contains(&spec.level) {
            let supported = Level::OF_TOKENS.map(Level::as_str);
            let error = FieldError::not_supported("spec.level", spec.level.as_str(), &supported);
            return Err(invalid(error));
        }
        Ok(Asked {
            level: spec.level,
            lifetime: lifetime(spec.expiration_seconds)?,
            reason: spec.reason,
        })
    }
}

fn lifetime(seconds: Option<i64>) -> Result<Duration, Status> {
    let Some(seconds) = seconds else {
        return Ok(DEFAULT_LIFETIME);
    };
    let lifetime = u64::try_from(seconds).map(Duration::from_secs).ok();
    lifetime
        .filter(|lifetime| (SHORTEST_LIFETIME..=LONGEST_LIFETIME).contains(lifetime))
        .ok_or_else(|| {
            let accepted = format!(
                "must be between {} and {} seconds",
                SHORTEST_LIFETIME.as_secs(),
                LONGEST_LIFETIME.as_secs()
            );
            invalid(FieldError::invalid("spec.expirationSeconds", seconds, accepted))
        })
}

fn invalid(error: FieldError) -> Status {
    Status::invalid(KIND, GROUP, "", vec![error])
}

/// The body of the answer: the request with its status. What was asked for is echoed; there is no secret in it.
pub(super) fn answered(mut body: Value, record: &Record, guest: &Guest, token: &str, expires: Timestamp) -> Value {
    body["metadata"] = json!({"name": guest.name, "creationTimestamp": record.issued_at.to_string()});
    body["status"] = json!(GuestCredentialRequestStatus {
        credential_name: record.name.clone(),
        token: token.to_owned(),
        expiration_timestamp: Time(expires),
        guest_uid: guest.uid.clone(),
        server: guest.server.clone(),
        certificate_authority_data: guest.authority.clone(),
    });
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(spec: Value) -> Result<Asked, Status> {
        Asked::read(&json!({"spec": spec}))
    }

    #[test]
    fn a_lifetime_is_within_bounds() {
        let seconds = |seconds: i64| read(json!({"level": "view", "expirationSeconds": seconds}));
        assert_eq!(
            read(json!({"level": "view"})).unwrap().lifetime,
            Duration::from_mins(10)
        );
        assert_eq!(seconds(60).unwrap().lifetime, Duration::from_mins(1));
        assert_eq!(seconds(3600).unwrap().lifetime, Duration::from_hours(1));
        for wrong in [59, 3601, 0, -1, i64::MIN, i64::MAX] {
            let status = seconds(wrong).unwrap_err();
            assert_eq!(status.code, 422);
            assert!(status.message.contains("between 60 and 3600"), "{}", status.message);
        }
    }

    #[test]
    fn a_token_has_no_break_glass() {
        let status = read(json!({"level": "break-glass"})).unwrap_err();
        assert_eq!(status.code, 422);
        assert!(status.message.contains("\"login\", \"view\""), "{}", status.message);
    }
}
