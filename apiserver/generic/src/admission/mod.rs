//! Admission: a chain of plug-ins with a word on every write.
//!
//! A write passes the chain twice. First, when its managed fields are known, plug-ins may change the object
//! ([`Step::Admit`]); then the server removes duplicate owner references and validates the object; then plug-ins judge what
//! would be stored ([`Step::Validate`]), inside the loop that compares and writes, so that they see the final object beside the
//! stored one that it replaces. Deletes pass both steps without an object, each object of a collection on its own. What is only
//! answered (access reviews, a POST to a subresource) passes both before it is answered.

mod chain;
mod durations;
mod expression;
pub mod matching;
mod notes;
pub mod policy;
mod request;
mod surroundings;
pub mod webhook;

use async_trait::async_trait;
use serde_json::Value;

pub(crate) use self::chain::Chain;
pub use self::{
    notes::{Notes, Reservation},
    request::{AdmissionRequest, Kind, Operation, Options},
    surroundings::Surroundings,
};
use crate::status::Status;

/// One of the two times that a write passes the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Before validation: the object may be changed. Those that want to see it again after others changed it do.
    Admit,
    /// After validation: the object is final.
    Validate,
}

/// How often a plug-in may change an object, as the `reinvocationPolicy` of a webhook says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reinvocation {
    /// Once.
    Never,
    /// Once more, if others changed the object afterwards.
    IfNeeded,
}

/// A plug-in: looks at writes of every resource.
#[async_trait]
pub trait Admission: Send + Sync + 'static {
    /// Its name, as kube-apiserver's plug-ins have one: `NamespaceLifecycle`. Metrics and the log name it.
    fn name(&self) -> &'static str;

    /// Whether it has a word in this request at all. Asked for every write: it must be quick.
    fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool;

    /// Whether it is asked a second time when plug-ins after it changed what it admitted. It must then do no harm twice.
    fn reinvocation(&self) -> Reinvocation {
        Reinvocation::Never
    }

    /// May change the object (none for a delete) or refuse the write. The object's schema and its kind's defaults are in
    /// [`AdmissionRequest::resource`], for a plug-in that must fill in again what it changed.
    async fn admit(&self, _request: &AdmissionRequest<'_>, _object: Option<&mut Value>) -> Result<(), Status> {
        Ok(())
    }

    /// May refuse the write; `object` is the final one, none for a delete.
    async fn validate(&self, _request: &AdmissionRequest<'_>, _object: Option<&Value>) -> Result<(), Status> {
        Ok(())
    }
}
