//! Machines whose Nodes are unwell for too long, or that somebody asks to have replaced, are replaced.

use std::collections::BTreeSet;

use guestcluster_tests::{Kubectl, Manifest, Team, eventually};

use crate::{MODE, e2e::lifecycle::nodes};

#[test]
fn what_is_unwell_is_replaced_and_the_replacement_joins() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    // Of two workers one would be more than the 40 % up to which the pool replaces any.
    kubectl.create_guest(&Manifest::new("dev", "v1.34", 3, 3));
    let guest = team.guest_kubectl("dev");
    let (machine, member) = youngest(&kubectl, "cluster.x-k8s.io/control-plane");
    let (_, worker) = youngest(&kubectl, "!cluster.x-k8s.io/control-plane");
    eventually(30, "both health checks find all well", || {
        let healthy = kubectl
            .run("get machinehealthchecks -o jsonpath={.items[*].status.currentHealthy}")
            .success();
        if healthy == "3 3" { Ok(()) } else { Err(healthy) }
    });

    // Unwell since long ago: nobody waits five minutes here.
    let condition =
        r#"{"type":"Ready","status":"False","reason":"KubeletNotReady","lastTransitionTime":"2026-01-01T00:00:00Z"}"#;
    let patch = format!(r#"{{"status":{{"conditions":[{condition}]}}}}"#);
    guest
        .args(
            &[
                "patch",
                "node",
                &worker,
                "--subresource=status",
                "--type=merge",
                "-p",
                &patch,
            ],
            None,
        )
        .success();
    kubectl
        .run(&format!(
            "annotate machine {machine} cluster.x-k8s.io/remediate-machine="
        ))
        .success();

    eventually(60, "two others have joined in their place", || {
        let now = nodes(&guest);
        let names: BTreeSet<_> = now.iter().map(|node| node.name.as_str()).collect();
        let is_done = now.len() == 6
            && now.iter().all(|node| node.ready == "True")
            && now.iter().filter(|node| node.control_plane).count() == 3
            && !names.contains(worker.as_str())
            && !names.contains(member.as_str());
        if is_done { Ok(()) } else { Err(format!("{names:?}")) }
    });
    kubectl.await_ready("dev");
    let last = kubectl.json("get kubeadmcontrolplanes")["items"][0]["status"]["lastRemediation"].clone();
    assert_eq!(last["machine"], machine.as_str(), "{last}");
}

/// The youngest of the Machines with such a label, and its Node.
fn youngest(kubectl: &Kubectl, label: &str) -> (String, String) {
    let list = kubectl.json(&format!(
        "get machines -l {label} --sort-by=.metadata.creationTimestamp"
    ));
    let machine = list["items"].as_array().and_then(|all| all.last()).expect("a Machine");
    let text = |value: &serde_json::Value| value.as_str().expect("a name").to_owned();
    (
        text(&machine["metadata"]["name"]),
        text(&machine["status"]["nodeRef"]["name"]),
    )
}
