//! Rights, listed one by one: the roles for users, and those of the controllers' service accounts.

use serde_json::{Value, json};

use crate::embedded::SYSTEM_NAMESPACE;

const OURS: &str = "guestclusters.dev";
const CAPI: &str = "cluster.x-k8s.io";
const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io";
const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io";
const CAPV: &str = "vmware.infrastructure.cluster.x-k8s.io";
const VM_OPERATOR: &str = "vmoperator.vmware.com";

const READ: &[&str] = &["get", "list", "watch"];
const KEEP: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];
const LIFECYCLE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];

/// A controller of ours, and the service account that it acts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controller {
    /// The guest layer.
    Guest,
    /// The machine layer.
    Machine,
    /// The VM layer.
    Vm,
}

impl Controller {
    /// Every controller.
    pub(crate) const ALL: [Controller; 3] = [Controller::Guest, Controller::Machine, Controller::Vm];

    /// Name of the service account and of its ClusterRole.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Guest => "guestcluster-controller",
            Self::Machine => "guestcluster-machine-controller",
            Self::Vm => "guestcluster-vm-controller",
        }
    }

    fn rules(self) -> Vec<Value> {
        match self {
            Self::Guest => guest_rules(),
            Self::Machine => machine_rules(),
            Self::Vm => vm_rules(),
        }
    }
}

/// Every role and binding.
pub(crate) fn objects() -> Vec<Value> {
    let mut objects = cluster_roles();
    objects.extend(cluster_role_bindings());
    objects
}

/// ClusterRoles for users, and the role of each controller.
fn cluster_roles() -> Vec<Value> {
    let mut objects = vec![
        cluster_role("guestcluster-viewer", viewer_rules()),
        cluster_role("guestcluster-editor", editor_rules()),
        cluster_role("guestcluster-access-manager", access_manager_rules()),
        // What every signed-in user may read: the catalogue that `create` chooses from.
        cluster_role("guestcluster-catalogue-reader", catalogue_rules()),
    ];
    objects.extend(
        Controller::ALL
            .iter()
            .map(|controller| cluster_role(controller.name(), controller.rules())),
    );
    objects
}

/// ClusterRoleBindings of the controllers, and of the catalogue to everyone who is signed in.
fn cluster_role_bindings() -> Vec<Value> {
    let mut objects: Vec<_> = Controller::ALL
        .iter()
        .map(|controller| {
            let account = json!({
                "kind": "ServiceAccount", "name": controller.name(), "namespace": SYSTEM_NAMESPACE,
            });
            cluster_role_binding(controller.name(), account)
        })
        .collect();
    let everyone = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"});
    objects.push(cluster_role_binding("guestcluster-catalogue-reader", everyone));
    objects
}

