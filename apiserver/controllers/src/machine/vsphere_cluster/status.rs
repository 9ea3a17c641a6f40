//! What is true of a VSphereCluster.

use crate::machine::conditions::{Setter, Verdict, no_owner};
use crate::machine::error::Error;
use crate::machine::validate;
use guestcluster_types::upstream::capi::Cluster;
use guestcluster_types::upstream::capv::{VSphereCluster, VSphereClusterStatus, condition};
use guestcluster_types::upstream::{ApiEndpoint, FailureDomain};

/// The status; `zones` is nothing while they are not known, and `failure` why the load balancer or the resource policy could
/// not be written.
pub(super) fn of(
    object: &VSphereCluster,
    endpoint: &ApiEndpoint,
    zones: Option<Vec<FailureDomain>>,
    failure: Option<&Error>,
) -> VSphereClusterStatus {
    let mut status = object.status.clone();
    if let Some(zones) = zones {
        status.failure_domains = zones;
    }
    let host = validate::host(
        "spec.controlPlaneEndpoint.host",
        &object.spec.control_plane_endpoint.host,
    );
    let balancer = if let Err(invalid) = host {
        Verdict::no("InvalidSpec", invalid)
    } else if endpoint.is_known() {
        Verdict::yes("Ready")
    } else if let Some(failure) = failure {
        Verdict::no("NotReady", failure.to_string())
    } else {
        Verdict::no("WaitingForIP", "the load balancer has no address yet")
    };
    if endpoint.is_known() {
        status.initialization.provisioned = Some(true);
    }
    let mut conditions = Setter::new(&mut status.conditions, object.metadata.generation);
    conditions.set(condition::RESOURCE_POLICY_READY, Verdict::yes("Ready"));
    // VMs are attached to a network that is there.
    conditions.set(condition::NETWORK_READY, Verdict::yes("Ready"));
    conditions.set_not_paused();
    conditions.set(condition::LOAD_BALANCER_READY, balancer.clone());
    conditions.set_summary(condition::READY, "Ready", [balancer]);
    status
}

/// No Cluster has it.
pub(super) fn alone(object: &VSphereCluster) -> VSphereClusterStatus {
    let mut status = object.status.clone();
    let mut conditions = Setter::new(&mut status.conditions, object.metadata.generation);
    conditions.set(condition::READY, no_owner::<Cluster>("spec.infrastructureRef"));
    status
}
