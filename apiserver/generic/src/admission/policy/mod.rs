//! Admission policies: `ValidatingAdmissionPolicy` objects and their bindings, as kube-apiserver runs them.
//!
//! A [`PolicySource`] knows the objects, [`Policies`] compiles them, [`ValidatingPolicies`] is the plug-in that asks them.

mod compiled;
mod definition;
mod denial;
mod judge;
mod params;
mod plugin;
mod set;

pub(super) use self::definition::NamedExpression;
pub use self::{
    definition::{ParamKind, ParamRef},
    params::{ParamQuery, PolicySource},
    plugin::ValidatingPolicies,
    set::{Hook, Policies},
};
