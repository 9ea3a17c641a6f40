//! The rights of what mints credentials and takes them back.

use serde_json::Value;

use super::{CAPI, OURS, READ, rule};

/// Everywhere: the records, and of Secrets what Cluster API keeps for a guest. RBAC can't name them before there are guests;
/// each is read when it is needed and never listed.
pub(super) fn everywhere() -> Vec<Value> {
    vec![
        rule(&[OURS], &["guestclusters"], READ),
        // Whether a guest is gone.
        rule(&[CAPI], &["clusters"], &["get"]),
        rule(
            &[OURS],
            &["guestcredentials", "guestrevocations"],
            &["get", "list", "watch", "patch", "delete"],
        ),
        rule(
            &[OURS],
            &["guestcredentials/status", "guestrevocations/status"],
            &["get", "patch"],
        ),
        rule(&[""], &["secrets"], &["get"]),
    ]
}

/// In the supervisor's own namespace: the keys of guests, of which those that sign are replaced.
pub(super) fn in_system_namespace() -> Vec<Value> {
    vec![rule(&[""], &["secrets"], &["get", "patch"])]
}
