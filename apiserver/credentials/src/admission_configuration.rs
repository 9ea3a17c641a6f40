//! The AdmissionConfiguration (apiserver.config.k8s.io) of a guest's kube-apiserver: who may write pods may not take over the
//! node by one. Without it, the level edit would be a hostPath pod away from admin.

use crate::trust_object::NAMESPACE;

/// The file: Pod Security Standard `baseline` in each namespace that is not exempt and has no label of its own. Kubernetes 1.32
/// to 1.37 read the same one. Labels of namespaces are the admins' alone, so they may allow more where they have to.
pub fn render() -> String {
    format!(
        "\
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults:
      enforce: baseline
      enforce-version: latest
      warn: baseline
      warn-version: latest
    exemptions:
      namespaces:
      - kube-system
      - kube-public
      - kube-node-lease
      - {NAMESPACE}
"
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;

    use super::*;

    /// `UPDATE_GOLDEN=1 cargo test -p guestcluster-credentials golden` writes it anew.
    #[test]
    fn it_is_the_golden_file() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/admission.yaml");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(path, render()).unwrap();
        }
        assert_eq!(render(), fs::read_to_string(path).unwrap());
    }

    #[test]
    fn only_namespaces_that_the_levels_leave_out_are_exempt() {
        let file: Value = serde_saphyr::from_str(&render()).unwrap();
        let exempt = file["plugins"][0]["configuration"]["exemptions"]["namespaces"].as_array();
        for namespace in exempt.unwrap() {
            assert!(
                crate::levels::is_system(namespace.as_str().unwrap(), None),
                "{namespace}"
            );
        }
    }
}
