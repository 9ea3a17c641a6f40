//! What one object of a kind uses, by the names that quotas limit. Pure.

use generic_apiserver::registry::Names;
use serde_json::Value;

use super::{Amounts, pods, resource_quota::Scope};
use crate::quantity::Quantity;

/// Kinds that no quota counts.
const IGNORED: [(&str, &str); 2] = [("", "events"), ("events.k8s.io", "events")];
/// Core kinds that have a name of their own beside `count/...`.
const ALIASED: [&str; 3] = ["configmaps", "resourcequotas", "secrets"];
const LOAD_BALANCERS: &str = "services.loadbalancers";
const NODE_PORTS: &str = "services.nodeports";

/// How the objects of one resource count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meter {
    /// `count/<resource>.<group>`.
    count: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// One is like the other.
    Plain {
        alias: Option<String>,
    },
    Services,
    Pods,
}

impl Meter {
    /// None for a resource that no quota counts.
    pub(super) fn of(names: &Names) -> Option<Meter> {
        if !is_counted(names) {
            return None;
        }
        let kind = match (names.group.as_str(), names.plural.as_str()) {
            ("", "services") => Kind::Services,
            ("", "pods") => Kind::Pods,
            ("", plural) => Kind::Plain {
                alias: ALIASED.contains(&plural).then(|| plural.to_owned()),
            },
            _ => Kind::Plain { alias: None },
        };
        Some(Meter {
            count: format!("count/{}", names.group_resource()),
            kind,
        })
    }

    /// The names under which objects of the resource count.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let others: &[&str] = match &self.kind {
            Kind::Plain { .. } => &[],
            Kind::Services => &["services", LOAD_BALANCERS, NODE_PORTS],
            Kind::Pods => &["pods"],
        };
        let alias = match &self.kind {
            Kind::Plain { alias } => alias.as_deref(),
            _ => None,
        };
        std::iter::once(self.count.as_str())
            .chain(alias)
            .chain(others.iter().copied())
    }

    /// Whether all objects use the same, so that their number says everything.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.kind, Kind::Plain { .. })
    }

    /// What an object uses.
    pub(super) fn usage(&self, object: &Value) -> Amounts {
        let (mut balancers, mut ports) = (0, 0);
        if self.kind == Kind::Services {
            (balancers, ports) = service(&object["spec"]);
        }
        let ended = self.kind == Kind::Pods && pods::has_ended(object, jiff::Timestamp::now());
        let amount = |name: &str| match name {
            LOAD_BALANCERS => balancers,
            NODE_PORTS => ports,
            "pods" => u32::from(!ended),
            _ => 1,
        };
        self.names()
            .map(|name| (name.to_owned(), Quantity::count(amount(name))))
            .collect()
    }

    /// Whether a quota of these scopes counts an object. Only pods have any.
    pub(super) fn is_in(&self, scopes: &[Scope], object: &Value) -> bool {
        scopes
            .iter()
            .all(|scope| self.kind == Kind::Pods && pods::is_in(scope, object))
    }
}

/// Whether quotas count objects of a resource, if it is stored.
pub(super) fn is_counted(names: &Names) -> bool {
    names.namespaced && !IGNORED.contains(&(names.group.as_str(), names.plural.as_str()))
}

/// Whether quotas are asked also about updates of a resource: a service may become a load balancer.
pub(super) fn is_measured(names: &Names) -> bool {
    names.group.is_empty() && names.plural == "services"
}

/// How many load balancers and node ports a service asks for; ports are not allocated yet, so what counts is the intent.
fn service(spec: &Value) -> (u32, u32) {
    let ports = spec["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let chosen = ports
        .iter()
        .filter(|port| port["nodePort"].as_u64().is_some_and(|port| port > 0));
    match spec["type"].as_str() {
        Some("NodePort") => (0, count(ports.len())),
        Some("LoadBalancer") if spec["allocateLoadBalancerNodePorts"] == false => (1, count(chosen.count())),
        Some("LoadBalancer") => (1, count(ports.len())),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn meter(group: &str, plural: &str) -> Option<Meter> {
        Meter::of(&Names {
            group: group.into(),
            version: "v1".into(),
            kind: "X".into(),
            plural: plural.into(),
            singular: "x".into(),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: plural != "nodes",
        })
    }

    fn usage(group: &str, plural: &str, object: &Value) -> String {
        let usage = meter(group, plural).unwrap().usage(object).into_iter();
        usage
            .map(|(name, amount)| format!("{name}={amount}"))
            .collect::<Vec<_>>()
            .join(",")
    }

    #[test]
    fn objects_count_by_their_resource_and_some_by_an_older_name() {
        let any = json!({});
        assert_eq!(
            usage("demo.example.io", "widgets", &any),
            "count/widgets.demo.example.io=1"
        );
        assert_eq!(usage("", "secrets", &any), "count/secrets=1,secrets=1");
        assert_eq!(usage("", "serviceaccounts", &any), "count/serviceaccounts=1");
        assert_eq!(
            usage("demo.example.io", "secrets", &any),
            "count/secrets.demo.example.io=1"
        );
        for (group, plural) in [("", "events"), ("events.k8s.io", "events"), ("", "nodes")] {
            assert_eq!(meter(group, plural), None, "{group}/{plural}");
        }
    }

    #[test]
    fn services_use_what_their_type_asks_for() {
        let of = |spec: Value| usage("", "services", &json!({"spec": spec}));
        let all = |balancers, ports| {
            format!("count/services=1,services=1,services.loadbalancers={balancers},services.nodeports={ports}")
        };
        let ports = json!([{"port": 1}, {"port": 2, "nodePort": 30000}]);
        assert_eq!(of(json!({"ports": ports})), all(0, 0));
        assert_eq!(of(json!({"type": "NodePort", "ports": ports})), all(0, 2));
        assert_eq!(of(json!({"type": "LoadBalancer", "ports": ports})), all(1, 2));
        let chosen = json!({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": ports});
        assert_eq!(of(chosen), all(1, 1));
    }

    #[test]
    fn a_pod_that_has_ended_is_still_an_object() {
        assert_eq!(
            usage("", "pods", &json!({"status": {"phase": "Running"}})),
            "count/pods=1,pods=1"
        );
        assert_eq!(
            usage("", "pods", &json!({"status": {"phase": "Failed"}})),
            "count/pods=1,pods=0"
        );
    }

    #[test]
    fn only_pods_are_in_a_scope() {
        let scope = [Scope {
            name: "NotTerminating".into(),
            operator: "Exists".into(),
            values: Vec::new(),
        }];
        assert!(meter("", "pods").unwrap().is_in(&scope, &json!({})));
        assert!(!meter("", "secrets").unwrap().is_in(&scope, &json!({})));
        assert!(meter("", "secrets").unwrap().is_in(&[], &json!({})));
    }
}
