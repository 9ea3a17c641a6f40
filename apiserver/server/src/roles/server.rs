//! The rights of the aggregated server itself, whatever layers it runs.

use serde_json::Value;

use super::{
    API_SERVICE, CAPI, READ, SERVER, SERVING_SECRET, SYSTEM_NAMESPACE, TOPOLOGY, VM_OPERATOR, bound_role, cluster_role,
    cluster_role_binding,
};
use super::{named_rule, role_binding, rule, service_account_subject};

/// Its role in the cluster, in its own namespace, and the one to read how kube-apiserver authenticates.
pub(super) fn objects() -> Vec<Value> {
    let mut objects = vec![
        cluster_role(SERVER, in_the_cluster()),
        cluster_role_binding(SERVER, service_account_subject(SERVER)),
        // The Role is there on every cluster whose kube-apiserver aggregates.
        role_binding(
            "kube-system",
            "guestcluster-apiserver-authentication-reader",
            "extension-apiserver-authentication-reader",
            SERVER,
        ),
    ];
    objects.extend(bound_role(SYSTEM_NAMESPACE, SERVER, in_its_namespace(), SERVER));
    objects
}

fn in_the_cluster() -> Vec<Value> {
    vec![
        // Whose is this token?
        rule(&["authentication.k8s.io"], &["tokenreviews"], &["create"]),
        // May this user do that?
        rule(&["authorization.k8s.io"], &["subjectaccessreviews"], &["create"]),
        // Nothing is created in a namespace that is missing or going away.
        rule(&[""], &["namespaces"], READ),
        // Whose name a GuestCluster would take, and whether what it names is there: followed whichever layers run.
        rule(&[CAPI], &["clusters"], READ),
        rule(&[VM_OPERATOR], &["virtualmachineclasses"], &["list", "watch"]),
        rule(&["storage.k8s.io"], &["storageclasses"], &["list", "watch"]),
        rule(&[TOPOLOGY], &["availabilityzones"], &["list", "watch"]),
        // What a quota of the host counts of our kinds is refused, or written down there.
        rule(&[""], &["resourcequotas"], READ),
        rule(&[""], &["resourcequotas/status"], &["update"]),
        // What the host's own policies and webhooks say of our kinds counts too.
        rule(
            &["admissionregistration.k8s.io"],
            &[
                "mutatingwebhookconfigurations",
                "validatingadmissionpolicies",
                "validatingadmissionpolicybindings",
                "validatingwebhookconfigurations",
            ],
            READ,
        ),
        // Where a webhook is that is a service.
        rule(&[""], &["services"], &["get"]),
        rule(&["discovery.k8s.io"], &["endpointslices"], &["list"]),
        // The caBundle of its own registration.
        named_rule(
            "apiregistration.k8s.io",
            "apiservices",
            &[API_SERVICE],
            &["get", "list", "watch", "patch"],
        ),
    ]
}

/// The Lease that says which process runs the controllers, the authority of serving certificates, and events about both. RBAC
/// can't name an object that is created.
fn in_its_namespace() -> Vec<Value> {
    vec![
        rule(&["coordination.k8s.io"], &["leases"], &["create"]),
        named_rule("coordination.k8s.io", "leases", &[SERVER], &["get", "patch"]),
        rule(&[""], &["secrets"], &["create"]),
        named_rule("", "secrets", &[SERVING_SECRET], &["get", "list", "watch", "update"]),
        rule(&["events.k8s.io"], &["events"], &["create", "patch"]),
    ]
}
