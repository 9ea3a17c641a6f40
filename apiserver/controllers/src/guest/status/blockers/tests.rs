use std::sync::Arc;

use guestcluster_types::upstream::{
    capi::{Machine, MachineDeployment},
    capv::VSphereCluster,
};
use serde_json::{Value, json};

use super::*;
use crate::guest::dereference::Layers;

const AT: &str = "2026-01-01T00:00:00Z";

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": AT})
}

fn object<K: serde::de::DeserializeOwned>(object: Value) -> Arc<K> {
    Arc::new(serde_json::from_value(object).unwrap())
}

/// A machine with what each layer says of it; null is an object that there is not.
fn layers(machine: &Value, infrastructure: &Value, vm: &Value) -> Layers {
    let mut layers = Layers::default();
    add(&mut layers, "dev-a", machine, infrastructure, vm);
    layers
}

fn add(layers: &mut Layers, name: &str, machine: &Value, infrastructure: &Value, vm: &Value) {
    let metadata = |of: &Value| {
        let mut metadata = json!({"name": name, "namespace": "team-a"});
        for (key, value) in of["metadata"].as_object().into_iter().flatten() {
            metadata[key] = value.clone();
        }
        metadata
    };
    let spec = json!({"clusterName": "dev", "infrastructureRef": {"kind": "VSphereMachine", "name": name},
        "bootstrap": {"configRef": {"kind": "KubeadmConfig", "name": name}}});
    layers.machines.push(object(
        json!({"metadata": metadata(machine), "spec": spec, "status": machine["status"].as_object().cloned().unwrap_or_default()}),
    ));
    if !infrastructure.is_null() {
        let status = infrastructure["status"].as_object().cloned().unwrap_or_default();
        layers
            .vsphere_machines
            .push(object(json!({"metadata": metadata(infrastructure), "status": status})));
    }
    if !vm.is_null() {
        let mut metadata = metadata(vm);
        metadata["ownerReferences"] =
            json!([{"apiVersion": "x/v1", "kind": "VSphereMachine", "name": name, "uid": "u"}]);
        let spec = vm["spec"].as_object().cloned().unwrap_or_default();
        let status = vm["status"].as_object().cloned().unwrap_or_default();
        layers
            .vms
            .push(object(json!({"metadata": metadata, "spec": spec, "status": status})));
    }
}

fn machines(layers: &Layers) -> impl Iterator<Item = &Machine> {
    layers.machines.iter().map(AsRef::as_ref)
}

/// `VirtualMachine NotFound! message`, with `!` where waiting will not cure it.
fn told(blocker: Option<Blocker>) -> String {
    let Some(blocker) = blocker else {
        return "nothing".to_owned();
    };
    assert!(
        !blocker.advice.is_empty() && !blocker.advice.contains(['{', '}']) || blocker.advice.contains("--type=merge")
    );
    let severe = if blocker.severe { "!" } else { "" };
    format!("{} {}{severe} {}", blocker.object.kind, blocker.reason, blocker.message)
}

fn one(machine: &Value, infrastructure: &Value, vm: &Value) -> String {
    let layers = layers(machine, infrastructure, vm);
    told(worst(&layers, machines(&layers)))
}

/// A VM that is so far, with further conditions.
fn vm(stage: usize, conditions: &[Value]) -> Value {
    let mut all = conditions.to_vec();
    let mut status = json!({});
    if stage > 0 {
        all.push(condition("VirtualMachineCreated", "True", "True", ""));
        status["powerState"] = json!("PoweredOff");
    }
    if stage > 1 {
        status["powerState"] = json!("PoweredOn");
    }
    if stage > 2 {
        status["network"] = json!({"primaryIP4": "10.0.0.9"});
    }
    if stage > 3 {
        status["biosUUID"] = json!("4210");
    }
    status["conditions"] = json!(all);
    json!({"status": status, "spec": {"powerState": "PoweredOn"}})
}

