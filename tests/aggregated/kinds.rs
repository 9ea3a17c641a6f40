//! Kinds of the layers below that are not installed.

use guestcluster_tests::{Kubectl, Manifest, Supervisor, eventually};
use serde_json::Value;

use crate::{MODE, check::a_supervisor_that_works_passes_and_what_is_missing_is_named};

/// Of Cluster API, of its vSphere provider and of VM Operator.
const CRDS: [&str; 3] = [
    "machinedeployments.cluster.x-k8s.io",
    "vsphereclusters.vmware.infrastructure.cluster.x-k8s.io",
    "virtualmachineclasses.vmoperator.vmware.com",
];

/// One supervisor for both, as the second one takes more and more away.
pub(crate) fn what_is_missing_is_told_and_waited_for() {
    let mut supervisor = Supervisor::fast(MODE);
    a_guest_waits_for_kinds_that_are_missing_and_comes_up_when_they_appear(&supervisor);
    a_supervisor_that_works_passes_and_what_is_missing_is_named(&mut supervisor);
}

fn a_guest_waits_for_kinds_that_are_missing_and_comes_up_when_they_appear(supervisor: &Supervisor) {
    let kubectl = supervisor.kubectl();
    let definitions = CRDS.map(|name| (name, definition(&kubectl, name)));
    for name in CRDS {
        kubectl
            .run(&format!("delete crd {name} --wait --timeout=60s"))
            .success();
    }
    let created = kubectl.run_with("create -f -", Some(&Manifest::new("dev", "v1.34", 1, 1).text()));
    let warned = created.stderr.clone();
    created.success();
    let warning = "Warning: VM classes could not be checked (the kind is not served)";
    assert!(warned.starts_with(warning), "{warned}");
    for named in [
        "MachineDeployment",
        "VSphereCluster",
        "install Cluster API's vSphere provider's CRDs",
    ] {
        eventually(60, &format!("the message names {named}"), || {
            let ready = "get gcl dev -o jsonpath={.status.conditions[?(@.type==\"Ready\")]}";
            let ready = kubectl.run(ready).success();
            let condition: Value = serde_json::from_str(&ready).map_err(|_| ready.clone())?;
            let is_such = condition["status"] == "False"
                && condition["reason"] == "KindNotServed"
                && condition["message"]
                    .as_str()
                    .is_some_and(|message| message.contains(named));
            if is_such { Ok(()) } else { Err(ready) }
        });
    }
    assert!(
        kubectl.names("clusters.cluster.x-k8s.io").is_empty(),
        "nothing is half made"
    );

    for (name, definition) in &definitions {
        kubectl.run_with("create -f -", Some(definition)).success();
        kubectl
            .run(&format!("wait crd/{name} --for=condition=Established --timeout=30s"))
            .success();
    }
    // The classes went with their kind.
    supervisor.apply_catalogue();
    kubectl.await_ready("dev");
}

/// A definition as it can be created again.
#[track_caller]
fn definition(kubectl: &Kubectl, name: &str) -> String {
    let mut crd = kubectl.json(&format!("get crd {name}"));
    let object = crd.as_object_mut().unwrap();
    object.remove("status");
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.retain(|field, _| ["name", "labels"].contains(&field.as_str()));
    crd.to_string()
}
