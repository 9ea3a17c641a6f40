//! What is asked for, and the answer.

use std::time::Duration;

use generic_apiserver::status::FieldError;
use guestcluster_credentials::{DEFAULT_LIFETIME, LONGEST_LIFETIME, Level, SHORTEST_LIFETIME, SigningRequest, x509};
use guestcluster_types::{GuestCredentialRequestSpec, GuestCredentialRequestStatus, Refusal, SubjectToken};
use jiff::Timestamp;
use k8s_openapi::{ByteString, apimachinery::pkg::apis::meta::v1::Time};
use serde_json::{Value, json};

use super::{KIND, guests::Guest, record::Record, refused::Refused};

const SIGNING_REQUEST: &str = "spec.certificateSigningRequest";

/// What is asked for, judged.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) level: Level,
    pub(super) lifetime: Duration,
    pub(super) reason: Option<String>,
    /// The key of whoever asks for break-glass; none for tokens.
    pub(super) signing_request: Option<SigningRequest>,
}

/// A credential that was made.
pub(super) enum Credential {
    /// A bearer token.
    Token(String),
    /// A client certificate, PEM.
    Certificate(String),
}

impl Credential {
    /// By what the guest's kube-apiserver names it in its audit log (`authentication.kubernetes.io/credential-id`).
    pub(super) fn id(&self, record: &Record) -> String {
        match self {
            Credential::Token(_) => format!("JTI={}", record.uid),
            Credential::Certificate(pem) => {
                // What was just signed can be read.
                let fingerprint = x509::fingerprint(pem).unwrap_or_default();
                format!("X509SHA256={fingerprint}")
            }
        }
    }
}

impl Asked {
    /// Reads a body that fits the schema. 422 for a lifetime out of bounds, and for what its level needs or has no use for.
    pub(super) fn read(body: &Value) -> Result<Asked, Refused> {
        let spec: GuestCredentialRequestSpec = serde_json::from_value(body["spec"].clone()).map_err(|error| {
            Refused::new(
                Refusal::RequestUnreadable,
                format!("{KIND} can't be read: spec: {error}"),
            )
        })?;
        Ok(Asked {
            level: spec.level,
            lifetime: lifetime(spec.expiration_seconds)?,
            signing_request: signing_request(&spec)?,
            reason: spec.reason,
        })
    }
}

/// The key to be certified: break-glass needs one, and a reason.
fn signing_request(spec: &GuestCredentialRequestSpec) -> Result<Option<SigningRequest>, Refused> {
    let pem = spec.certificate_signing_request.as_deref();
    if spec.level != Level::BreakGlass {
        return match pem {
            None => Ok(None),
            Some(_) => Err(Refused::field(
                Refusal::SigningRequestForbidden,
                FieldError::forbidden(
                    SIGNING_REQUEST,
                    "only level break-glass takes one; the others are tokens",
                ),
            )),
        };
    }
    let mut wrong = Vec::new();
    if spec.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        let error = FieldError::required("spec.reason", "break-glass needs a reason, which is recorded");
        wrong.push((Refusal::ReasonRequired, error));
    }
    let request = pem.map(SigningRequest::from_pem).transpose();
    match &request {
        Ok(Some(_)) => {}
        Ok(None) => {
            let detail = "break-glass needs a certificate signing request in PEM, for an ECDSA P-256 key";
            let error = FieldError::required(SIGNING_REQUEST, detail);
            wrong.push((Refusal::SigningRequestRequired, error));
        }
        Err(refused) => {
            let shown = format!("{} characters", pem.map_or(0, str::len));
            let error = FieldError::invalid(SIGNING_REQUEST, shown, refused.to_string());
            wrong.push((Refusal::SigningRequestInvalid, error));
        }
    }
    Refused::unless_right(wrong)?;
    Ok(request.unwrap_or_default())
}

/// The subject token, which is in the body no more: what is answered is what was asked for, without secrets.
pub(super) fn take_subject_token(body: &mut Value) -> Option<SubjectToken> {
    let token = body["spec"].as_object_mut()?.remove("subjectToken")?;
    // The schema has judged its type.
    token.as_str().map(|token| SubjectToken::from(token.to_owned()))
}

fn lifetime(seconds: Option<i64>) -> Result<Duration, Refused> {
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
            let error = FieldError::invalid("spec.expirationSeconds", seconds, accepted);
            Refused::field(Refusal::LifetimeOutOfBounds, error)
        })
}

/// The body of the answer: the request with its status. What was asked for is echoed; there is no secret in it.
pub(super) fn answered(
    mut body: Value,
    record: &Record,
    guest: &Guest,
    credential: Credential,
    expires: Timestamp,
) -> Value {
    let (token, certificate) = match credential {
        Credential::Token(token) => (Some(token), None),
        Credential::Certificate(pem) => (None, Some(ByteString(pem.into_bytes()))),
    };
    body["metadata"] = json!({"name": guest.name, "creationTimestamp": record.issued_at.to_string()});
    body["status"] = json!(GuestCredentialRequestStatus {
        credential_name: record.name.clone(),
        token,
        client_certificate_data: certificate,
        expiration_timestamp: Time(expires),
        guest_uid: guest.uid.clone(),
        server: guest.server.clone(),
        certificate_authority_data: guest.authority.clone(),
    });
    body
}

#[cfg(test)]
mod tests {
    use generic_apiserver::status::Status;

    use super::*;

    fn read(spec: Value) -> Result<Asked, Status> {
        Asked::read(&json!({"spec": spec})).map_err(|refused| refused.into_status("dev", None))
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
    fn break_glass_needs_a_reason_and_a_key_and_tokens_take_none() {
        let message = |spec: Value| {
            let status = read(spec).unwrap_err();
            assert_eq!(status.code, 422);
            status.message
        };
        let nothing = message(json!({"level": "break-glass", "reason": " "}));
        for field in [
            "spec.reason: Required value",
            "spec.certificateSigningRequest: Required value",
        ] {
            assert!(nothing.contains(field), "{nothing}");
        }
        let unreadable = message(json!({"level": "break-glass", "reason": "etcd", "certificateSigningRequest": "x"}));
        assert!(unreadable.contains("PKCS #10"), "{unreadable}");
        let token = message(json!({"level": "view", "certificateSigningRequest": "x"}));
        assert!(token.contains("only level break-glass"), "{token}");
    }
}
