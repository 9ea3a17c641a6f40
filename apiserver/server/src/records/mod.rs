//! GuestCredential and GuestRevocation as the API server serves them: records that the server writes, and orders that can't be
//! changed.

mod credential;
mod revocation;

pub(crate) use credential::{FIELDS as CREDENTIAL_FIELDS, definition as credentials};
pub(crate) use revocation::definition as revocations;