#[test]
fn each_stage_of_a_vm_has_what_it_waits_for() {
    let no = |kind: &str, reason: &str, message: &str| condition(kind, "False", reason, message);
    for (stage, conditions, wanted) in [
        (
            0,
            vec![],
            "VirtualMachine Provisioning waiting for VM dev-a: Provisioning",
        ),
        (
            0,
            vec![no("VirtualMachineCreated", "NotCreated", "later")],
            "VirtualMachine Provisioning waiting for VM dev-a: Provisioning",
        ),
        (
            0,
            vec![
                no("VirtualMachineClassReady", "NotFound", "class huge"),
                no("VirtualMachineCreated", "Error", "x"),
            ],
            "VirtualMachine NotFound! waiting for VM dev-a: NotFound: class huge",
        ),
        (
            0,
            vec![no(
                "VirtualMachineConditionVMSetResourcePolicyReady",
                "NotReady",
                "no folder",
            )],
            "VirtualMachine NotReady! waiting for VM dev-a: NotReady: no folder",
        ),
        (
            0,
            vec![no("VirtualMachineConditionPlacementReady", "NotReady", "")],
            "VirtualMachine NotReady waiting for VM dev-a: NotReady",
        ),
        (
            0,
            vec![no("VirtualMachineCreated", "Error", "disk full")],
            "VirtualMachine Error! waiting for VM dev-a: Error: disk full",
        ),
        (
            0,
            vec![no("Something", "Odd", "new")],
            "VirtualMachine Odd! waiting for VM dev-a: Odd: new",
        ),
        (
            0,
            vec![no("VirtualMachineBackupUpToDate", "Odd", "new")],
            "VirtualMachine Provisioning waiting for VM dev-a: Provisioning",
        ),
        (
            0,
            vec![no("VirtualMachineReconcileReady", "VirtualMachineReconcilePaused", "")],
            "VirtualMachine VirtualMachineReconcilePaused! waiting for VM dev-a: VirtualMachineReconcilePaused",
        ),
        (1, vec![], "VirtualMachine PoweringOn waiting for VM dev-a: PoweringOn"),
        // What was needed to make it is not needed any more.
        (
            1,
            vec![no("VirtualMachineClassReady", "NotFound", "gone")],
            "VirtualMachine PoweringOn waiting for VM dev-a: PoweringOn",
        ),
        (
            1,
            vec![no("VirtualMachinePowerStateSynced", "PowerOnFailed", "no memory")],
            "VirtualMachine PowerOnFailed! waiting for VM dev-a: PowerOnFailed: no memory",
        ),
        (
            2,
            vec![],
            "VirtualMachine WaitingForNetworkAddress waiting for VM dev-a: WaitingForNetworkAddress",
        ),
        (
            2,
            vec![no("VirtualMachineTools", "VirtualMachineToolsNotRunning", "silent")],
            "VirtualMachine VirtualMachineToolsNotRunning waiting for VM dev-a: VirtualMachineToolsNotRunning: silent",
        ),
        // The known gap: bootstrap data that can't be read.
        (
            2,
            vec![
                no("VirtualMachineTools", "VirtualMachineToolsNotRunning", "silent"),
                no("GuestBootstrap", "BootstrapFailed", "not a cloud-config"),
            ],
            "VirtualMachine BootstrapFailed! waiting for VM dev-a: BootstrapFailed: not a cloud-config",
        ),
        (
            2,
            vec![no("GuestCustomization", "GuestCustomizationPending", "")],
            "VirtualMachine WaitingForNetworkAddress waiting for VM dev-a: WaitingForNetworkAddress",
        ),
        (
            3,
            vec![],
            "VirtualMachine WaitingForBIOSUUID waiting for VM dev-a: WaitingForBIOSUUID",
        ),
        (
            4,
            vec![],
            "VSphereMachine WaitingForMachines waiting for VSphereMachine dev-a: WaitingForMachines: it has not taken over what its VM has",
        ),
    ] {
        // What the layers above say is older.
        let stale = json!({"status": {"phase": "Pending", "conditions": [
            condition("VirtualMachineProvisioned", "False", "Provisioning", "")]}});
        let machine = json!({"status": {"conditions": [condition("InfrastructureReady", "False", "NotReady", "")]}});
        assert_eq!(
            one(&machine, &stale, &vm(stage, &conditions)),
            wanted,
            "stage {stage} {conditions:?}"
        );
    }
}

