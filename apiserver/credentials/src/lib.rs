//! Credentials of supervisors and guests, pure: X.509 authorities and the certificates they issue, and kubeconfigs.

pub mod kubeconfig;
pub mod x509;
