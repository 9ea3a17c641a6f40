//! What can go wrong at the prompt: one sentence, a next step, and an exit code. The one table of whose fault it is.

use std::{fmt, process::ExitCode};

use guestcluster_types::{AUDIT_ID_CAUSE, Refusal};
use kube::core::response::StatusCause;
use rustls::CertificateError;

const SIGN_IN: &str =
    "Sign in again (kubectl guest login), or check the user of the context: kubectl config view --minify";
const CHECK_CONTEXT: &str =
    "Check the context and that the server runs: kubectl config current-context; kubectl get --raw /readyz";
/// What to do about a server that is named on the command line or by the supervisor.
pub(crate) const CHECK_SERVER: &str = "Check its address, that it runs, and that this computer reaches it.";
/// What to do about certificates that are too new or too old.
pub(crate) const CHECK_CLOCK: &str = "Compare this computer's clock with another one: date";

/// An error as the person sees it.
#[derive(Clone, Debug)]
pub(crate) struct Error {
    kind: Kind,
    message: String,
    next: Option<String>,
    /// Whether a server said no.
    refusal: bool,
}

/// Whose fault it is, and so the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The server refused, or something failed: 1.
    Failed,
    /// The command line is wrong: 2.
    Usage,
    /// The work goes on, the waiting ended: 3.
    TimedOut,
    /// Nobody is signed in: 4.
    NotSignedIn,
}

/// What commands return.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Something failed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Failed,
            message: message.into(),
            next: None,
            refusal: false,
        }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Usage,
            message: message.into(),
            next: None,
            refusal: false,
        }
    }

    /// The waiting ended; the work goes on.
    pub(crate) fn timed_out(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::TimedOut,
            message: message.into(),
            next: None,
            refusal: false,
        }
    }

    /// Nobody is signed in.
    pub(crate) fn not_signed_in(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::NotSignedIn,
            message: message.into(),
            next: None,
            refusal: false,
        }
    }

    /// What the person can do next.
    #[must_use]
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// The same with what it stood in the way of before it.
    #[must_use]
    pub(crate) fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The same where what can be done next is told otherwise.
    #[must_use]
    pub(crate) fn without_next(mut self) -> Self {
        self.next = None;
        self
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self.kind {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::TimedOut => 3,
            Kind::NotSignedIn => 4,
        }
    }

    /// Whether signing in is all that is missing.
    pub(crate) fn is_not_signed_in(&self) -> bool {
        self.kind == Kind::NotSignedIn
    }

    /// Whether the server said no: trying again changes nothing.
    pub(crate) fn is_refusal(&self) -> bool {
        self.refusal
    }

    /// The same in one line, for programs that show no more.
    #[must_use]
    pub(crate) fn in_one_line(mut self) -> Self {
        if let Some(next) = self.next.take() {
            self.message = format!("{}. {next}", self.message);
        }
        self.message = self.message.split_whitespace().collect::<Vec<_>>().join(" ");
        self
    }

    /// Prints the error to stderr.
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("error: {self}");
        ExitCode::from(self.code())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        match &self.next {
            Some(next) => write!(formatter, "\n\n{next}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => refused(&status),
            kube::Error::Auth(error) => Self {
                kind: Kind::NotSignedIn,
                message: format!("the kubeconfig's credential can't be used: {error}"),
                next: Some(SIGN_IN.to_owned()),
                refusal: false,
            },
            // Of the session, which says itself what is wrong with it.
            kube::Error::Service(error) if error.is::<Self>() => match error.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Cause::of(other.as_ref()).unreachable("the server", CHECK_CONTEXT),
            },
            other => Cause::of(&other).unreachable("the server", CHECK_CONTEXT),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::failed(cause(&error))
    }
}

/// What is said of a server that answers, and is none of those that are talked to.
pub(crate) const NO_KUBERNETES: &str = "its answer is not that of a Kubernetes API";