#[test]
fn an_unwell_node_that_nobody_replaces_says_why() {
    let unwell = |checked: &str| {
        json!({"status": {"nodeRef": {"name": "n"}, "conditions": [
            condition("NodeHealthy", "Unknown", "NodeHealthyUnknown", "* Node.Ready: silent"),
            condition("HealthCheckSucceeded", checked, "UnhealthyNode", "")]}})
    };
    let provisioned = json!({"status": {"initialization": {"provisioned": true}}});
    let of = |machine: &Value| layers(machine, &provisioned, &vm(4, &[]));
    let mut layers = of(&unwell("False"));
    let said = |layers: &Layers| told(worst(layers, machines(layers)));
    let plain = "Node NodeHealthyUnknown waiting for node dev-a: NodeHealthyUnknown: Node.Ready: silent";
    assert_eq!(said(&layers), plain);

    let check = |names: &[&str]| {
        object(
            json!({"metadata": {"name": "dev-pool"}, "spec": {"clusterName": "dev", "selector": {}}, "status": {"targets": names,
            "conditions": [condition("RemediationAllowed", "False", "TooManyUnhealthy", "3 of 4 are unwell")]}}),
        )
    };
    layers.health_checks = vec![check(&["dev-b"])];
    assert_eq!(said(&layers), plain);
    layers.health_checks.push(check(&["dev-a"]));
    let kept = "MachineHealthCheck dev-pool does not have it replaced: 3 of 4 are unwell";
    assert_eq!(said(&layers), format!("{plain}; {kept}"));

    let cluster = |status: &str| {
        object(
            json!({"metadata": {"name": "dev"}, "spec": {}, "status": {"conditions": [
            condition("InfrastructureReady", status, "NotReady", "* ServiceDiscoveryReady: no address")]}}),
        )
    };
    layers.cluster = Some(cluster("False"));
    let kept =
        "no health check looks at it while Cluster dev is not InfrastructureReady: ServiceDiscoveryReady: no address";
    assert_eq!(said(&layers), format!("{plain}; {kept}"));
    layers.cluster = Some(cluster("True"));
    layers.health_checks.clear();
    assert_eq!(said(&layers), plain);

    // Not of one that no health check has found unwell yet, nor of one that is not a node yet.
    layers = of(&unwell("True"));
    layers.health_checks.push(check(&["dev-a"]));
    assert_eq!(said(&layers), plain);
    let mut on_its_way = unwell("False");
    on_its_way["status"]["nodeRef"] = Value::Null;
    layers = of(&on_its_way);
    (layers.health_checks, layers.cluster) = (vec![check(&["dev-a"])], Some(cluster("False")));
    assert_eq!(said(&layers), plain.replace("Node Node", "Machine Node"));
}

