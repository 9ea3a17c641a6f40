//! The audit policy (audit.k8s.io) of a guest's kube-apiserver: who did what, and never what it said. A credential is found in
//! it by its id (`authentication.kubernetes.io/credential-id`), which is the UID of its GuestCredential.

/// The file: one line for each request that changes or reads something, at level Metadata, so that no body and thus no
/// secret is ever written. What machines ask all the time is left out. Kubernetes 1.32 to 1.37 read the same one.
pub fn render() -> &'static str {
    "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages:
- RequestReceived
omitManagedFields: true
rules:
- level: None
  nonResourceURLs:
  - /healthz*
  - /livez*
  - /readyz*
  - /version
  - /openapi*
- level: None
  resources:
  - group: coordination.k8s.io
    resources:
    - leases
  - group: \"\"
    resources:
    - events
  - group: events.k8s.io
    resources:
    - events
- level: None
  userGroups:
  - system:nodes
  verbs:
  - get
  - list
  - watch
  - update
  - patch
- level: None
  users:
  - system:apiserver
  - system:kube-controller-manager
  - system:kube-scheduler
  verbs:
  - get
  - list
  - watch
- level: Metadata
"
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;

    use super::*;

    /// `UPDATE_GOLDEN=1 cargo test -p guestcluster-credentials golden` writes it anew.
    #[test]
    fn it_is_the_golden_file() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/audit-policy.yaml");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(path, render()).unwrap();
        }
        assert_eq!(render(), fs::read_to_string(path).unwrap());
    }

    #[test]
    fn no_body_is_written_and_no_person_left_out() {
        let policy: Value = serde_saphyr::from_str(render()).unwrap();
        let rules = policy["rules"].as_array().unwrap();
        assert!(
            rules
                .iter()
                .all(|rule| rule["level"] == "None" || rule["level"] == "Metadata")
        );
        assert_eq!(rules.last().unwrap(), &serde_json::json!({"level": "Metadata"}));
        let of_people = |rule: &Value| {
            let of = |field: &str| rule[field].as_array().cloned().unwrap_or_default();
            of("users")
                .iter()
                .chain(&of("userGroups"))
                .any(|who| !who.as_str().unwrap().starts_with("system:"))
        };
        assert!(!rules.iter().any(of_people), "{policy}");
    }
}
