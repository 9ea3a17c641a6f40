//! What a user does and sees, whichever way the supervisor is run: `crate::MODE` says which.

mod bad_input;
mod bad_requests;
mod bad_upgrades;
mod break_glass;
mod credentials;
mod delete;
mod faults;
mod issuers;
mod kubectl;
pub(crate) mod lifecycle;
mod login;
mod login_refusals;
mod quotas;
mod restart;
mod rights;
