//! Rights, listed one by one: the roles for users, and those of the layers and of the aggregated server.

mod credentials;
mod layers;
mod server;
mod users;

use serde_json::{Value, json};

use crate::{layers::Layers, sso};
pub(crate) use guestcluster_types::names::SYSTEM_NAMESPACE;

/// The service account of the aggregated server, and the name of all that is its own.
pub(crate) const SERVER: &str = "guestcluster-apiserver";
/// The Secret in the system namespace with the authority that signs serving certificates.
pub(crate) const SERVING_SECRET: &str = "guestcluster-apiserver-serving";
/// The APIService of guestclusters.dev.
pub(crate) const API_SERVICE: &str = "v1alpha1.guestclusters.dev";

const OURS: &str = "guestclusters.dev";
const CAPI: &str = "cluster.x-k8s.io";
const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io";
const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io";
const CAPV: &str = "vmware.infrastructure.cluster.x-k8s.io";
const VM_OPERATOR: &str = "vmoperator.vmware.com";
const TOPOLOGY: &str = "topology.tanzu.vmware.com";
const RBAC: &str = "rbac.authorization.k8s.io";

const READ: &[&str] = &["get", "list", "watch"];

/// A controller of ours, and the role with what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controller {
    /// The guest layer.
    Guest,
    /// The machine layer.
    Machine,
    /// The VM layer.
    Vm,
    /// Credentials, whatever layers run.
    Credential,
}

impl Controller {
    const ALL: [Controller; 4] = [
        Controller::Guest,
        Controller::Machine,
        Controller::Vm,
        Controller::Credential,
    ];

    /// Name of its ClusterRole, and of its service account in the embedded supervisor.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Guest => "guestcluster-controller",
            Self::Machine => "guestcluster-machine-controller",
            Self::Vm => "guestcluster-vm-controller",
            Self::Credential => "guestcluster-credential-controller",
        }
    }

    fn runs_in(self, layers: Layers) -> bool {
        match self {
            Self::Guest => layers.guest,
            Self::Machine => layers.machine,
            Self::Vm => layers.vm,
            Self::Credential => true,
        }
    }

    fn rules(self) -> Vec<Value> {
        match self {
            Self::Guest => layers::guest(),
            Self::Machine => layers::machine(),
            Self::Vm => layers::vm(),
            Self::Credential => credentials::everywhere(),
        }
    }

    /// Its roles, bound to a service account of the system namespace.
    fn objects(self, account: &str) -> Vec<Value> {
        let name = self.name();
        let mut objects = vec![
            cluster_role(name, self.rules()),
            cluster_role_binding(name, service_account_subject(account)),
        ];
        let own = match self {
            Self::Machine => None,
            Self::Guest => Some(layers::guest_in_system_namespace()),
            Self::Vm => Some(layers::vm_in_system_namespace()),
            Self::Credential => Some(credentials::in_system_namespace()),
        };
        if let Some(rules) = own {
            objects.extend(bound_role(SYSTEM_NAMESPACE, name, rules, account));
        }
        objects
    }
}

/// Every role and binding of an embedded supervisor, where each layer has a service account of its own.
pub(crate) fn embedded() -> Vec<Value> {
    let layers = Controller::ALL.into_iter();
    let of_layers = layers.flat_map(|controller| controller.objects(controller.name()));
    for_users()
        .into_iter()
        .chain(sso::login_roles())
        .chain(of_layers)
        .collect()
}

/// Every role and binding of the aggregated server, which has one service account.
pub(crate) fn aggregated(layers: Layers) -> Vec<Value> {
    let running = Controller::ALL
        .into_iter()
        .filter(|controller| controller.runs_in(layers));
    let of_layers = running.flat_map(|controller| controller.objects(SERVER));
    server::objects()
        .into_iter()
        .chain(for_users())
        .chain(of_layers)
        .collect()
}

/// The roles that administrators bind, and the catalogue for everyone who is signed in.
fn for_users() -> Vec<Value> {
    let everyone = json!({"apiGroup": RBAC, "kind": "Group", "name": "system:authenticated"});
    let access = users::ACCESS.map(|level| cluster_role(&format!("guestcluster-access-{level}"), users::access(level)));
    let others = [
        cluster_role("guestcluster-viewer", users::viewer()),
        cluster_role("guestcluster-editor", users::editor()),
        cluster_role("guestcluster-access-manager", users::access_manager()),
        cluster_role("guestcluster-catalogue-reader", users::catalogue_reader()),
        cluster_role_binding("guestcluster-catalogue-reader", everyone),
    ];
    others.into_iter().chain(access).collect()
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

/// A rule for objects of these names alone.
fn named_rule(group: &str, resource: &str, names: &[&str], verbs: &[&str]) -> Value {
    let mut rule = rule(&[group], &[resource], verbs);
    rule["resourceNames"] = json!(names);
    rule
}

fn service_account_subject(account: &str) -> Value {
    json!({"kind": "ServiceAccount", "name": account, "namespace": SYSTEM_NAMESPACE})
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
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    })
}

/// A Role and its binding to a service account of the system namespace.
fn bound_role(namespace: &str, name: &str, rules: Vec<Value>, account: &str) -> [Value; 2] {
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace},
        "rules": rules,
    });
    [role, role_binding(namespace, name, name, account)]
}

/// A binding of a ClusterRole to a group, in one namespace.
pub(crate) fn group_binding(namespace: &str, name: &str, role: &str, group: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": group}],
    })
}

/// A binding of a Role of that namespace to a service account of the system namespace.
fn role_binding(namespace: &str, name: &str, role: &str, account: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": role},
        "subjects": [service_account_subject(account)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_machine_layer_watches_secrets() {
        for controller in [Controller::Guest, Controller::Vm, Controller::Credential] {
            for rule in controller.rules() {
                if rule["resources"].as_array().unwrap().contains(&json!("secrets")) {
                    let verbs = rule["verbs"].as_array().unwrap();
                    assert!(verbs.iter().all(|verb| *verb == "get" || *verb == "create"), "{rule}");
                }
            }
        }
    }

    #[test]
    fn the_server_has_the_rights_of_the_layers_that_it_runs() {
        let text = |layers: &str| serde_json::to_string(&aggregated(layers.parse().unwrap())).unwrap();
        assert!(text("all").contains("guestcluster-machine-controller"));
        assert!(!text("all").contains(r#""*""#), "rights are listed one by one");
    }
}
