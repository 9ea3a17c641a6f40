//! Names of what is derived from a GuestCluster, and their limits.
//!
//! The longest derived name is that of a worker Machine, `<cluster>-<pool>-<10>-<5>`: a label and host name of at most 63
//! characters, hence the limits of 40 and 44.

use serde_json::Value;

/// Longest name of a GuestCluster.
pub const CLUSTER_MAX: usize = 40;
/// Longest name of a GuestCluster and of one of its pools together.
pub const CLUSTER_AND_POOL_MAX: usize = 44;
/// Pool name that would collide with the control plane's objects.
pub const RESERVED_POOL: &str = "cp";

/// The namespace of the supervisor's own objects.
pub const SYSTEM_NAMESPACE: &str = "guestclusters-system";
/// Key in the Secret of a guest's keys: the private key that signs what the guest trusts (PKCS #8, PEM).
pub const TRUST_KEY: &str = "trust-key.pem";
/// Key in the Secret of a guest's keys: the private key that signs its credentials (PKCS #8, PEM).
pub const SIGNING_KEY: &str = "signing-key.pem";
/// There while the key that signs is being replaced: the private key that will, which guests accept already.
pub const NEXT_SIGNING_KEY: &str = "next-signing-key.pem";
/// There until all that it signed has expired: the public half of the last one (PEM), which guests still accept.
pub const PREVIOUS_SIGNING_KEY: &str = "previous-signing-key.pub.pem";

/// Name of the Secret of a guest's keys, in the supervisor's own namespace.
pub fn guest_keys_secret(guest_uid: &str) -> String {
    format!("guest-{guest_uid}")
}

/// Name of the KubeadmControlPlane and of its health check.
pub fn control_plane(cluster: &str) -> String {
    format!("{cluster}-{RESERVED_POOL}")
}

/// Name of a pool's MachineDeployment and of its health check.
pub fn pool(cluster: &str, pool: &str) -> String {
    format!("{cluster}-{pool}")
}

/// Name of a template that can't be changed: that of its user and a hash of its content, so other content has another name.
pub fn template(user: &str, content: &Value) -> String {
    format!("{user}-{}", content_hash(content))
}

/// Name of the Secret with the admin kubeconfig, as the Cluster API contract has it.
pub fn kubeconfig_secret(cluster: &str) -> String {
    format!("{cluster}-kubeconfig")
}

/// Name of the Secret of our own namespace with the authority of a guest's etcd that Cluster API does not manage, and its key.
pub fn guest_etcd_secret(guest_uid: &str) -> String {
    format!("guest-{guest_uid}-etcd")
}

/// Name of the Secret with that authority's certificate alone, where Cluster API looks for it.
pub fn etcd_secret(cluster: &str) -> String {
    format!("{cluster}-etcd")
}

/// Name of the Secret with kube-apiserver's client certificate for it.
pub fn etcd_client_secret(cluster: &str) -> String {
    format!("{cluster}-apiserver-etcd-client")
}

/// Name of the GuestClusterRelease of a version: `+` is not allowed in a name.
pub fn release(version: &str) -> String {
    version.replace('+', "---")
}

/// Ten characters for the content of a JSON value, whatever the order of its keys. Stable for ever: names depend on it.
pub fn content_hash(content: &Value) -> String {
    // No vowels and nothing that looks alike, as in Kubernetes' own generated names; 27^10 exceeds 2^47.
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash = Fnv::new();
    hash.value(content);
    let mut rest = hash.0;
    let mut text = String::with_capacity(10);
    for _ in 0..10 {
        text.push(char::from(ALPHABET[usize::try_from(rest % 27).unwrap_or(0)]));
        rest /= 27;
    }
    text
}

/// FNV-1a with 64 bits: names need no protection against their own author.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_by_key(|(key, _)| *key);
                self.bytes(b"{");
                for (key, value) in sorted {
                    self.value(&Value::String(key.clone()));
                    self.value(value);
                }
                self.bytes(b"}");
            }
            Value::Array(items) => {
                self.bytes(b"[");
                for item in items {
                    self.value(item);
                }
                self.bytes(b"]");
            }
            scalar => {
                self.bytes(scalar.to_string().as_bytes());
                self.bytes(b",");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn hash_is_stable_and_tells_content_apart() {
        assert_eq!(
            content_hash(&json!({"a": 1, "b": ["x", true]})),
            content_hash(&json!({"b": ["x", true], "a": 1}))
        );
        assert_ne!(content_hash(&json!({"a": "1"})), content_hash(&json!({"a": 1})));
        assert_ne!(content_hash(&json!([["a"], "b"])), content_hash(&json!([["a", "b"]])));
        // A name that changes rolls every guest.
        assert_eq!(template("dev-cp", &json!({"className": "huge"})), "dev-cp-njsfg889hh");
    }

    #[test]
    fn release_names_have_no_plus() {
        assert_eq!(release("v1.34.2+vendor.1"), "v1.34.2---vendor.1");
    }

    proptest! {
        #[test]
        fn machine_names_fit_a_label(cluster in "[a-z]([a-z0-9-]{0,38}[a-z0-9])?", suffix in "[a-z0-9]{1,43}") {
            let room = CLUSTER_AND_POOL_MAX - cluster.len();
            let deployment = pool(&cluster, &suffix[..suffix.len().min(room)]);
            prop_assert!(deployment.len() + "-0123456789-abcde".len() <= 63);
            prop_assert!(control_plane(&cluster).len() + "-abcde".len() <= 63);
        }
    }
}
