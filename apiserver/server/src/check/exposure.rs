//! Who could become admin in guests without a credential of ours: by the Secrets that Cluster API keeps beside them, by bootstrap
//! tokens, or by changing the objects that their machines are made from.

use std::collections::{BTreeMap, BTreeSet};

use guestcluster_types::GuestCluster;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::{Api, Client, Resource, ResourceExt as _, api::ListParams};
use serde::de::DeserializeOwned;

use super::{Finding, found};
use crate::roles::SYSTEM_NAMESPACE;

const CHECK: &str = "exposure";
/// Objects that a request lists.
const PAGE: u32 = 500;
/// Subjects that are told one by one.
const TOLD: usize = 20;
/// How the names of Secrets end that a guest's keys are in.
const OF_GUESTS: [&str; 5] = ["-kubeconfig", "-ca", "-etcd", "-sa", "-proxy"];
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

pub(super) async fn check(client: &Client) -> kube::Result<Vec<Finding>> {
    let Some(guests) = found(all::<GuestCluster>(client)).await? else {
        return Ok(vec![Finding::warning(
            CHECK,
            "could not be judged: GuestClusters are not served",
        )]);
    };
    let namespaces: BTreeSet<String> = guests.iter().filter_map(kube::ResourceExt::namespace).collect();
    if namespaces.is_empty() {
        return Ok(vec![Finding::ok(
            CHECK,
            "there are no guests yet that anybody could get into",
        )]);
    }
    let rights = Rights {
        cluster_roles: by_name(all(client).await?),
        roles: by_name(all(client).await?),
        cluster_bindings: all(client).await?,
        bindings: all(client).await?,
    };
    Ok(tell(&rights.exposures(&namespaces)))
}

/// All objects of a kind, page by page.
async fn all<K>(client: &Client) -> kube::Result<Vec<K>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let api: Api<K> = Api::all(client.clone());
    let (mut objects, mut parameters) = (Vec::new(), ListParams::default().limit(PAGE));
    loop {
        let page = api.list(&parameters).await?;
        objects.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(objects),
        }
    }
}

fn by_name<K: Resource>(objects: Vec<K>) -> BTreeMap<(String, String), K> {
    let key = |object: &K| (object.namespace().unwrap_or_default(), object.name_any());
    objects.into_iter().map(|object| (key(&object), object)).collect()
}

struct Rights {
    cluster_roles: BTreeMap<(String, String), ClusterRole>,
    roles: BTreeMap<(String, String), Role>,
    cluster_bindings: Vec<ClusterRoleBinding>,
    bindings: Vec<RoleBinding>,
}

/// By what, and where, for each subject.
type Exposures = BTreeMap<String, BTreeSet<(Power, String)>>;

/// What equals admin in guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Power {
    Secrets,
    BootstrapTokens,
    Machines,
}

impl Rights {
    fn exposures(&self, namespaces: &BTreeSet<String>) -> Exposures {
        let mut exposures = Exposures::new();
        let mut add = |subjects: &Option<Vec<Subject>>, powers: &BTreeSet<Power>, place: &str| {
            for subject in subjects.iter().flatten().filter(|subject| !is_of_the_system(subject)) {
                let places = powers.iter().map(|power| (*power, place.to_owned()));
                exposures.entry(name(subject)).or_default().extend(places);
            }
        };
        for binding in &self.cluster_bindings {
            let place = format!("every namespace, by ClusterRoleBinding {}", binding.name_any());
            add(&binding.subjects, &self.powers("", &binding.role_ref), &place);
        }
        for binding in &self.bindings {
            let namespace = binding.namespace().unwrap_or_default();
            if namespaces.contains(&namespace) {
                let place = format!("{namespace}, by RoleBinding {}", binding.name_any());
                add(&binding.subjects, &self.powers(&namespace, &binding.role_ref), &place);
            }
        }
        exposures.retain(|_, powers| !powers.is_empty());
        exposures
    }

    fn powers(&self, namespace: &str, role: &RoleRef) -> BTreeSet<Power> {
        let rules = match role.kind.as_str() {
            "Role" => self
                .roles
                .get(&(namespace.to_owned(), role.name.clone()))
                .map(|role| &role.rules),
            _ => self
                .cluster_roles
                .get(&(String::new(), role.name.clone()))
                .map(|role| &role.rules),
        };
        rules.into_iter().flatten().flatten().flat_map(powers).collect()
    }
}