/// What both roles for users may see. Never kubeadmconfigs, whose spec carries the bootstrap token, and no Secrets.
fn viewer_rules() -> Vec<Value> {
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

fn editor_rules() -> Vec<Value> {
    let mut rules = viewer_rules();
    rules.push(rule(&[OURS], &["guestclusters"], LIFECYCLE));
    rules.push(rule(&[OURS], &["guestclusters/scale"], &["update", "patch"]));
    rules
}

fn access_manager_rules() -> Vec<Value> {
    vec![
        rule(
            &[OURS],
            &["guestcredentials"],
            &["get", "list", "watch", "delete", "deletecollection"],
        ),
        rule(&[OURS], &["guestrevocations"], &["get", "list", "watch", "create"]),
    ]
}

fn catalogue_rules() -> Vec<Value> {
    vec![
        rule(&[OURS], &["guestclusterreleases"], READ),
        rule(&["storage.k8s.io"], &["storageclasses"], READ),
    ]
}

fn guest_rules() -> Vec<Value> {
    vec![
        rule(&[OURS], &["guestclusters"], &["get", "list", "watch", "patch"]),
        rule(&[OURS], &["guestclusters/status"], &["get", "patch"]),
        rule(&[OURS], &["guestclusterreleases"], READ),
        rule(
            &[CAPI],
            &["clusters", "machinedeployments", "machinehealthchecks"],
            KEEP,
        ),
        rule(&[CAPI], &["machines", "machinesets"], READ),
        rule(&[CONTROL_PLANE], &["kubeadmcontrolplanes"], KEEP),
        rule(&[BOOTSTRAP], &["kubeadmconfigtemplates"], KEEP),
        rule(&[CAPV], &["vsphereclusters", "vspheremachinetemplates"], KEEP),
        rule(&[CAPV], &["vspheremachines"], READ),
        rule(
            &[VM_OPERATOR],
            &["virtualmachines", "virtualmachineservices", "virtualmachineclasses"],
            READ,
        ),
        rule(&["storage.k8s.io"], &["storageclasses"], READ),
        rule(&["", "events.k8s.io"], &["events"], &["create", "patch"]),
    ]
}

fn machine_rules() -> Vec<Value> {
    let status = &["get", "patch"];
    vec![
        rule(
            &[CAPI],
            &["clusters", "machines", "machinesets", "machinedeployments"],
            KEEP,
        ),
        rule(
            &[CAPI],
            &[
                "clusters/status",
                "machines/status",
                "machinesets/status",
                "machinedeployments/status",
            ],
            status,
        ),
        rule(&[CONTROL_PLANE], &["kubeadmcontrolplanes"], KEEP),
        rule(&[CONTROL_PLANE], &["kubeadmcontrolplanes/status"], status),
        rule(&[BOOTSTRAP], &["kubeadmconfigs", "kubeadmconfigtemplates"], KEEP),
        rule(&[BOOTSTRAP], &["kubeadmconfigs/status"], status),
        rule(
            &[CAPV],
            &["vsphereclusters", "vspheremachines", "vspheremachinetemplates"],
            KEEP,
        ),
        rule(&[CAPV], &["vsphereclusters/status", "vspheremachines/status"], status),
        rule(
            &[VM_OPERATOR],
            &[
                "virtualmachines",
                "virtualmachineservices",
                "virtualmachinesetresourcepolicies",
            ],
            KEEP,
        ),
        // list and watch for metadata alone: which Secrets exist. RBAC has no finer word for it.
        rule(&[""], &["secrets"], KEEP),
        // The lock that lets one machine begin a cluster.
        rule(&[""], &["configmaps"], &["get", "create", "patch"]),
        rule(&["", "events.k8s.io"], &["events"], &["create", "patch"]),
    ]
}

fn vm_rules() -> Vec<Value> {
    let machines = [
        "virtualmachines",
        "virtualmachineservices",
        "virtualmachinesetresourcepolicies",
    ];
    let status = [
        "virtualmachines/status",
        "virtualmachineservices/status",
        "virtualmachinesetresourcepolicies/status",
    ];
    vec![
        rule(&[VM_OPERATOR], &machines, &["get", "list", "watch", "patch"]),
        rule(&[VM_OPERATOR], &status, &["get", "patch"]),
        rule(
            &[VM_OPERATOR],
            &[
                "virtualmachineclasses",
                "virtualmachineimages",
                "clustervirtualmachineimages",
            ],
            READ,
        ),
        rule(&["storage.k8s.io"], &["storageclasses"], READ),
        rule(&[""], &["secrets"], &["get"]),
        rule(&[""], &["configmaps"], READ),
        rule(&["", "events.k8s.io"], &["events"], &["create", "patch"]),
    ]
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

fn cluster_role(name: &str, rules: Vec<Value>) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    })
}

fn cluster_role_binding(role: &str, subject: Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_for_users_reach_no_secret_and_no_bootstrap_token() {
        for rules in [viewer_rules(), editor_rules()] {
            let text = serde_json::to_string(&rules).unwrap();
            assert!(!text.contains("secrets"), "{text}");
            assert!(!text.contains("kubeadmconfig"), "{text}");
            assert!(!text.contains("\"*\""), "{text}");
        }
    }

    #[test]
    fn only_the_machine_layer_watches_secrets() {
        for controller in [Controller::Guest, Controller::Vm] {
            for rule in controller.rules() {
                if rule["resources"].as_array().unwrap().contains(&json!("secrets")) {
                    assert_eq!(rule["verbs"], json!(["get"]), "{rule}");
                }
            }
        }
    }
}
