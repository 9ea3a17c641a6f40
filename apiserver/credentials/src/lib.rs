//! Credentials of supervisors and guests, pure: no IO, and the time is a parameter.
//!
//! A person's credential for one guest is a token, an ES256 JWT of a few minutes: a [`Subject`] is what may be said about the
//! person, [`Claims`] what the token says, a [`SigningKey`] mints it. A guest learns by a [`Trust`], signed by the guest's trust
//! key, which keys and which tokens count; a [`Verifier`] judges by it, and [`authentication_configuration`] says the same
//! to a kube-apiserver. What the levels may do there is in [`levels`].

pub mod admission_configuration;
pub mod audit_policy;
pub mod authentication_configuration;
mod claims;
#[cfg(test)]
mod fuzz;
mod guest;
mod jws;
pub mod kubeconfig;
pub mod levels;
mod numeric_date;
mod pem;
mod public_key;
mod signing_key;
mod signing_request;
mod subject;
mod trust;
pub mod trust_object;
mod verifier;
pub mod x509;

pub use claims::{Claims, DEFAULT_LIFETIME, LONGEST_LIFETIME, SHORTEST_LIFETIME};
pub use guest::{audience, issuer};
pub use guestcluster_types::{Level, UnknownLevel};
pub use jws::JwsRefused;
pub use numeric_date::NumericDate;
pub use public_key::{InvalidKey, PublicKey, jwks};
pub use signing_key::{CannotSign, SigningKey};
pub use signing_request::{SigningRequest, SigningRequestRefused};
pub use subject::{MOST_GROUPS, Subject, SubjectPolicy, SubjectRefused, UnsafePrefix};
pub use trust::{Floor, Trust, TrustRefused};
pub use verifier::{Identity, TokenRefused, Verifier};