fn refused(status: &kube::core::Status) -> Error {
    let error = match status.code {
        _ if coded(status).next().is_some() => without_credential(status),
        // Made of an answer that is no Status.
        _ if status.message.is_empty() && status.reason.is_empty() => {
            Cause::other(NO_KUBERNETES).unreachable("the server", CHECK_CONTEXT)
        }
        401 => Error::not_signed_in("the server does not accept the credential").next(SIGN_IN),
        403 => Error::failed(status.message.clone()).next(whom_to_ask(&status.message)),
        422 => Error::failed(of_fields(status)),
        _ => Error::failed(status.message.clone()),
    };
    Error {
        refusal: matches!(status.code, 400 | 403 | 404 | 422),
        ..error
    }
}

/// A credential that the supervisor gives nobody, or not this person: with the code that programs go by, and the audit id by which an
/// administrator finds the request.
fn without_credential(status: &kube::core::Status) -> Error {
    let line = |(refusal, cause): &(Refusal, &StatusCause)| match cause.field.as_str() {
        "" => format!("{} ({refusal})", cause.message),
        field => format!("{field}: {} ({refusal})", cause.message),
    };
    let all: Vec<_> = coded(status).collect();
    let message = match &all[..] {
        [only] => line(only),
        several => several_fields(several.iter().map(line)),
    };
    let next = all.first().map_or("", |(refusal, _)| refusal.next_step());
    let audit_id = causes(status).iter().find(|cause| cause.reason == AUDIT_ID_CAUSE);
    Error::failed(message).next(match audit_id {
        Some(id) => format!("Audit ID {}. {next}", id.message),
        None => next.to_owned(),
    })
}

/// The causes that say why there is no credential.
fn coded(status: &kube::core::Status) -> impl Iterator<Item = (Refusal, &StatusCause)> {
    let of = |cause: &'_ StatusCause| cause.reason.parse().ok();
    causes(status).iter().filter_map(move |cause| Some((of(cause)?, cause)))
}

fn causes(status: &kube::core::Status) -> &[StatusCause] {
    let details = status.details.as_ref();
    details.map(|details| details.causes.as_slice()).unwrap_or_default()
}

/// What to do about a right to log in that is not there.
pub(crate) const ASK_FOR_ACCESS: &str = Refusal::LevelNotGranted.next_step();

/// What to do about a refusal: mostly a role that an administrator may give.
fn whom_to_ask(message: &str) -> &'static str {
    if message.contains("exceeded quota") {
        "Delete what is not needed any more, or ask an administrator of the supervisor for a larger quota."
    } else if message.contains("status unknown for quota") {
        "The supervisor is still counting what there is: try again in a moment."
    } else if message.contains("guestclusters/credential") || message.contains("cannot guest-") {
        ASK_FOR_ACCESS
    } else if message.contains("guestcredentials") || message.contains("guestrevocations") {
        "Ask an administrator of the supervisor for a role in the namespace: guestcluster-access-manager."
    } else {
        "Ask an administrator of the supervisor for a role in the namespace: guestcluster-viewer to look, guestcluster-editor to change."
    }
}

/// The causes of an invalid object, one a line, each with its field.
fn of_fields(status: &kube::core::Status) -> String {
    let line = |cause: &StatusCause| format!("{}: {}", cause.field, cause.message);
    match causes(status) {
        [] => status.message.clone(),
        [only] => line(only),
        several => several_fields(several.iter().map(line)),
    }
}

fn several_fields(lines: impl ExactSizeIterator<Item = String>) -> String {
    let count = lines.len();
    let lines: Vec<_> = lines.map(|line| format!("  {line}")).collect();
    format!("{count} fields are refused:\n{}", lines.join("\n"))
}

/// Why a server can't be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// In words.
    text: String,
    /// What is to be done about it.
    kind: CauseKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CauseKind {
    /// Its certificate is signed by somebody else than who is trusted.
    Untrusted,
    /// Its certificate is too old or too new.
    Clock,
    Other,
}

