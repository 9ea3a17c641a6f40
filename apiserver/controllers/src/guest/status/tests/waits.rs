//! What is said while something is in the way.

use super::*;

#[test]
fn the_reason_of_a_vm_reaches_the_top() {
    let mut world = World::running();
    let message = r#"class "huge" is not in namespace team-a"#;
    world.machine("dev-default-c", Some("dev-default"), "v1.34.2");
    world.vm_waits("dev-default-c", "Pending", "VirtualMachineClassNotFound", message);
    world.scale_pool(3);
    let status = world.reconcile();
    let wanted = format!("waiting for VM dev-default-c: VirtualMachineClassNotFound: {message}");
    assert_eq!(ready(&status), format!("False VirtualMachineClassNotFound: {wanted}"));
    assert_eq!(status.message, Some(wanted));
    assert!(types::is_true(&status.conditions, types::CONTROL_PLANE_READY));
}

#[test]
fn what_waiting_will_not_cure_is_said_first() {
    let mut world = World::running();
    for name in ["dev-cp-a", "dev-cp-b"] {
        world.vm_waits(name, "Created", "PoweringOn", "");
    }
    world.vm_waits("dev-cp-b", "Pending", "NotEnoughResources", "no host has 64 GiB left");
    world.count();
    let status = world.reconcile();
    assert_eq!(
        ready(&status),
        "False NotEnoughResources: waiting for VM dev-cp-b: NotEnoughResources: no host has 64 GiB left"
    );
    assert_eq!(
        (status.phase, steps(&status).as_str()),
        (Some(Phase::Running), "Create 10/10 login"),
        "no operation was asked for"
    );
}

#[test]
fn a_node_that_fails_by_itself_is_no_operation() {
    let mut world = World::running();
    world.machine_named("dev-default-a").status.conditions = vec![
        condition("Ready", "False", "NotReady", ""),
        condition(
            "NodeHealthy",
            "False",
            "NodeNotHealthy",
            "kubelet stopped posting status",
        ),
    ];
    world.count();
    let status = world.reconcile();
    assert_eq!(
        (steps(&status).as_str(), status.phase),
        ("Create 10/10 login", Some(Phase::Running))
    );
    assert_eq!(
        ready(&status),
        "False NodeNotHealthy: waiting for node dev-default-a: NodeNotHealthy: kubelet stopped posting status"
    );
}

#[test]
fn what_blocks_is_said_and_what_runs_goes_on() {
    let taken = Blocked {
        condition: READY,
        reason: "NameTaken",
        message: "Cluster dev exists".to_owned(),
        object: None,
        terminal: true,
    };
    let mut world = World {
        blocked: Some(taken),
        ..World::new()
    };
    let status = world.reconcile();
    assert_eq!(
        (status.phase, ready(&status).as_str()),
        (Some(Phase::Failed), "False NameTaken: Cluster dev exists")
    );
    assert_eq!(steps(&status), "Create 0/10 spec accepted");
    let unresolved = Blocked {
        condition: types::DISTRIBUTION_RESOLVED,
        reason: types::reasons::NO_RELEASE,
        message: "no release fits v1.36".to_owned(),
        object: None,
        terminal: false,
    };
    let mut world = World {
        blocked: Some(unresolved.clone()),
        ..World::new()
    };
    let status = world.reconcile();
    assert_eq!(status.phase, Some(Phase::Pending));
    assert_eq!(
        find(&status.conditions, types::DISTRIBUTION_RESOLVED).unwrap().message,
        "no release fits v1.36"
    );
    let mut world = World {
        blocked: Some(unresolved),
        ..World::running()
    };
    let status = world.reconcile();
    assert_eq!(
        (status.phase, steps(&status).as_str()),
        (Some(Phase::Running), "Create 10/10 login")
    );
    assert_eq!(
        status.distribution.unwrap().version.as_deref(),
        Some("v1.34.2"),
        "what runs is not forgotten"
    );
}

#[test]
fn a_pause_is_said_and_starts_nothing() {
    let mut world = World::running();
    world.scale_pool(7);
    world.guest.spec.paused = true;
    let status = world.reconcile();
    assert_eq!(
        status.message.as_deref(),
        Some("paused: nothing is changed until spec.paused is false")
    );
    assert_eq!(status.phase, Some(Phase::Running));
}

#[test]
fn while_nothing_can_be_read_all_else_stays_as_it_was_known() {
    let mut world = World::running();
    let known = world.reconcile();
    world.guest.status = Some(known.clone());
    let blocked = Blocked {
        condition: READY,
        reason: types::reasons::KIND_MISSING,
        message: "this supervisor does not serve Cluster".to_owned(),
        object: None,
        terminal: false,
    };
    let told = unread(&world.guest, &blocked, Timestamp::UNIX_EPOCH);
    assert_eq!(
        ready(&told),
        "False KindNotServed: this supervisor does not serve Cluster"
    );
    assert_eq!(told.message.as_deref(), Some("this supervisor does not serve Cluster"));
    assert_eq!((told.phase, &told.node_pools), (known.phase, &known.node_pools));
    assert_eq!(
        (told.operation, told.api_endpoint),
        (known.operation, known.api_endpoint)
    );

    world.guest.status = None;
    let first = unread(&world.guest, &blocked, Timestamp::UNIX_EPOCH);
    assert_eq!(first.phase, Some(Phase::Pending));
    assert!(first.operation.is_some(), "progress is shown from the first moment");
}

#[test]
fn a_guest_whose_nodes_never_report_is_ready_and_says_what_is_not_known() {
    let mut world = World::new();
    world.report = Report::Waiting("waiting for dev-cp-a to report".to_owned());
    world.nodes_come();
    let told = |status: &GuestClusterStatus| {
        let condition = |kind: &str| {
            let condition = types::find(&status.conditions, kind).unwrap();
            format!("{} {}", condition.status, condition.reason)
        };
        (condition(types::READY), condition(types::CREDENTIALS_READY))
    };
    let waiting = || "False WaitingForReport".to_owned();
    let status = world.reconcile();
    assert_eq!(told(&status), (waiting(), waiting()));
    assert!(waits_for_report(&status), "it is looked at again");
    world.second += 118;
    assert_eq!(told(&world.reconcile()), (waiting(), waiting()));
    let status = world.reconcile();
    assert_eq!(
        told(&status),
        ("True AsExpected".to_owned(), "Unknown NotReported".to_owned())
    );
    assert_eq!(status.phase, Some(Phase::Running));
    let told_of = types::find(&status.conditions, types::CREDENTIALS_READY).unwrap();
    assert!(
        told_of.message.contains("waiting for dev-cp-a to report"),
        "{}",
        told_of.message
    );
    assert!(!waits_for_report(&status));
    world.report = Report::InForce;
    assert_eq!(told(&world.reconcile()).1, "True AsExpected");
}
