//! Why somebody gets no credential: a closed list, by names that programs rely on.

use std::{fmt, str::FromStr};

/// The reason of the cause that names the audit id of a refusal.
pub const AUDIT_ID_CAUSE: &str = "AuditID";

/// Makes the enum and what is known of each of its values from one table.
macro_rules! refusals {
    ($($name:ident, $http:expr, $meaning:literal, $next:literal;)*) => {
        /// Why somebody gets no credential. The name stands in `status.details.causes` of the answer, in audit events and in
        /// metrics. One that was released keeps its name and its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Refusal {
            $(#[doc = $meaning] $name,)*
        }

        impl Refusal {
            /// Every one, by name.
            pub const ALL: &[Refusal] = &[$(Refusal::$name,)*];

            /// As answers, audit events and metrics name it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Refusal::$name => stringify!($name),)*
                }
            }

            /// The HTTP status of the answer; none where it is that of whoever else refused.
            pub const fn http(self) -> Option<u16> {
                match self {
                    $(Refusal::$name => $http,)*
                }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Refusal::$name => $meaning,)*
                }
            }

            /// What the person who asked can do next, in one sentence.
            pub const fn next_step(self) -> &'static str {
                match self {
                    $(Refusal::$name => $next,)*
                }
            }
        }
    };
}

refusals! {
    AuthorityUnusable, Some(503), "The guest's certificate authority is not there or can't be used, so it signs no certificate.",
        "Ask an administrator of the supervisor to look at Secret CLUSTER-ca in the namespace.";
    Blocked, Some(403), "A GuestRevocation blocks new credentials for this person, or for everybody.",
        "Wait until the block ends, or ask whoever manages access to delete the GuestRevocation.";
    GuestBeingDeleted, Some(409), "The guest cluster is being deleted.",
        "Use another guest cluster: this one gives no credentials any more.";
    GuestNotFound, Some(404), "There is no guest cluster of this name in the namespace.",
        "Look at the names: kubectl guest get -A";
    GuestNotReady, Some(503), "The guest cluster has no address, or no certificate authority, yet.",
        "Wait until it runs: kubectl guest describe CLUSTER";
    InternalError, Some(500), "The supervisor failed at something that should not fail; its log says at what.",
        "Try again, and tell an administrator of the supervisor if it goes on.";
    KeyNotReady, Some(503), "The guest has no usable key for credentials, or none yet.",
        "Try again in a moment; if it goes on, ask an administrator of the supervisor.";
    LevelNotGranted, Some(403), "The person has no right to this level in this guest cluster.",
        "Ask an administrator of the supervisor for a role in the namespace: guestcluster-access-login, -view, -edit or -admin.";
    LifetimeOutOfBounds, Some(422), "The lifetime that is asked for is shorter or longer than a credential may last.",
        "Ask for 60 to 3600 seconds.";
    NotSingleSignOn, Some(403), "The person did not come through single sign-on: the name lacks its prefix.",
        "Sign in through single sign-on: kubectl guest login --server URL";
    RateLimited, Some(429), "The person asks for credentials too often.",
        "Wait a moment, and use the credentials that are there until they expire.";
    ReasonRequired, Some(422), "Break-glass needs a reason.",
        "Give one: kubectl guest break-glass CLUSTER --reason WHY";
    RecordRefused, None, "The GuestCredential that records it could not be written, for a reason that the message gives, such as a quota.",
        "Ask an administrator of the supervisor about what the message names.";
    RequestUnreadable, Some(400), "The request fits the schema and makes no sense all the same.",
        "Compare it with the example in the README.";
    ReservedName, Some(403), "The name begins with \"system:\", which Kubernetes keeps to itself.",
        "Sign in through single sign-on by a name of your own.";
    ReviewFailed, Some(500), "Nobody could say whether the person has the right to this level; an error is never a yes.",
        "Try again in a moment; if it goes on, ask an administrator of the supervisor.";
    ServiceAccount, Some(403), "Service accounts get no credentials.",
        "Sign in through single sign-on: kubectl guest login --server URL";
    SigningRequestForbidden, Some(422), "A certificate signing request is given at a level whose credentials are tokens.",
        "Leave spec.certificateSigningRequest out, or ask for break-glass.";
    SigningRequestInvalid, Some(422), "The certificate signing request can't be read, or is for another kind of key.",
        "Send a PKCS #10 request in PEM for an ECDSA P-256 key.";
    SigningRequestRequired, Some(422), "Break-glass needs a certificate signing request.",
        "Use kubectl guest break-glass, which makes the key and the request.";
    SubjectTokenMalformed, Some(403), "What is given as the subject token is none.",
        "Send the SSO token that you are signed in by.";
    SubjectTokenMismatch, Some(403), "The subject token is that of somebody else.",
        "Ask under your own name, with your own token.";
    SubjectTokenNotAccepted, Some(403), "The subject token has expired, or is not accepted for another reason.",
        "Sign in again: kubectl guest login --server URL";
    SubjectTokenRequired, Some(422), "The supervisor wants the person's SSO token in the request, and there is none.",
        "Use kubectl guest, which sends it, or set spec.subjectToken.";
    SubjectTokenUnknownIssuer, Some(403), "Nobody that the supervisor trusts has issued the subject token.",
        "Send the SSO token that you are signed in by.";
    TooManyCredentials, Some(429), "The person has as many live credentials for this guest and level as there may be.",
        "Use those that are there, or delete some: kubectl guest credentials CLUSTER";
    TooManyGroups, Some(422), "The person is in more groups than a credential carries.",
        "Ask the supervisor's operator to select groups with --sso-group-filter.";
    Unavailable, Some(503), "The supervisor starts, stops, or does not get an answer that it needs.",
        "Try again in a moment.";
    UnusableName, Some(403), "The name is empty, too long, or has control characters.",
        "Ask whoever runs single sign-on for another name.";
}

/// The text names no refusal that is known here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no refusal is called so")]
pub struct UnknownRefusal;

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Refusal {
    type Err = UnknownRefusal;

    fn from_str(text: &str) -> Result<Refusal, UnknownRefusal> {
        let mut all = Refusal::ALL.iter().copied();
        all.find(|refusal| refusal.as_str() == text).ok_or(UnknownRefusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reads_back_and_they_are_sorted() {
        for refusal in Refusal::ALL {
            assert_eq!(refusal.to_string().parse(), Ok(*refusal));
            assert!(refusal.meaning().ends_with('.'), "{refusal}");
        }
        assert!(Refusal::ALL.is_sorted_by_key(|refusal| refusal.as_str()));
        for other in ["", "blocked", "AuditID", "FieldValueRequired"] {
            assert_eq!(other.parse::<Refusal>(), Err(UnknownRefusal));
        }
    }
}
