//! What can go wrong in the machine layer.

use super::engine::Retry;
use crate::retries::{DEADLINE, summary};

/// A reconciliation that failed and is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The supervisor's API refused or failed.
    #[error("{action}: {}", summary(.source))]
    Api {
        /// What was being done.
        action: &'static str,
        /// The answer.
        #[source]
        source: kube::Error,
    },
    /// The guest's API refused, failed, or could not be reached.
    #[error("{action} in the guest: {}", summary(.source))]
    Guest {
        /// What was being done.
        action: &'static str,
        /// The answer.
        #[source]
        source: kube::Error,
    },
    /// A key or certificate could not be made or read.
    #[error("certificates: {0}")]
    Certificates(String),
    /// A Secret that must be there is not, or lacks a key.
    #[error("Secret {name} has no usable {key}")]
    Secret {
        /// Name of the Secret.
        name: String,
        /// The key that was looked for.
        key: &'static str,
    },
    /// An object could not be written as JSON or YAML.
    #[error("encoding {what}: {message}")]
    Encode {
        /// The object.
        what: &'static str,
        /// The encoder's words.
        message: String,
    },
    /// There was no answer at all.
    #[error("no answer within {} s", DEADLINE.as_secs())]
    Deadline(#[from] tokio::time::error::Elapsed),
    /// Something that was read makes no sense.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// Turns a supervisor error into one that says what was being done.
    pub(crate) fn api(action: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Api { action, source }
    }

    /// Turns a guest error into one that says what was being done.
    pub(crate) fn guest(action: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Guest { action, source }
    }

    pub(crate) fn encode(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |error| Self::Encode {
            what,
            message: error.to_string(),
        }
    }
}

impl Retry for Error {
    fn is_race(&self) -> bool {
        match self {
            // 404: what is patched was deleted; 409: it was changed. The watch is about to say so.
            Self::Api {
                source: kube::Error::Api(status),
                ..
            } => matches!(status.code, 404 | 409),
            Self::Guest { .. } => true,
            _ => false,
        }
    }
}
