//! The audit log: who did what, when, and how it ended, in the form of `audit.k8s.io/v1`, by a policy that says how much.
//!
//! Bodies are kept only where the policy says so, and never those that carry credentials, whatever it says.

mod annotations;
mod auditor;
mod event;
mod file;
mod id;
mod policy;
mod trail;

pub use self::{
    auditor::{Auditor, Confidential},
    file::{AuditFile, Rotation},
    policy::{InvalidPolicy, Level, Policy, Stage},
};
pub(crate) use annotations::Annotations;
pub(crate) use id::AuditId;
pub(crate) use trail::Trail;