fn powers(rule: &PolicyRule) -> Vec<Power> {
    let any = |words: &Option<Vec<String>>, wanted: &dyn Fn(&str) -> bool| {
        words.iter().flatten().any(|word| word == "*" || wanted(word))
    };
    let group = |wanted: &dyn Fn(&str) -> bool| any(&rule.api_groups, wanted);
    let resource = |wanted: &dyn Fn(&str) -> bool| any(&rule.resources, wanted);
    let writes = any(&Some(rule.verbs.clone()), &|verb| WRITES.contains(&verb));
    let reads = any(&Some(rule.verbs.clone()), &|verb| {
        ["get", "list", "watch"].contains(&verb)
    });
    let mut powers = Vec::new();
    // Cluster API's are `<cluster>-kubeconfig`, `<cluster>-ca` and the like: a rule for Secrets of other names is about those.
    let names = rule.resource_names.as_deref().unwrap_or_default();
    let reaches_guests = names.is_empty() || names.iter().any(|name| OF_GUESTS.iter().any(|end| name.ends_with(end)));
    if group(&str::is_empty) && resource(&|name| name == "secrets") && (reads || writes) && reaches_guests {
        powers.push(Power::Secrets);
    }
    if group(&|group| group == "bootstrap.cluster.x-k8s.io") && resource(&|name| name == "kubeadmconfigs") && reads {
        powers.push(Power::BootstrapTokens);
    }
    let of_machines = |group: &str| group.ends_with("cluster.x-k8s.io") || group == "vmoperator.vmware.com";
    if group(&of_machines) && writes {
        powers.push(Power::Machines);
    }
    powers
}

/// The control plane's own, our server, and who may do everything anyway.
fn is_of_the_system(subject: &Subject) -> bool {
    match subject.kind.as_str() {
        "ServiceAccount" => matches!(subject.namespace.as_deref(), Some("kube-system" | SYSTEM_NAMESPACE)),
        // What whoever signs in, or any service account, is in.
        _ if subject.name.starts_with("system:serviceaccount") => subject.name.ends_with(":kube-system"),
        _ => {
            let is_anybody = ["system:authenticated", "system:unauthenticated", "system:anonymous"];
            subject.name.starts_with("system:") && !is_anybody.contains(&subject.name.as_str())
        }
    }
}

fn name(subject: &Subject) -> String {
    match &subject.namespace {
        Some(namespace) if subject.kind == "ServiceAccount" => format!("ServiceAccount {namespace}/{}", subject.name),
        _ => format!("{} {}", subject.kind, subject.name),
    }
}

fn tell(exposures: &Exposures) -> Vec<Finding> {
    if exposures.is_empty() {
        return vec![Finding::ok(
            CHECK,
            "nobody has a way into guests past their credentials",
        )];
    }
    let told = exposures.iter().take(TOLD).map(|(subject, powers)| {
        let ways: Vec<String> = powers
            .iter()
            .map(|(power, place)| format!("{power} in {place}"))
            .collect();
        Finding::warning(
            CHECK,
            format!(
                "{subject} may {}: that equals admin in the guests there",
                ways.join("; ")
            ),
        )
    });
    let more = exposures.len().saturating_sub(TOLD);
    let rest = (more > 0).then(|| Finding::warning(CHECK, format!("so may {more} others")));
    told.chain(rest).collect()
}

impl std::fmt::Display for Power {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Secrets => "read or write Secrets",
            Self::BootstrapTokens => "read bootstrap tokens (kubeadmconfigs)",
            Self::Machines => "write objects of Cluster API or VM Operator",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> PolicyRule {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        PolicyRule {
            api_groups: Some(owned(groups)),
            resources: Some(owned(resources)),
            verbs: owned(verbs),
            ..PolicyRule::default()
        }
    }

