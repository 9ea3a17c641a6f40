//! What a failed call to etcd means.

use std::error::Error as _;

use tonic::{Code, Status};

use crate::storage::StoreError;

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    text: String,
}

/// What may be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The history that it needs is gone.
    Compacted,
    /// More than etcd takes in one request.
    TooLarge,
    /// More than is read in one answer.
    AnswerTooLarge,
    /// It has no room for more.
    Full,
    /// etcd has not done it, and another member or another moment may.
    NotDone,
    /// etcd has not done it, since it does not know the token.
    Token,
    /// It may have been done.
    Unknown,
    /// It has not been done, and trying again is of no use.
    Refused,
}

impl Failure {
    pub(super) fn refused(text: String) -> Self {
        Self {
            kind: Kind::Refused,
            text,
        }
    }

    /// No answer in time.
    pub(super) fn late() -> Self {
        Self {
            kind: Kind::Unknown,
            text: "no answer in time".to_owned(),
        }
    }

    /// A stream that ended without a word.
    pub(super) fn ended() -> Self {
        Self {
            kind: Kind::Unknown,
            text: "the stream ended".to_owned(),
        }
    }

    /// A stream that etcd ended.
    pub(super) fn cancelled(reason: &str) -> Self {
        Self::from(Status::unavailable(reason))
    }

    /// Whether it is etcd that can't be talked to, rather than the request.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self.kind, Kind::NotDone | Kind::Unknown | Kind::Token | Kind::Refused)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "etcd: {}", self.text)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let mut text = status.message().to_owned();
        let mut source = status.source();
        // The last one says what happened: refused, a wrong certificate.
        while let Some(inner) = source {
            source = inner.source();
            if source.is_none() && !text.contains(&inner.to_string()) {
                text = format!("{text}: {inner}");
            }
        }
        Self {
            kind: kind(&status),
            text,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            Kind::TooLarge => Self::TooLarge(failure.to_string()),
            Kind::Full => Self::Full(failure.to_string()),
            _ => Self::Unavailable(failure.to_string()),
        }
    }
}

/// By the texts of etcd's `rpctypes`: several errors share a code.
fn kind(status: &Status) -> Kind {
    let says = |text: &str| status.message().contains(text);
    if says("required revision has been compacted") {
        return Kind::Compacted;
    }
    if says("request is too large") || says("received message larger than max") {
        return Kind::TooLarge;
    }
    if says("decoded message length too large") {
        return Kind::AnswerTooLarge;
    }
    if says("database space exceeded") {
        return Kind::Full;
    }
    if says("invalid auth token") || says("revision of auth store is old") {
        return Kind::Token;
    }
    if says("etcdserver: no leader") || says("too many requests") || never_connected(status) {
        return Kind::NotDone;
    }
    match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => Kind::Refused,
        _ => Kind::Unknown,
    }
}

/// Whether the request was never sent.
fn never_connected(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}