#[test]
fn above_the_vm_the_lowest_object_that_says_why_is_named() {
    let says = |conditions: Value| json!({"status": {"conditions": conditions}});
    let quota = r#"failed to create or update VirtualMachine: virtualmachines "a" is forbidden: exceeded quota: vms"#;
    let done = json!({"status": {"initialization": {"provisioned": true}}});
    let joined = json!({"status": {"nodeRef": {"name": "n"}, "conditions": [
        condition("Ready", "False", "NotReady", ""), condition("NodeHealthy", "False", "NodeNotHealthy", "* Node.Ready:\n  * silent")]}});
    for (machine, infrastructure, vm, wanted) in [
        (
            json!({}),
            says(json!([condition("VirtualMachineProvisioned", "False", "NotProvisioned", quota)])),
            Value::Null,
            format!("VSphereMachine NotProvisioned! waiting for VM dev-a: NotProvisioned: {quota}"),
        ),
        (
            says(json!([condition("BootstrapConfigReady", "False", "CertificatesCorrupted", "bad")])),
            Value::Null,
            Value::Null,
            "KubeadmConfig CertificatesCorrupted! waiting for VM dev-a: CertificatesCorrupted: bad".to_owned(),
        ),
        (
            says(json!([condition("BootstrapConfigReady", "False", "WaitingForControlPlaneInitialized", "")])),
            Value::Null,
            Value::Null,
            "Machine WaitingForControlPlaneInitialized waiting for VM dev-a: WaitingForControlPlaneInitialized".to_owned(),
        ),
        (json!({}), Value::Null, Value::Null, "Machine WaitingForMachines waiting for VM dev-a".to_owned()),
        (
            says(json!([condition("Paused", "True", "Paused", "Machine has the cluster.x-k8s.io/paused annotation")])),
            Value::Null,
            Value::Null,
            "Machine ObjectPaused! waiting for VM dev-a: ObjectPaused: Machine has the cluster.x-k8s.io/paused annotation".to_owned(),
        ),
        (
            says(json!([condition("NodeHealthy", "Unknown", "NodeDoesNotExist", "")])),
            done.clone(),
            self::vm(4, &[]),
            "Machine NodeDoesNotExist waiting for node dev-a: NodeDoesNotExist".to_owned(),
        ),
        (
            joined,
            done.clone(),
            self::vm(4, &[]),
            "Node NodeNotHealthy waiting for node dev-a: NodeNotHealthy: Node.Ready:; silent".to_owned(),
        ),
        (
            says(json!([condition("NodeHealthy", "Unknown", "NodeDoesNotExist", "")])),
            done,
            self::vm(4, &[condition("GuestBootstrap", "False", "Failed", "kubeadm join: x509")]),
            "VirtualMachine Failed! waiting for VM dev-a: Failed: kubeadm join: x509".to_owned(),
        ),
    ] {
        assert_eq!(one(&machine, &infrastructure, &vm), wanted);
    }
}

#[test]
fn a_vm_that_falls_is_told_before_its_node_is() {
    let ready = json!({"status": {"conditions": [condition("Ready", "True", "Ready", "")]}});
    let mut stopped = vm(4, &[]);
    assert_eq!(one(&ready, &Value::Null, &stopped), "nothing");
    stopped["spec"]["powerState"] = json!("PoweredOff");
    assert_eq!(
        one(&ready, &Value::Null, &stopped),
        "nothing",
        "it is asked for, and still runs"
    );
    stopped["status"]["powerState"] = json!("PoweredOff");
    let wanted = "VirtualMachine PoweredOff! waiting for VM dev-a: PoweredOff: spec.powerState is PoweredOff";
    assert_eq!(one(&ready, &Value::Null, &stopped), wanted);
    stopped["spec"]["powerState"] = json!("PoweredOn");
    let wanted = "VirtualMachine PoweredOff! waiting for VM dev-a: PoweredOff: it is PoweredOff and not PoweredOn";
    assert_eq!(one(&ready, &Value::Null, &stopped), wanted);
    let mut going = vm(4, &[]);
    going["metadata"] = json!({"deletionTimestamp": AT});
    let wanted =
        "VirtualMachine BeingDeleted! waiting for VM dev-a: BeingDeleted: it is being deleted while its machine is not";
    assert_eq!(one(&ready, &Value::Null, &going), wanted);
}

