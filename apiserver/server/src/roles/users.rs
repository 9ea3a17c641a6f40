//! The rights of users, by the roles that administrators bind.

use serde_json::Value;

use super::{CAPI, CAPV, CONTROL_PLANE, OURS, READ, VM_OPERATOR, rule};

const LIFECYCLE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];

/// What both roles for users may see. Never kubeadmconfigs, whose spec carries the bootstrap token, and no Secrets.
pub(super) fn viewer() -> Vec<Value> {
    vec![
        rule(
            &[OURS],
            &[
                "guestclusters",
                "guestclusters/status",
                "guestclusters/scale",
                "guestcredentials",
            ],
            READ,
        ),
        rule(
            &[CAPI],
            &[
                "clusters",
                "machinedeployments",
                "machinesets",
                "machines",
                "machinehealthchecks",
            ],
            READ,
        ),
        rule(&[CONTROL_PLANE], &["kubeadmcontrolplanes"], READ),
        rule(
            &[CAPV],
            &["vsphereclusters", "vspheremachines", "vspheremachinetemplates"],
            READ,
        ),
        rule(
            &[VM_OPERATOR],
            &["virtualmachines", "virtualmachineservices", "virtualmachineclasses"],
            READ,
        ),
        rule(&["", "events.k8s.io"], &["events"], READ),
        rule(&[""], &["resourcequotas"], READ),
    ]
}

/// Lifecycle of guests on top.
pub(super) fn editor() -> Vec<Value> {
    let mut rules = viewer();
    rules.push(rule(&[OURS], &["guestclusters"], LIFECYCLE));
    rules.push(rule(&[OURS], &["guestclusters/scale"], &["update", "patch"]));
    rules
}

/// Taking credentials away.
pub(super) fn access_manager() -> Vec<Value> {
    vec![
        rule(
            &[OURS],
            &["guestcredentials"],
            &["get", "list", "watch", "delete", "deletecollection"],
        ),
        rule(&[OURS], &["guestrevocations"], &["get", "list", "watch", "create"]),
    ]
}

/// What every signed-in user may read: the catalogue that `create` chooses from.
pub(super) fn catalogue_reader() -> Vec<Value> {
    vec![
        rule(&[OURS], &["guestclusterreleases"], READ),
        rule(&["storage.k8s.io"], &["storageclasses"], READ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_for_users_reach_no_secret_and_no_bootstrap_token() {
        for rules in [viewer(), editor()] {
            let text = serde_json::to_string(&rules).unwrap();
            assert!(!text.contains("secrets"), "{text}");
            assert!(!text.contains("kubeadmconfig"), "{text}");
            assert!(!text.contains("\"*\""), "{text}");
        }
    }
}
