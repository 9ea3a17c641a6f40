//! A VM that hangs: its programs answer nothing any more, and its Node is unwell.

use std::{fs, process::Command};

use guestcluster_tests::{Kubectl, Mix, eventually};
use serde_json::{Value, json};

use crate::wishes::PATIENCE;

/// Lets the youngest of the Machines with such a label hang, and waits until another one has joined in its place.
pub fn is_replaced(mix: &Mix, guest: &Kubectl, label: &str) {
    let admin = mix.supervisor().kubectl();
    let all = format!("get machines -l {label} --sort-by=.metadata.creationTimestamp");
    let before = admin.json(&all)["items"].clone();
    let youngest = before.as_array().and_then(|all| all.last()).expect("a Machine");
    let [machine, node] = [&youngest["metadata"]["name"], &youngest["status"]["nodeRef"]["name"]]
        .map(|name| name.as_str().expect("a name").to_owned());
    stop_programs(mix, &machine);
    eventually(PATIENCE, &format!("another one in the place of {machine}"), || {
        let now = admin.json(&all)["items"].clone();
        let names: Vec<_> = names(&now).collect();
        let joined = names.iter().all(|(_, node)| node.is_some());
        let is_gone = names.iter().all(|(name, _)| *name != machine);
        if !is_gone {
            // Anew, as the VM of a worker has no program that could hang: its Node may be reported well meanwhile.
            be_unwell(guest, &node);
        }
        if is_gone && joined && names.len() == before.as_array().map_or(0, Vec::len) {
            Ok(())
        } else {
            Err(format!("{names:?}\n{}", mix.log_tail()))
        }
    });
}

fn names(machines: &Value) -> impl Iterator<Item = (&str, Option<&str>)> {
    let machines = machines.as_array().into_iter().flatten();
    machines.map(|machine| {
        let name = machine["metadata"]["name"].as_str().unwrap_or_default();
        (name, machine["status"]["nodeRef"]["name"].as_str())
    })
}

/// Those of a VM that is processes: they stay, and do nothing.
fn stop_programs(mix: &Mix, machine: &str) {
    let vms = fs::read_dir(mix.supervisor().data_dir().join("process/vms"));
    for folder in vms.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
        let record = fs::read(folder.join("vm.json")).unwrap_or_default();
        let record: Value = serde_json::from_slice(&record).unwrap_or_default();
        if record["key"]["name"] == machine {
            let disk = folder.join("root");
            let pattern = disk.to_str().expect("temporary folders have readable names");
            // One of a worker has none.
            let sent = Command::new("pkill").args(["-STOP", "-f", pattern]).status();
            assert!(sent.expect("procps is there").code().is_some_and(|code| code < 2));
        }
    }
}

/// Since long ago, as nobody waits five minutes here.
fn be_unwell(guest: &Kubectl, node: &str) {
    let condition = json!({
        "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status.",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let patch = json!({"status": {"conditions": [condition]}}).to_string();
    let path = [
        "patch",
        "node",
        node,
        "--subresource=status",
        "--type=strategic",
        "-p",
        &patch,
    ];
    let patched = guest.args(&path, None);
    // It may go at this moment.
    assert!(patched.code == 0 || patched.stderr.contains("NotFound"), "{patched:?}");
}