impl Cause {
    /// The innermost cause; of certificates, what is wrong with them.
    pub(crate) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let innermost = innermost(error);
        if let Some(tls) = innermost.downcast_ref::<rustls::Error>() {
            return tls_cause(tls);
        }
        let io = innermost.downcast_ref::<std::io::Error>();
        let late = io.is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut);
        if late || innermost.is::<tokio::time::error::Elapsed>() {
            return Self::other("it does not answer in time");
        }
        if innermost.is::<serde_json::Error>() {
            return Self::other(NO_KUBERNETES);
        }
        let text = innermost.to_string();
        // What the system calls its errors is enough without their numbers.
        Self::other(match text.split_once(" (os error ") {
            Some((words, _)) => words,
            None => &text,
        })
    }

    /// Whether its certificate is signed by somebody else than who is trusted.
    pub(crate) fn is_untrusted(&self) -> bool {
        self.kind == CauseKind::Untrusted
    }

    /// The error of a server that can't be reached. `next` is what helps unless it is the clock.
    pub(crate) fn unreachable(&self, server: &str, next: &str) -> Error {
        let next = if self.kind == CauseKind::Clock {
            CHECK_CLOCK
        } else {
            next
        };
        Error::failed(format!("{server} can't be reached: {}", self.text)).next(next)
    }

    fn other(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            kind: CauseKind::Other,
        }
    }
}

/// The innermost cause in words.
pub(crate) fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    Cause::of(error).text
}

fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut innermost = error;
    loop {
        if innermost.is::<rustls::Error>() {
            return innermost;
        }
        // An IO error that was made of another one is not its source.
        let inner = innermost
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        match inner
            .map(|inner| inner as &(dyn std::error::Error + 'static))
            .or(innermost.source())
        {
            Some(source) => innermost = source,
            None => return innermost,
        }
    }
}

fn tls_cause(error: &rustls::Error) -> Cause {
    use rustls::Error as Tls;
    let (kind, text) = match error {
        Tls::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => (
            CauseKind::Untrusted,
            "its certificate is not signed by the certificate authority that is trusted for it",
        ),
        Tls::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => (
            CauseKind::Clock,
            "its certificate has expired by this computer's clock: is the clock right?",
        ),
        Tls::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => (
            CauseKind::Clock,
            "its certificate is not valid yet by this computer's clock: is the clock right?",
        ),
        Tls::InvalidCertificate(wrong) => return Cause::other(&certificate(wrong)),
        Tls::InvalidMessage(_) => (CauseKind::Other, "it does not answer with TLS"),
        other => return Cause::other(&other.to_string()),
    };
    Cause {
        text: text.to_owned(),
        kind,
    }
}

fn certificate(wrong: &CertificateError) -> String {
    match wrong {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not one for servers".to_owned()
        }
        CertificateError::Revoked => "its certificate is revoked".to_owned(),
        // Says no more than a name.
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "it shows the certificate of an authority in place of one for servers".to_owned()
        }
        CertificateError::Other(other) => format!("its certificate can't be used: {other}"),
        _ => "its certificate can't be used".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, message: &str) -> Error {
        let status = kube::core::Status::failure(message, "").with_code(code);
        kube::Error::Api(Box::new(status)).into()
    }

    #[test]
    fn every_kind_has_its_exit_code() {
        assert_eq!(Error::failed("x").code(), 1);
        assert_eq!(Error::usage("x").code(), 2);
        assert_eq!(Error::timed_out("x").code(), 3);
        assert_eq!(api(401, "Unauthorized").code(), 4);
        assert_eq!(api(403, "forbidden").code(), 1);
    }

    #[test]
    fn without_a_credential_there_is_a_code_an_audit_id_and_a_next_step() {
        let told = |causes: serde_json::Value| {
            let status =
                serde_json::json!({"code": 403, "message": "m", "reason": "Forbidden", "details": {"causes": causes}});
            let status: kube::core::Status = serde_json::from_value(status).unwrap();
            Error::from(kube::Error::Api(Box::new(status)))
        };
        let audit_id = serde_json::json!({"reason": "AuditID", "message": "id-1", "field": "auditID"});
        let one = told(serde_json::json!([{"reason": "ServiceAccount", "message": "no", "field": ""}, audit_id]));
        assert_eq!(
            one.to_string(),
            "no (ServiceAccount)\n\nAudit ID id-1. Sign in through single sign-on: kubectl guest login --server URL"
        );
        assert!(one.is_refusal() && one.code() == 1);
        let two = told(serde_json::json!([
            {"reason": "ReasonRequired", "message": "Required value", "field": "spec.reason"},
            {"reason": "SigningRequestRequired", "message": "Required value", "field": "spec.x"},
        ]));
        let expected = "2 fields are refused:\n  spec.reason: Required value (ReasonRequired)\n  spec.x: Required value (SigningRequestRequired)\n\n";
        assert!(two.to_string().starts_with(expected), "{two}");
        // Of a supervisor that knows more.
        assert_eq!(
            told(serde_json::json!([{"reason": "New", "message": "no", "field": ""}])).message,
            "m"
        );
    }

    #[test]
    fn one_line_has_all_of_it() {
        let error = Error::not_signed_in("over")
            .next("Sign in:\n  kubectl guest login")
            .in_one_line();
        assert_eq!(error.to_string(), "over. Sign in: kubectl guest login");
        assert_eq!(error.code(), 4);
    }

    #[test]
    fn the_cause_is_found_below_other_errors() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = std::io::Error::other(std::io::Error::new(std::io::ErrorKind::InvalidData, tls));
        assert!(cause(&wrapped).contains("certificate authority that is trusted"));
        assert!(Cause::of(&wrapped).is_untrusted());
        assert_eq!(cause(&std::io::Error::other("plain")), "plain");
        assert_eq!(cause(&std::io::Error::from_raw_os_error(13)), "Permission denied");
        let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
        assert_eq!(cause(&late), "it does not answer in time");
    }

    #[test]
    fn what_is_no_kubernetes_is_told_so() {
        let empty = serde_json::from_str::<kube::core::Status>("{}").unwrap();
        let html = serde_json::from_str::<u8>("<html>").unwrap_err();
        for error in [kube::Error::Api(Box::new(empty)), kube::Error::SerdeError(html)] {
            let text = Error::from(error).to_string();
            assert!(
                text.contains("can't be reached: its answer is not that of a Kubernetes API\n\n"),
                "{text}"
            );
        }
    }

    #[test]
    fn certificates_are_judged_in_words() {
        let other = |name| {
            let error = std::sync::Arc::new(std::io::Error::other(name));
            CertificateError::Other(rustls::OtherError(error))
        };
        for (wrong, expected) in [
            (CertificateError::NotValidYet, "is the clock right?"),
            (CertificateError::Expired, "is the clock right?"),
            (CertificateError::NotValidForName, "for another name"),
            (other("CaUsedAsEndEntity"), "the certificate of an authority"),
            (other("UnsupportedCertVersion"), "can't be used: UnsupportedCertVersion"),
            (CertificateError::BadEncoding, "its certificate can't be used"),
        ] {
            let text = cause(&rustls::Error::InvalidCertificate(wrong));
            assert!(text.contains(expected), "{text}");
        }
        let late = Cause::of(&rustls::Error::InvalidCertificate(CertificateError::Expired));
        let error = late.unreachable("https://a", "Look.").to_string();
        assert!(
            error.starts_with("https://a can't be reached: ") && error.ends_with(CHECK_CLOCK),
            "{error}"
        );
    }

    #[test]
    fn the_errors_of_a_session_stay_what_they_are() {
        let own = Error::not_signed_in("you are not signed in");
        let error: Error = kube::Error::Service(Box::new(own)).into();
        assert_eq!((error.code(), error.to_string().as_str()), (4, "you are not signed in"));
    }

    #[test]
    fn a_refusal_says_whom_to_ask() {
        let text = api(403, "guestclusters is forbidden").to_string();
        assert!(text.starts_with("guestclusters is forbidden\n\n"), "{text}");
        assert!(text.contains("guestcluster-editor"), "{text}");
    }
}
