//! GuestCluster as the API server serves it: definition, rules, and what it looks up before it stores one.

mod definition;
mod look_up;
mod rules;
mod scale;
mod together;

pub(crate) use definition::{columns, definition};
pub(crate) use rules::{Rules, field_error};
