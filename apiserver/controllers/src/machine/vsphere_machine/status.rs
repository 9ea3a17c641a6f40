//! What is true of a VSphereMachine: how far its VM is, and what keeps it from the next step.

use super::{Parts, build};
use crate::machine::conditions::{Setter, Verdict};
use crate::machine::context::has_infrastructure;
use crate::machine::error::Error;
use guestcluster_types::upstream::capv::{VSphereMachine, VSphereMachineStatus, condition};
use guestcluster_types::upstream::vmoperator::{self, VirtualMachine};
use guestcluster_types::upstream::{HasConditions, MachineAddress};

pub(super) fn of(parts: &Parts, failure: Option<&Error>) -> VSphereMachineStatus {
    let mut status = parts.object.status.clone();
    let (phase, verdict) = progress(parts, failure);
    status.phase = Some(phase.to_owned());
    if let Some(vm) = &parts.vm {
        status.bios_uuid.clone_from(&vm.status.bios_uuid);
        status.failure_domain.clone_from(&vm.status.zone);
        status.addresses = address(vm)
            .map(|address| MachineAddress {
                type_: "InternalIP".to_owned(),
                address,
            })
            .into_iter()
            .collect();
    }
    if verdict.is_true() {
        status.initialization.provisioned = Some(true);
    }
    let mut conditions = Setter::new(&mut status.conditions, parts.object.metadata.generation);
    conditions.set(condition::VIRTUAL_MACHINE_PROVISIONED, verdict.clone());
    conditions.set_summary(condition::READY, "Ready", [verdict]);
    conditions.set_not_paused();
    status
}

pub(super) fn deleting(object: &VSphereMachine) -> VSphereMachineStatus {
    let mut status = object.status.clone();
    status.phase = Some("Deleting".to_owned());
    let verdict = Verdict::no("Deleting", "the VM is being deleted");
    let mut conditions = Setter::new(&mut status.conditions, object.metadata.generation);
    conditions.set(condition::VIRTUAL_MACHINE_PROVISIONED, verdict.clone());
    conditions.set(condition::READY, verdict);
    status
}

/// No Machine has it, or no Cluster has that.
pub(super) fn alone(object: &VSphereMachine, missing: Verdict) -> VSphereMachineStatus {
    let mut status = object.status.clone();
    let mut conditions = Setter::new(&mut status.conditions, object.metadata.generation);
    conditions.set(condition::VIRTUAL_MACHINE_PROVISIONED, missing.clone());
    conditions.set(condition::READY, missing);
    status
}

/// Phase, and the step that is not done yet.
fn progress(parts: &Parts, failure: Option<&Error>) -> (&'static str, Verdict) {
    if let Some(failure) = failure {
        return ("Error", Verdict::no("VirtualMachineNotWritten", failure.to_string()));
    }
    let Some(vm) = &parts.vm else {
        return ("Pending", waiting(parts));
    };
    if !vm.is_true(vmoperator::condition::CREATED) {
        return (
            "Pending",
            blocked(vm).unwrap_or_else(|| Verdict::no("Provisioning", "the VM is being created")),
        );
    }
    let stuck = || blocked(vm);
    if vm.status.power_state.as_deref() != Some("PoweredOn") {
        return (
            "Created",
            stuck().unwrap_or_else(|| Verdict::no("PoweringOn", "the VM is being powered on")),
        );
    }
    if address(vm).is_none() {
        let verdict = Verdict::no("WaitingForNetworkAddress", "the VM has no address yet");
        return ("PoweredOn", stuck().unwrap_or(verdict));
    }
    if build::provider_id(vm).is_none() {
        return (
            "PoweredOn",
            Verdict::no("WaitingForBIOSUUID", "the VM has no identity yet"),
        );
    }
    ("Ready", Verdict::yes("Provisioned"))
}

fn waiting(parts: &Parts) -> Verdict {
    if !has_infrastructure(&parts.cluster) {
        return Verdict::no(
            "WaitingForClusterInfrastructureReady",
            "the cluster's load balancer has no address yet",
        );
    }
    if parts.machine.spec.bootstrap.data_secret_name.is_none() {
        return Verdict::no("WaitingForBootstrapData", "the bootstrap data does not exist yet");
    }
    Verdict::no("Provisioning", "the VM is being created")
}

/// The first of the VM's conditions that says what is wrong, in its own words.
fn blocked(vm: &VirtualMachine) -> Option<Verdict> {
    let known = vmoperator::condition::PREREQUISITES
        .iter()
        .filter_map(|type_| vm.condition(type_));
    let all = known.chain(vm.conditions());
    let first = all
        .into_iter()
        .find(|condition| condition.status == "False" && !condition.reason.is_empty())?;
    Some(Verdict::no(&first.reason, first.message.clone()))
}

