//! Where a guest keeps what it trusts: a ConfigMap of its own with one JWS, and the public half of the trust key on each
//! control-plane node, beside the files that its kube-apiserver reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The namespace, in the guest.
pub const NAMESPACE: &str = "guestclusters-system";
/// The ConfigMap.
pub const CONFIG_MAP: &str = "guestclusters-trust";
/// The ConfigMap's key that holds the JWS of a [`Trust`](crate::Trust).
pub const KEY: &str = "trust.jws";
/// On control-plane nodes: the folder that kube-apiserver reads from and the agent keeps.
pub const FOLDER: &str = "/etc/kubernetes/guestclusters";
/// There: the AuthenticationConfiguration. Bootstrap data bring the first one, the agent replaces it.
pub const AUTHENTICATION_FILE: &str = "/etc/kubernetes/guestclusters/authentication.yaml";
/// There: the AdmissionConfiguration, from the bootstrap data.
pub const ADMISSION_FILE: &str = "/etc/kubernetes/guestclusters/admission.yaml";
/// There: the audit policy, from the bootstrap data.
pub const AUDIT_POLICY_FILE: &str = "/etc/kubernetes/guestclusters/audit-policy.yaml";
/// On control-plane nodes: the folder that kube-apiserver writes its audit log to.
pub const AUDIT_FOLDER: &str = "/var/log/kubernetes/audit";
/// There: the log, of which a few older ones are kept beside it.
pub const AUDIT_LOG: &str = "/var/log/kubernetes/audit/audit.log";
/// In [`FOLDER`]: PEM of the trust key's public half, from the node's bootstrap data.
pub const PUBLIC_KEY_FILE: &str = "/etc/kubernetes/guestclusters/trust-key.pem";

/// The port of 127.0.0.1 on which the agent of a node serves, unless it is told another one. It is part of the file that
/// kube-apiserver reads.
pub const AGENT_PORT: u16 = 10270;
/// Served there: whether the agent still works.
pub const AGENT_LIVE_PATH: &str = "/livez";
/// Served there: whether it has the guest's keys to serve.
pub const AGENT_READY_PATH: &str = "/readyz";

/// What stands before the node's name in an annotation of the ConfigMap by which a control-plane node reports.
const REPORTS: &str = "in-force.guestclusters.dev/";
/// Characters of an annotation's name after the slash.
const LONGEST_NAME: usize = 63;

/// What a control-plane node says it judges tokens by: the value of its annotation of the ConfigMap, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The trust object's generation.
    pub generation: u64,
    /// The trust object's [`hash`].
    pub hash: String,
}

impl InForce {
    /// The annotation by which a node reports. A name too long for an annotation is shown by its hash.
    pub fn annotation(node: &str) -> String {
        if node.len() <= LONGEST_NAME {
            return format!("{REPORTS}{node}");
        }
        let hashed = hex(node);
        format!("{REPORTS}{}", &hashed[..LONGEST_NAME])
    }

    /// Whether an annotation is a node's report.
    pub fn is_report(annotation: &str) -> bool {
        annotation.starts_with(REPORTS)
    }

    /// What a node reported, among the annotations of the ConfigMap.
    pub fn of(annotations: &BTreeMap<String, String>, node: &str) -> Option<InForce> {
        serde_json::from_str(annotations.get(&InForce::annotation(node))?).ok()
    }

    /// The annotation's value.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}

/// What names a version of the JWS in reports: `sha256:` and lower-case hex.
pub fn hash(jws: &str) -> String {
    format!("sha256:{}", hex(jws))
}

/// SHA-256 in lower-case hex.
fn hex(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_s_report_reads_back_whatever_its_name() {
        let long = "n".repeat(253);
        for node in ["dev-cp-x7k2p", "node.corp.example", &long] {
            let report = InForce {
                generation: 7,
                hash: hash("text"),
            };
            let annotations = BTreeMap::from([(InForce::annotation(node), report.to_json())]);
            assert_eq!(InForce::of(&annotations, node), Some(report));
            assert_eq!(InForce::of(&annotations, "other"), None);
            let (key, _) = annotations.first_key_value().unwrap();
            assert!(InForce::is_report(key) && key.len() <= REPORTS.len() + 63, "{key}");
        }
    }

    #[test]
    fn the_hash_is_sha_256() {
        assert_eq!(
            hash(""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
