//! GuestCredential and GuestRevocation as the API server serves them: records that the server writes, and orders that can't be
//! changed.

mod credential;
mod revocation;

use generic_apiserver::{registry::Findings, status::FieldError};
use serde_json::Value;

pub(crate) use credential::{FIELDS as CREDENTIAL_FIELDS, LEVEL as CREDENTIAL_LEVEL, definition as credentials};
pub(crate) use revocation::definition as revocations;

/// What both kinds have in common: a spec never changes.
fn unchanged_spec(object: &Value, old: &Value) -> Findings {
    let mut findings = Findings::default();
    if object["spec"] != old["spec"] {
        findings.errors.push(FieldError::forbidden("spec", "can't be changed"));
    }
    findings
}
