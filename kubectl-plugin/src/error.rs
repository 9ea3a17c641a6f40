//! What can go wrong at the prompt: one sentence, a next step, and an exit code. The one table of whose fault it is.

use std::{fmt, process::ExitCode};

/// An error as the person sees it.
#[derive(Debug)]
pub(crate) struct Error {
    kind: Kind,
    message: String,
    next: Option<String>,
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
        }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Usage,
            message: message.into(),
            next: None,
        }
    }

    /// The waiting ended; the work goes on.
    pub(crate) fn timed_out(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::TimedOut,
            message: message.into(),
            next: None,
        }
    }

    /// What the person can do next.
    #[must_use]
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
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

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => refused(&status),
            kube::Error::Auth(error) => Self {
                kind: Kind::NotSignedIn,
                message: format!("the kubeconfig's credential can't be used: {error}"),
                next: Some("Sign in again, or check the user of the context: kubectl config view --minify".to_owned()),
            },
            other => Self::failed(format!("the server can't be reached: {}", root_cause(&other))).next(
                "Check the context and that the server runs: kubectl config current-context; kubectl get --raw /readyz",
            ),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

fn refused(status: &kube::core::Status) -> Error {
    match status.code {
        401 => Error {
            kind: Kind::NotSignedIn,
            message: "the server does not accept the credential".to_owned(),
            next: Some("Sign in again, or check the user of the context: kubectl config view --minify".to_owned()),
        },
        403 => Error::failed(status.message.clone())
            .next("Ask an administrator of the supervisor for a role in the namespace: guestcluster-viewer to look, guestcluster-editor to change."),
        422 => Error::failed(causes(status)),
        _ => Error::failed(status.message.clone()),
    }
}

/// The causes of an invalid object, one a line, each with its field.
fn causes(status: &kube::core::Status) -> String {
    let causes = status
        .details
        .as_ref()
        .map(|details| details.causes.as_slice())
        .unwrap_or_default();
    let line = |cause: &kube::core::response::StatusCause| format!("{}: {}", cause.field, cause.message);
    match causes {
        [] => status.message.clone(),
        [only] => line(only),
        several => {
            let lines: Vec<_> = several.iter().map(|cause| format!("  {}", line(cause))).collect();
            format!("{} fields are refused:\n{}", several.len(), lines.join("\n"))
        }
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
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
    fn a_refusal_says_whom_to_ask() {
        let text = api(403, "guestclusters is forbidden").to_string();
        assert!(text.starts_with("guestclusters is forbidden\n\n"), "{text}");
        assert!(text.contains("guestcluster-editor"), "{text}");
    }
}