#[test]
fn what_keeps_a_machine_from_going_is_named() {
    let going = |conditions: Value, finalizers: Value| {
        json!({"metadata": {"deletionTimestamp": AT, "finalizers": finalizers},
            "status": {"nodeRef": {"name": "n"}, "conditions": conditions}})
    };
    let drains = going(
        json!([condition("Deleting", "True", "DrainingNode", "* Pod a/b: PDB says no")]),
        json!(["machine.cluster.x-k8s.io"]),
    );
    let hook = going(
        json!([condition("Deleting", "True", "WaitingForPreDrainHook", "hook x")]),
        json!([]),
    );
    let plain = going(json!([]), json!(["machine.cluster.x-k8s.io"]));
    let kept =
        json!({"metadata": {"deletionTimestamp": AT, "finalizers": ["example.com/backup", "guestclusters.dev/vm"]}});
    let going_vm = json!({"metadata": {"deletionTimestamp": AT, "finalizers": ["guestclusters.dev/vm"]}});
    for (machine, vm, wanted) in [
        (
            &drains,
            &Value::Null,
            "Node DrainBlocked! waiting for node dev-a to drain: Pod a/b: PDB says no",
        ),
        (
            &hook,
            &Value::Null,
            "Machine WaitingForPreDrainHook! waiting for machine dev-a to go: WaitingForPreDrainHook: hook x",
        ),
        (&plain, &Value::Null, "Machine RemovingMachines removing dev-a"),
        (&plain, &going_vm, "VirtualMachine RemovingMachines removing VM dev-a"),
        (
            &plain,
            &kept,
            "VirtualMachine KeptByFinalizer! waiting for VM dev-a to go: KeptByFinalizer: it is deleted and kept by finalizer example.com/backup",
        ),
    ] {
        assert_eq!(one(machine, &Value::Null, vm), wanted);
    }
}

#[test]
fn among_several_the_lowest_that_waiting_does_not_cure_is_told_whatever_their_order() {
    let trouble = condition("VirtualMachineConditionPlacementReady", "False", "NotEnough", "no host");
    let bootstrap = json!({"status": {"conditions": [condition("BootstrapConfigReady", "False", "Broken", "bad")]}});
    let waits = json!({"status": {"conditions": [condition("BootstrapConfigReady", "False", "WaitingForX", "")]}});
    let parts = [
        ("dev-a", waits, Value::Null),
        ("dev-b", bootstrap, Value::Null),
        ("dev-c", json!({}), vm(0, std::slice::from_ref(&trouble))),
        ("dev-d", json!({}), vm(0, &[trouble])),
    ];
    let mut layers = Layers::default();
    for (name, machine, vm) in &parts {
        add(&mut layers, name, machine, &Value::Null, vm);
    }
    assert_eq!(
        told(worst(&layers, machines(&layers))),
        "VirtualMachine NotEnough! waiting for VM dev-c: NotEnough: no host"
    );
    layers.vms.reverse();
    assert_eq!(worst(&layers, machines(&layers)).unwrap().object.name, "dev-c");
    let only_waiting = worst(&layers, machines(&layers).take(1)).unwrap();
    assert!(!only_waiting.severe);
    let told = worst(&layers, machines(&layers)).unwrap();
    assert_eq!(told.sentence(0), told.message);
    assert!(told.sentence(1).ends_with("(one other object blocks too)"));
    assert!(told.sentence(2).ends_with("(2 other objects block too)"));
}