fn address(vm: &VirtualMachine) -> Option<String> {
    let network = vm.status.network.as_ref()?;
    let address = network.primary_ip4.as_ref().or(network.primary_ip6.as_ref());
    address.filter(|address| !address.is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use guestcluster_types::upstream::capi::{Cluster, Machine};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn parts(vm: Option<Value>) -> Parts {
        let cluster: Cluster = serde_json::from_value(json!({
            "metadata": {"name": "dev"}, "spec": {"controlPlaneEndpoint": {"host": "10.0.0.1", "port": 6443}},
            "status": {"initialization": {"infrastructureProvisioned": true}},
        }))
        .unwrap();
        let machine: Machine = serde_json::from_value(json!({
            "metadata": {"name": "dev-cp-a", "namespace": "team-a", "labels": {"cluster.x-k8s.io/control-plane": ""}},
            "spec": {"clusterName": "dev", "bootstrap": {"dataSecretName": "dev-cp-a"}},
        }))
        .unwrap();
        let object: VSphereMachine = serde_json::from_value(json!({
            "metadata": {"name": "dev-cp-a", "namespace": "team-a", "uid": "u"},
            "spec": {"className": "small", "imageName": "img", "storageClass": "gold"},
        }))
        .unwrap();
        let vm = vm.map(|status| {
            Arc::new(serde_json::from_value(json!({"metadata": {"name": "dev-cp-a"}, "status": status})).unwrap())
        });
        Parts {
            object: Arc::new(object),
            machine: Arc::new(machine),
            cluster: Arc::new(cluster),
            vm,
        }
    }

    fn reason(vm: Value) -> (String, String) {
        let status = of(&parts(Some(vm)), None);
        let condition = status
            .conditions
            .iter()
            .find(|condition| condition.type_ == "VirtualMachineProvisioned")
            .unwrap();
        (status.phase.unwrap(), condition.reason.clone())
    }

    #[test]
    fn the_steps_are_those_of_capv() {
        let created = json!({"type": "VirtualMachineCreated", "status": "True", "reason": "True", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let step = |phase: &str, reason: &str| (phase.to_owned(), reason.to_owned());
        assert_eq!(reason(json!({})), step("Pending", "Provisioning"));
        assert_eq!(reason(json!({"conditions": [created]})), step("Created", "PoweringOn"));
        let on = json!({"conditions": [created], "powerState": "PoweredOn"});
        assert_eq!(reason(on.clone()), step("PoweredOn", "WaitingForNetworkAddress"));
        let mut addressed = on;
        addressed["network"] = json!({"primaryIP4": "10.0.0.7"});
        assert_eq!(reason(addressed.clone()), step("PoweredOn", "WaitingForBIOSUUID"));
        addressed["biosUUID"] = json!("4210");
        assert_eq!(reason(addressed.clone()), step("Ready", "Provisioned"));
        let status = of(&parts(Some(addressed)), None);
        assert_eq!(status.addresses[0].address, "10.0.0.7");
        assert_eq!(status.initialization.provisioned, Some(true));
    }

    #[test]
    fn what_is_wrong_with_the_vm_is_said_in_its_words() {
        let at = "2026-01-01T00:00:00Z";
        let parts = parts(Some(json!({"conditions": [
            {"type": "VirtualMachineCreated", "status": "False", "reason": "Error", "message": "later", "lastTransitionTime": at},
            {"type": "VirtualMachineClassReady", "status": "False", "reason": "NotFound", "message": "class \"huge\" is missing", "lastTransitionTime": at},
        ]})));
        let status = of(&parts, None);
        let ready = status
            .conditions
            .iter()
            .find(|condition| condition.type_ == "Ready")
            .unwrap();
        assert_eq!(
            (ready.reason.as_str(), ready.message.as_str()),
            ("NotFound", "class \"huge\" is missing")
        );
    }

    #[test]
    fn the_vm_is_the_one_that_capv_writes() {
        let vm = build::virtual_machine(&parts(None), "dev-cp-a", false);
        assert_eq!(
            serde_json::to_value(vm).unwrap(),
            json!({
                "apiVersion": "vmoperator.vmware.com/v1alpha5", "kind": "VirtualMachine",
                "metadata": {
                    "name": "dev-cp-a", "namespace": "team-a",
                    "labels": {
                        "capv.vmware.com/cluster.name": "dev", "capv.vmware.com/cluster.role": "controlplane",
                        "capw.vmware.com/cluster.name": "dev", "capw.vmware.com/cluster.role": "controlplane",
                        "cluster.x-k8s.io/cluster-name": "dev",
                    },
                    "annotations": {"vsphere-cluster-module-group": "control-plane-group", "vsphere-tag": "CtrlVmVmAATag"},
                    "ownerReferences": [{
                        "apiVersion": "vmware.infrastructure.cluster.x-k8s.io/v1beta2", "kind": "VSphereMachine", "name": "dev-cp-a",
                        "uid": "u", "controller": true, "blockOwnerDeletion": true,
                    }],
                },
                "spec": {
                    "bootstrap": {"cloudInit": {"rawCloudConfig": {"name": "dev-cp-a", "key": "user-data"}}},
                    "className": "small", "imageName": "img", "storageClass": "gold",
                    "powerState": "PoweredOn", "powerOffMode": "Hard", "reserved": {"resourcePolicyName": "dev"},
                },
            })
        );
    }
}
