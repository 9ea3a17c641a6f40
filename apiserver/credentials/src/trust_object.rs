//! Where a guest keeps what it trusts: a ConfigMap of its own with one JWS, and the public half of the trust key on each
//! control-plane node.

use sha2::{Digest, Sha256};

/// The namespace, in the guest.
pub const NAMESPACE: &str = "guestclusters-system";
/// The ConfigMap.
pub const CONFIG_MAP: &str = "guestclusters-trust";
/// The ConfigMap's key that holds the JWS of a [`Trust`](crate::Trust).
pub const KEY: &str = "trust.jws";
/// On control-plane nodes: PEM of the trust key's public half, from the node's bootstrap data.
pub const PUBLIC_KEY_FILE: &str = "/etc/kubernetes/guestclusters/trust-key.pem";

/// What names a version of the JWS in reports: `sha256:` and lower-case hex.
pub fn hash(jws: &str) -> String {
    let digest = Sha256::digest(jws);
    digest
        .iter()
        .fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
