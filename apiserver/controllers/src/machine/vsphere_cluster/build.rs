//! What a VSphereCluster is made into.

use super::owned;
use guestcluster_types::upstream::capi::Cluster;
use guestcluster_types::upstream::capv::{self, VSphereCluster};
use guestcluster_types::upstream::topology::AvailabilityZone;
use guestcluster_types::upstream::vmoperator::{
    ResourceAmounts, ResourcePool, VirtualMachineService, VirtualMachineServicePort, VirtualMachineServiceSpec,
    VirtualMachineSetResourcePolicy, VirtualMachineSetResourcePolicySpec,
};
use guestcluster_types::upstream::{ApiEndpoint, FailureDomain};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The group that keeps control-plane VMs apart.
pub(crate) const CONTROL_PLANE_GROUP: &str = "control-plane-group";

/// The group that keeps a cluster's worker VMs apart.
pub(crate) fn worker_group(cluster: &str) -> String {
    format!("{cluster}-workers-0")
}

/// Port of the load balancer.
const API_PORT: i32 = 6443;

/// Labels that the VMs of a cluster have in one role.
pub(crate) fn role_labels(cluster: &str, role: &str) -> BTreeMap<String, String> {
    let pairs = [
        (capv::CLUSTER_NAME_LABEL, cluster),
        (capv::CLUSTER_ROLE_LABEL, role),
        (capv::LEGACY_CLUSTER_NAME_LABEL, cluster),
        (capv::LEGACY_CLUSTER_ROLE_LABEL, role),
    ];
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Resource pool, folder and anti-affinity groups, without limits.
pub(super) fn policy(object: &VSphereCluster, cluster: &Cluster) -> VirtualMachineSetResourcePolicy {
    let name = cluster.name_any();
    let none = || ResourceAmounts {
        cpu: Some(Quantity("0".to_owned())),
        memory: Some(Quantity("0".to_owned())),
    };
    let groups = vec![CONTROL_PLANE_GROUP.to_owned(), worker_group(&name)];
    let spec = VirtualMachineSetResourcePolicySpec {
        resource_pool: ResourcePool {
            name: Some(name.clone()),
            reservations: none(),
            limits: none(),
        },
        folder: Some(name.clone()),
        cluster_module_groups: groups,
    };
    let mut policy = VirtualMachineSetResourcePolicy::new(&name, spec);
    policy.metadata = owned(object, &name);
    policy
}

/// The load balancer in front of the control plane.
pub(super) fn service(object: &VSphereCluster, cluster: &Cluster) -> VirtualMachineService {
    let name = cluster.name_any();
    let target_port = cluster.spec.cluster_network.api_server_port.unwrap_or(API_PORT);
    let port = VirtualMachineServicePort {
        name: "apiserver".to_owned(),
        protocol: "TCP".to_owned(),
        port: API_PORT,
        target_port,
    };
    let spec = VirtualMachineServiceSpec {
        type_: "LoadBalancer".to_owned(),
        ports: vec![port],
        selector: role_labels(&name, capv::ROLE_CONTROL_PLANE),
    };
    let mut service = VirtualMachineService::new(&name, spec);
    service.metadata = owned(object, &name);
    service
}

/// The load balancer's address. Host names are not used, as in CAPV.
pub(super) fn address(service: &VirtualMachineService) -> Option<String> {
    service
        .status
        .load_balancer
        .ingress
        .iter()
        .find_map(|ingress| ingress.ip.clone())
        .filter(|ip| !ip.is_empty())
}

/// The endpoint: once known it stays, because certificates and kubeconfigs name it.
pub(super) fn endpoint(object: &VSphereCluster, cluster: &Cluster, address: Option<String>) -> ApiEndpoint {
    let chosen = [
        &object.spec.control_plane_endpoint,
        &cluster.spec.control_plane_endpoint,
    ];
    if let Some(endpoint) = chosen.into_iter().find(|endpoint| endpoint.is_known()) {
        return endpoint.clone();
    }
    address
        .map(|host| ApiEndpoint { host, port: API_PORT })
        .unwrap_or_default()
}

/// Every zone, by name, for control planes too, as in CAPV.
pub(super) fn failure_domains(zones: &[Arc<AvailabilityZone>]) -> Vec<FailureDomain> {
    let domain = |zone: &Arc<AvailabilityZone>| FailureDomain {
        name: zone.name_any(),
        control_plane: Some(true),
        attributes: BTreeMap::new(),
    };
    let mut domains: Vec<_> = zones.iter().map(domain).collect();
    domains.sort_by(|one, other| one.name.cmp(&other.name));
    domains
}

#[cfg(test)]
mod tests {
    use super::*;
    use guestcluster_types::upstream::capi::ClusterSpec;
    use guestcluster_types::upstream::capv::VSphereClusterSpec;
    use serde_json::json;

    fn objects() -> (VSphereCluster, Cluster) {
        let mut object = VSphereCluster::new("dev", VSphereClusterSpec::default());
        object.metadata.uid = Some("u".to_owned());
        object.metadata.namespace = Some("team-a".to_owned());
        (object, Cluster::new("dev", ClusterSpec::default()))
    }

    #[test]
    fn the_policy_and_the_service_are_those_that_capv_writes() {
        let (object, cluster) = objects();
        let owners = json!([{
            "apiVersion": "vmware.infrastructure.cluster.x-k8s.io/v1beta2", "kind": "VSphereCluster", "name": "dev", "uid": "u",
        }]);
        assert_eq!(
            serde_json::to_value(policy(&object, &cluster)).unwrap(),
            json!({
                "apiVersion": "vmoperator.vmware.com/v1alpha5",
                "kind": "VirtualMachineSetResourcePolicy",
                "metadata": {"name": "dev", "namespace": "team-a", "ownerReferences": owners},
                "spec": {
                    "clusterModuleGroups": ["control-plane-group", "dev-workers-0"],
                    "folder": "dev",
                    "resourcePool": {"name": "dev", "limits": {"cpu": "0", "memory": "0"}, "reservations": {"cpu": "0", "memory": "0"}},
                },
            })
        );
        assert_eq!(
            serde_json::to_value(service(&object, &cluster)).unwrap(),
            json!({
                "apiVersion": "vmoperator.vmware.com/v1alpha5",
                "kind": "VirtualMachineService",
                "metadata": {"name": "dev", "namespace": "team-a", "ownerReferences": owners},
                "spec": {
                    "type": "LoadBalancer",
                    "ports": [{"name": "apiserver", "port": 6443, "protocol": "TCP", "targetPort": 6443}],
                    "selector": {
                        "capv.vmware.com/cluster.name": "dev", "capv.vmware.com/cluster.role": "controlplane",
                        "capw.vmware.com/cluster.name": "dev", "capw.vmware.com/cluster.role": "controlplane",
                    },
                },
            })
        );
    }

    #[test]
    fn every_zone_is_a_failure_domain_in_order() {
        let zones = ["b", "a"].map(|name| Arc::new(AvailabilityZone::new(name, Default::default())));
        assert_eq!(
            serde_json::to_value(failure_domains(&zones)).unwrap(),
            json!([{"name": "a", "controlPlane": true}, {"name": "b", "controlPlane": true}])
        );
    }

    #[test]
    fn an_endpoint_stays_once_it_is_known() {
        let (mut object, cluster) = objects();
        assert!(!endpoint(&object, &cluster, None).is_known());
        let first = endpoint(&object, &cluster, Some("10.0.0.1".to_owned()));
        assert_eq!(first.to_string(), "10.0.0.1:6443");
        object.spec.control_plane_endpoint = first.clone();
        assert_eq!(endpoint(&object, &cluster, Some("10.0.0.2".to_owned())), first);
    }
}
