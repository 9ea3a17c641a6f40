//! Scaling, upgrading and deleting a guest that runs.

use super::*;

#[test]
fn scaling_has_steps_of_its_own() {
    let mut world = World::running();
    world.scale_pool(3);
    let status = world.reconcile();
    assert_eq!(
        (steps(&status).as_str(), status.phase),
        ("Scale 1/4 Cluster API objects", Some(Phase::Updating))
    );
    assert!(
        ready(&status).starts_with("False WaitingForNodes: 2 of 3 worker nodes"),
        "{}",
        ready(&status)
    );
    world.write_objects();
    assert_eq!(
        steps(&world.reconcile()),
        "Scale 1/4 Cluster API objects",
        "nobody has read it yet"
    );
    world.count();
    assert_eq!(steps(&world.reconcile()), "Scale 3/4 nodes");
    world.machine("dev-default-c", Some("dev-default"), "v1.34.2");
    world.count();
    let status = world.reconcile();
    assert_eq!(
        (steps(&status).as_str(), status.phase),
        ("Scale 4/4 nodes", Some(Phase::Running))
    );
    assert_eq!(
        (ready(&status).as_str(), status.replicas),
        ("True AsExpected: ", Some(3))
    );
}

#[test]
fn scaling_down_waits_for_the_nodes_to_go() {
    let mut world = World::running();
    world.scale_pool(1);
    world.write_objects();
    world.count();
    let status = world.reconcile();
    assert_eq!(steps(&status), "Scale 3/4 nodes");
    let deleting = condition(
        "Deleting",
        "True",
        "DrainingNode",
        "Drain not completed yet:\n* Pod shop/cart-7f9: budget shop/cart allows no disruption",
    );
    let machine = world.machine_named("dev-default-b");
    machine.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    machine.status.conditions.push(deleting);
    let status = world.reconcile();
    assert_eq!(
        ready(&status),
        "False DrainBlocked: waiting for node dev-default-b to drain: Drain not completed yet:; Pod shop/cart-7f9: budget shop/cart allows no disruption"
    );
    world.remove("dev-default-b");
    world.count();
    assert_eq!(steps(&world.reconcile()), "Scale 4/4 nodes");
}

#[test]
fn an_upgrade_is_the_control_plane_first_and_then_the_pools() {
    let mut world = World::running();
    world.upgrade_to("v1.35.0");
    let status = world.reconcile();
    assert_eq!(
        (steps(&status).as_str(), status.phase),
        ("Upgrade 1/10 control plane object", Some(Phase::Updating))
    );
    assert_eq!(ready(&status), "False RollingOut: upgrading from v1.34.2 to v1.35.0");
    let distribution = status.distribution.unwrap();
    assert_eq!(
        (distribution.version.as_deref(), distribution.target.as_deref()),
        (Some("v1.34.2"), Some("v1.35.0"))
    );
    assert_eq!(
        status.control_plane.unwrap().up_to_date,
        0,
        "until this is 1 one may go back"
    );
    world.write_objects();
    world.count();
    assert_eq!(steps(&world.reconcile()), "Upgrade 2/10 first new control-plane VM");
    world.machine("dev-cp-d", None, "v1.35.0");
    world.count();
    let status = world.reconcile();
    assert_eq!(steps(&status), "Upgrade 4/10 control-plane nodes replaced");
    assert_eq!(
        status.control_plane.unwrap(),
        ControlPlaneStatus {
            desired: 3,
            ready: 4,
            up_to_date: 1
        }
    );
    assert!(
        types::is_true(&status.conditions, types::CONTROL_PLANE_READY),
        "a surge is no fault"
    );
    for (old, new) in [
        ("dev-cp-a", Some("dev-cp-e")),
        ("dev-cp-b", Some("dev-cp-f")),
        ("dev-cp-c", None),
    ] {
        world.remove(old);
        new.map(|new| world.machine(new, None, "v1.35.0"));
    }
    world.count();
    assert_eq!(steps(&world.reconcile()), "Upgrade 6/10 node pool objects");
    world.let_pools_move();
    world.write_objects();
    world.count();
    assert_eq!(steps(&world.reconcile()), "Upgrade 7/10 first new nodes");
    world.machine("dev-default-c", Some("dev-default"), "v1.35.0");
    world.remove("dev-default-a");
    world.count();
    let status = world.reconcile();
    assert_eq!(steps(&status), "Upgrade 8/10 nodes replaced");
    assert_eq!(
        status.distribution.unwrap().version.as_deref(),
        Some("v1.34.2"),
        "until everything runs the new one"
    );
    world.machine("dev-default-d", Some("dev-default"), "v1.35.0");
    world.remove("dev-default-b");
    world.count();
    let status = world.reconcile();
    assert_eq!(
        (steps(&status).as_str(), status.phase),
        ("Upgrade 10/10 nodes", Some(Phase::Running))
    );
    let distribution = status.distribution.unwrap();
    assert_eq!(
        (distribution.version.as_deref(), distribution.target),
        (Some("v1.35.0"), None)
    );
    world.plan.running = Some(world.plan.target.clone());
    assert_eq!(ready(&world.reconcile()), "True AsExpected: ");
}

#[test]
fn a_deletion_takes_the_machines_before_the_network() {
    let mut world = World::running();
    world.guest.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    let status = world.reconcile();
    assert_eq!(
        (steps(&status).as_str(), status.phase),
        ("Delete 0/6 deletion accepted", Some(Phase::Deleting))
    );
    world.cluster().metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    assert_eq!(steps(&world.reconcile()), "Delete 1/6 worker nodes");
    world.layers.deployments.clear();
    world.layers.machines.retain(|machine| {
        machine
            .metadata
            .labels
            .as_ref()
            .unwrap()
            .contains_key(labels::CONTROL_PLANE)
    });
    assert_eq!(steps(&world.reconcile()), "Delete 2/6 control plane");
    world.layers.machines.clear();
    world.layers.control_plane = None;
    assert_eq!(steps(&world.reconcile()), "Delete 3/6 network and address");
    world.layers.infrastructure = None;
    let status = world.reconcile();
    assert_eq!(steps(&status), "Delete 4/6 Cluster API objects");
    assert_eq!(ready(&status), "False Deleting: removing Cluster API objects");
    assert!(types::is_true(&status.conditions, types::DELETING));
}