    #[test]
    fn what_equals_admin_in_guests() {
        assert_eq!(powers(&rule(&[""], &["pods", "secrets"], &["list"])), [Power::Secrets]);
        assert_eq!(powers(&rule(&[""], &["secrets"], &["create"])), [Power::Secrets]);
        assert_eq!(
            powers(&rule(&["*"], &["*"], &["*"])),
            [Power::Secrets, Power::BootstrapTokens, Power::Machines]
        );
        let named = |name: &str| PolicyRule {
            resource_names: Some(vec![name.to_owned()]),
            ..rule(&[""], &["secrets"], &["get"])
        };
        assert_eq!(powers(&named("dev-kubeconfig")), [Power::Secrets]);
        assert_eq!(powers(&named("registry")), []);
        let bootstrap = "bootstrap.cluster.x-k8s.io";
        assert_eq!(
            powers(&rule(&[bootstrap], &["kubeadmconfigs"], &["watch"])),
            [Power::BootstrapTokens]
        );
        assert_eq!(
            powers(&rule(&["cluster.x-k8s.io"], &["machines"], &["patch"])),
            [Power::Machines]
        );
        for harmless in [
            rule(&[""], &["configmaps"], &["*"]),
            rule(&["cluster.x-k8s.io"], &["machines"], &["get", "list", "watch"]),
            rule(&["guestclusters.dev"], &["*"], &["*"]),
        ] {
            assert_eq!(powers(&harmless), [], "{harmless:?}");
        }
    }

    #[test]
    fn who_is_of_the_system() {
        let subject = |kind: &str, name: &str, namespace: Option<&str>| Subject {
            kind: kind.to_owned(),
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            ..Subject::default()
        };
        for (kind, name, namespace) in [
            ("ServiceAccount", "generic-garbage-collector", Some("kube-system")),
            ("ServiceAccount", "guestcluster-apiserver", Some(SYSTEM_NAMESPACE)),
            ("Group", "system:serviceaccounts:kube-system", None),
            ("Group", "system:masters", None),
            ("User", "system:kube-scheduler", None),
        ] {
            assert!(is_of_the_system(&subject(kind, name, namespace)), "{name}");
        }
        for (kind, name, namespace) in [
            ("ServiceAccount", "default", Some("team-a")),
            ("Group", "system:serviceaccounts", None),
            ("Group", "system:serviceaccounts:team-a", None),
            ("User", "system:serviceaccount:team-a:default", None),
            ("Group", "system:authenticated", None),
            ("User", "ana", None),
        ] {
            assert!(!is_of_the_system(&subject(kind, name, namespace)), "{name}");
        }
    }

    #[test]
    fn our_roles_for_users_expose_nothing_and_others_are_named_with_their_place() {
        let objects = |kind: &str| {
            crate::roles::aggregated("guest".parse().unwrap())
                .into_iter()
                .filter(move |object| object["kind"] == kind)
                .collect::<Vec<_>>()
        };
        let parsed: Vec<ClusterRole> = objects("ClusterRole")
            .into_iter()
            .map(|role| serde_json::from_value(role).unwrap())
            .collect();
        let mut cluster_roles = by_name(parsed);
        let reader = json!({"metadata": {"name": "secret-reader"}, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]});
        cluster_roles.insert(
            (String::new(), "secret-reader".to_owned()),
            serde_json::from_value(reader).unwrap(),
        );
        let binding = |namespace: &str, role: &str, subject: &str| -> RoleBinding {
            serde_json::from_value(json!({
                "metadata": {"name": "b", "namespace": namespace},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": subject}],
            }))
            .unwrap()
        };
        let rights = Rights {
            cluster_roles,
            roles: BTreeMap::new(),
            cluster_bindings: Vec::new(),
            bindings: vec![
                binding("team-a", "guestcluster-editor", "ana"),
                binding("team-a", "secret-reader", "ben"),
                binding("without-guests", "secret-reader", "cem"),
                binding("team-a", "secret-reader", "system:kube-scheduler"),
            ],
        };
        let exposures = rights.exposures(&BTreeSet::from(["team-a".to_owned()]));
        let told: Vec<String> = tell(&exposures).into_iter().map(|finding| finding.detail).collect();
        assert_eq!(
            told,
            ["User ben may read or write Secrets in team-a, by RoleBinding b: that equals admin in the guests there"]
        );
        assert!(
            rights.exposures(&BTreeSet::new()).is_empty(),
            "no binding is for everywhere"
        );
    }
}
