//! Node pools: names, labels, taints, rollout.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::{
    Problem, ProblemKind,
    names::{DNS_1123, LABEL_KEY, LABEL_VALUE, is_dns_1123, is_label_key, is_label_value},
};
use crate::{
    NodePool, NodePoolRollout,
    names::{CLUSTER_AND_POOL_MAX, RESERVED_POOL},
};

pub(super) fn pools(cluster: &str, pools: &[NodePool]) -> Vec<Problem> {
    let mut problems = vec![];
    let mut seen = BTreeSet::new();
    for (index, pool) in pools.iter().enumerate() {
        let path = format!("spec.topology.nodePools[{index}]");
        if !seen.insert(&pool.name) {
            problems.push(duplicate(&path, pool));
        }
        problems.extend(name(&path, cluster, &pool.name));
        problems.extend(labels(&path, pool));
        problems.extend(taints(&path, pool));
        problems.extend(rollout(&path, &pool.rollout));
    }
    problems
}

fn duplicate(path: &str, pool: &NodePool) -> Problem {
    Problem {
        field: format!("{path}.name"),
        value: Some(json!(pool.name)),
        kind: ProblemKind::Duplicate,
        detail: "another pool has this name".to_owned(),
    }
}

fn name(path: &str, cluster: &str, pool: &str) -> Option<Problem> {
    let field = format!("{path}.name");
    if pool == RESERVED_POOL {
        return Some(Problem::invalid(
            field,
            pool,
            "is reserved for the control plane; any other DNS label is accepted",
        ));
    }
    if !is_dns_1123(pool) {
        return Some(Problem::invalid(field, pool, format!("must be {DNS_1123}")));
    }
    let together = cluster.len() + pool.len();
    if together > CLUSTER_AND_POOL_MAX {
        let room = CLUSTER_AND_POOL_MAX.saturating_sub(cluster.len());
        let detail = format!(
            "has with the cluster's name {together} characters; at most {CLUSTER_AND_POOL_MAX} are accepted, so {room} for this pool"
        );
        return Some(Problem::invalid(field, pool, detail));
    }
    None
}

fn labels(path: &str, pool: &NodePool) -> Vec<Problem> {
    let field = format!("{path}.labels");
    let mut problems = vec![];
    for (key, value) in &pool.labels {
        if !is_label_key(key) {
            problems.push(Problem::invalid(&field, key.as_str(), format!("must be {LABEL_KEY}")));
        } else if !may_label_itself(key) {
            problems.push(Problem::invalid(&field, key.as_str(), RESTRICTED_KEY));
        }
        if !is_label_value(value) {
            problems.push(Problem::invalid(
                format!("{field}[{key}]"),
                value.as_str(),
                format!("must be {LABEL_VALUE}"),
            ));
        }
    }
    problems
}

const RESTRICTED_KEY: &str = "is in a domain that nodes may not set; of kubernetes.io and k8s.io only node.kubernetes.io, \
     kubelet.kubernetes.io, node-role.kubernetes.io, node-restriction.kubernetes.io and node.cluster.x-k8s.io are accepted";

/// Whether a node gets the label: from its kubelet, or from its Machine in the domains that Cluster API copies.
fn may_label_itself(key: &str) -> bool {
    let Some((domain, _)) = key.split_once('/') else {
        return true;
    };
    let within = |parent: &str| domain == parent || domain.ends_with(&format!(".{parent}"));
    let open = [
        "node.kubernetes.io",
        "kubelet.kubernetes.io",
        "node-role.kubernetes.io",
        "node-restriction.kubernetes.io",
        "node.cluster.x-k8s.io",
    ];
    !(within("kubernetes.io") || within("k8s.io")) || open.iter().any(|parent| within(parent))
}

fn taints(path: &str, pool: &NodePool) -> Vec<Problem> {
    let mut problems = vec![];
    for (index, taint) in pool.taints.iter().enumerate() {
        let field = format!("{path}.taints[{index}]");
        if !is_label_key(&taint.key) {
            problems.push(Problem::invalid(
                format!("{field}.key"),
                taint.key.as_str(),
                format!("must be {LABEL_KEY}"),
            ));
        }
        if let Some(value) = taint.value.as_deref().filter(|value| !is_label_value(value)) {
            problems.push(Problem::invalid(
                format!("{field}.value"),
                value,
                format!("must be {LABEL_VALUE}"),
            ));
        }
    }
    problems
}

fn rollout(path: &str, rollout: &NodePoolRollout) -> Vec<Problem> {
    let fields = [
        ("maxSurge", &rollout.max_surge),
        ("maxUnavailable", &rollout.max_unavailable),
    ];
    let mut problems: Vec<_> = (fields.iter())
        .filter(|(_, amount)| value_of(amount).is_none())
        .map(|(field, amount)| {
            let detail = "must be a number from 0 on, or a percentage from \"0%\" to \"100%\"";
            Problem::invalid(format!("{path}.rollout.{field}"), json!(amount), detail)
        })
        .collect();
    if value_of(&rollout.max_surge) == Some(0) && value_of(&rollout.max_unavailable) == Some(0) {
        let detail = "can't be 0 while maxSurge is 0: no node could ever be replaced; set one of them to 1 or more";
        problems.push(Problem::invalid(
            format!("{path}.rollout.maxUnavailable"),
            json!(rollout.max_unavailable),
            detail,
        ));
    }
    problems
}

fn value_of(amount: &IntOrString) -> Option<i32> {
    match amount {
        IntOrString::Int(number) => (*number >= 0).then_some(*number),
        IntOrString::String(text) => {
            let digits = text.strip_suffix('%')?;
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|percent| plain && *percent <= 100)
        }
    }
}
