//! The rights of users, by the roles that administrators bind.

use guestcluster_types::Level;
use serde_json::Value;

use super::{CAPI, CAPV, CONTROL_PLANE, OURS, READ, VM_OPERATOR, rule};

/// The levels that have a role, each with those before it. Break glass is bound verb by verb, by who means it.
pub(super) const ACCESS: [Level; 4] = [Level::Login, Level::View, Level::Edit, Level::Admin];

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

/// Taking credentials for the guests of a namespace, up to a level. Nobody has this by editing clusters.
pub(super) fn access(highest: Level) -> Vec<Value> {
    let verbs: Vec<_> = ACCESS
        .iter()
        .take_while(|level| **level <= highest)
        .map(|level| level.verb())
        .collect();
    vec![
        rule(&[OURS], &["guestclusters/credential"], &["create"]),
        rule(&[OURS], &["guestclusters"], &verbs),
    ]
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
    fn access_to_guests_comes_by_levels_and_never_with_lifecycle() {
        let text = |rules: Vec<Value>| serde_json::to_string(&rules).unwrap();
        let edit = text(access(Level::Edit));
        assert!(edit.contains("guest-login") && edit.contains("guest-view") && edit.contains("guest-edit"));
        assert!(!edit.contains("guest-admin") && !edit.contains("break-glass"), "{edit}");
        assert!(text(access(Level::Admin)).contains("guest-admin"));
        let editor = text(editor());
        assert!(
            !editor.contains("guest-") && !editor.contains("guestclusters/credential"),
            "{editor}"
        );
    }

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
