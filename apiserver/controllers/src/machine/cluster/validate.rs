//! What of a Cluster's spec cannot be done, beyond what its schema refuses. Pure.

use crate::machine::validate;
use guestcluster_types::upstream::capi::Cluster;
use guestcluster_types::validation::{Problem, networks};
use kube::ResourceExt;

/// What Cluster API takes where nobody says it.
const DOMAIN: &str = "cluster.local";

/// Why the spec can't be followed, by the field and what is accepted.
pub(crate) fn cluster(cluster: &Cluster) -> Result<(), String> {
    name(cluster)?;
    let network = &cluster.spec.cluster_network;
    let (pods, services) = (&network.pods.cidr_blocks, &network.services.cidr_blocks);
    let domain = network.service_domain.as_deref().unwrap_or(DOMAIN);
    let problems = networks("spec.clusterNetwork", pods, services, domain);
    if let Some(problem) = problems.first() {
        return Err(Problem::to_string(problem));
    }
    validate::host(
        "spec.controlPlaneEndpoint.host",
        &cluster.spec.control_plane_endpoint.host,
    )
}

/// Everything of a Cluster has its name as a label.
pub(super) fn name(cluster: &Cluster) -> Result<(), String> {
    validate::name(&cluster.name_any(), 0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn refused(name: &str, spec: Value) -> String {
        let object = json!({"metadata": {"name": name}, "spec": spec});
        super::cluster(&serde_json::from_value(object).unwrap())
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_done_is_named_with_what_can() {
        let network = |network: Value| json!({ "clusterNetwork": network });
        let blocks = |blocks: Value| json!({ "cidrBlocks": blocks });
        for (spec, told) in [
            (json!({}), ""),
            (
                network(json!({"pods": blocks(json!(["10.0.0.1/16", "fd00::/48"]))})),
                "",
            ),
            (
                network(json!({"pods": blocks(json!(["10.0.0.0/99"]))})),
                "spec.clusterNetwork.pods.cidrBlocks[0] is \"10.0.0.0/99\": must be a block",
            ),
            (
                network(json!({"services": blocks(json!(["10.0.0.0/16", "10.1.0.0/16"]))})),
                "spec.clusterNetwork.services.cidrBlocks is [\"10.0.0.0/16\",\"10.1.0.0/16\"]: two blocks must be one of IPv4",
            ),
            (
                network(json!({"pods": blocks(json!(["10.0.0.0/8"])), "services": blocks(json!(["10.96.0.0/12"]))})),
                "spec.clusterNetwork.services.cidrBlocks[0] is \"10.96.0.0/12\": overlaps 10.0.0.0/8 of spec.clusterNetwork.pods",
            ),
            (
                network(json!({"serviceDomain": "Cluster Local"})),
                "spec.clusterNetwork.serviceDomain is \"Cluster Local\": must be a DNS name",
            ),
            (
                json!({"controlPlaneEndpoint": {"host": "https://api", "port": 6443}}),
                "spec.controlPlaneEndpoint.host is \"https://api\": accepted is",
            ),
        ] {
            let message = refused("dev", spec.clone());
            assert!(
                message.contains(told) && message.is_empty() == told.is_empty(),
                "{spec}: {message}"
            );
        }
        let long = refused(&"a".repeat(64), json!({}));
        assert!(
            long.starts_with("metadata.name has 64 characters: accepted are 63"),
            "{long}"
        );
    }
}