#[test]
fn the_load_balancer_speaks_before_what_stands_on_it() {
    let says = |conditions: Value| -> VSphereCluster {
        serde_json::from_value(json!({"metadata": {"name": "dev"}, "status": {"conditions": conditions}})).unwrap()
    };
    let waits = || json!([condition("LoadBalancerReady", "False", "WaitingForIP", "minutes old")]);
    let service = |annotation: Option<&str>, ingress: Value| {
        let annotations = annotation.map(|told| json!({"guestclusters.dev/load-balancer-blocked": told}));
        Some(object(json!({"metadata": {"name": "dev", "annotations": annotations},
            "status": {"loadBalancer": {"ingress": ingress}}})))
    };
    for (conditions, service, wanted) in [
        (
            waits(),
            None,
            "VSphereCluster WaitingForIP waiting for the network of dev: WaitingForIP: minutes old",
        ),
        (
            waits(),
            service(None, json!([])),
            "VirtualMachineService WaitingForIP waiting for VirtualMachineService dev: WaitingForIP: the load balancer has no address yet",
        ),
        (
            waits(),
            service(Some("NoAddress: none is free"), json!([])),
            "VirtualMachineService NoAddress! waiting for VirtualMachineService dev: NoAddress: none is free",
        ),
        (
            waits(),
            service(None, json!([{"hostname": "lb.example.com"}])),
            "VirtualMachineService WaitingForIP! waiting for VirtualMachineService dev: WaitingForIP: the load balancer has host name lb.example.com and no address; only addresses are taken",
        ),
        (
            waits(),
            service(None, json!([{"ip": "10.0.0.1"}])),
            "VSphereCluster WaitingForNetwork waiting for the network of dev: WaitingForNetwork: it has not taken over address 10.0.0.1 of its load balancer yet",
        ),
        (
            json!([condition(
                "ResourcePolicyReady",
                "False",
                "NotReady",
                "pools.x is forbidden: exceeded quota"
            )]),
            service(None, json!([])),
            "VSphereCluster NotReady! waiting for the network of dev: NotReady: pools.x is forbidden: exceeded quota",
        ),
        (
            json!([]),
            None,
            "VSphereCluster WaitingForNetwork waiting for the network and an address",
        ),
    ] {
        let layers = Layers {
            service,
            ..Layers::default()
        };
        assert_eq!(told(Some(network(&layers, &says(conditions)))), wanted);
    }
}

#[test]
fn owners_say_why_they_make_no_machine() {
    let pool: MachineDeployment = serde_json::from_value(json!({"metadata": {"name": "dev-default"}})).unwrap();
    let set = |status: Value| {
        let labels = json!({"cluster.x-k8s.io/deployment-name": "dev-default"});
        let mut layers = Layers::default();
        layers.sets.push(object(
            json!({"metadata": {"name": "dev-default-x", "labels": labels}, "status": status}),
        ));
        told(pool_owner(&layers, &pool))
    };
    let scaling = |message: &str| json!({"conditions": [condition("ScalingUp", "True", "ScalingUp", message)]});
    let deprecated = |reason: &str, message: &str| {
        json!({"deprecated": {"v1beta1": {"conditions": [
            {"type": "MachinesCreated", "status": "False", "severity": "Error", "reason": reason, "message": message, "lastTransitionTime": AT}]}}})
    };
    for (status, wanted) in [
        (json!({}), "nothing"),
        (scaling("Scaling up from 0 to 1 replicas"), "nothing"),
        (
            scaling("Scaling up from 0 to 1 replicas is blocked because:\n* waiting for the control plane"),
            "nothing",
        ),
        (
            scaling("Scaling up from 0 to 1 replicas is blocked because:\n* VSphereMachineTemplate does not exist"),
            "MachineSet MachinesNotCreated! waiting for MachineSet dev-default-x to make a machine: MachinesNotCreated: VSphereMachineTemplate does not exist",
        ),
        (
            scaling("Scaling up from 0 to 1 replicas is blocked: machines is forbidden: exceeded quota: few"),
            "MachineSet MachinesNotCreated! waiting for MachineSet dev-default-x to make a machine: MachinesNotCreated: machines is forbidden: exceeded quota: few",
        ),
        (deprecated("PreflightCheckFailed", "soon"), "nothing"),
        (
            deprecated("MachineCreationFailed", "exceeded quota: few"),
            "MachineSet MachineCreationFailed! waiting for MachineSet dev-default-x to make a machine: MachineCreationFailed: exceeded quota: few",
        ),
    ] {
        assert_eq!(set(status.clone()), wanted, "{status}");
    }
}

#[test]
fn what_is_left_of_a_deleted_guest_is_named() {
    let kept = json!({"metadata": {"name": "dev", "deletionTimestamp": AT, "finalizers": ["example.com/hold"]}});
    let layers = Layers {
        cluster: Some(object(kept)),
        ..Layers::default()
    };
    assert_eq!(
        told(left_behind(&layers)),
        "Cluster KeptByFinalizer! waiting for Cluster dev to go: KeptByFinalizer: it is deleted and kept by finalizer example.com/hold"
    );
    assert_eq!(told(left_behind(&Layers::default())), "nothing");
}
