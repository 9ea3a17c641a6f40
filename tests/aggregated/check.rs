//! `guestcluster-apiserver check` on a supervisor that works, and on one that lacks things.

use std::process::Command;

use guestcluster_tests::{Supervisor, binaries, eventually};
use serde_json::Value;

/// On a supervisor with a guest, which does not work any more afterwards.
pub(crate) fn a_supervisor_that_works_passes_and_what_is_missing_is_named(supervisor: &mut Supervisor) {
    let admin = supervisor.kubectl();
    let works = check(supervisor, &[]);
    assert_eq!((works.code, works.told("FAILED")), (0, vec![]), "{}", works.text);
    assert!(works.text.contains("our server has all"), "{}", works.text);
    assert!(
        works.text.contains("cluster.x-k8s.io/v1beta2 is served"),
        "{}",
        works.text
    );

    // A person with Secrets, a right that is taken away, a kind that goes.
    admin
        .run("create role reader --verb=get,list --resource=secrets")
        .success();
    admin
        .run("create rolebinding reader --role=reader --user=ben")
        .success();
    admin.run("delete clusterrolebinding guestcluster-controller").success();
    admin
        .run("delete crd virtualmachineclasses.vmoperator.vmware.com")
        .success();
    eventually(30, "it is told", || {
        let lacks = check(supervisor, &[]);
        let (failed, warned) = (lacks.told("FAILED"), lacks.told("WARNING"));
        let names = |lines: &[String], words: &str| lines.iter().any(|line| line.contains(words));
        let all = names(
            &failed,
            "our server may not create, delete machinehealthchecks.cluster.x-k8s.io everywhere: apply what",
        ) && names(
            &failed,
            "virtualmachineclasses of vmoperator.vmware.com/v1alpha5 are not served: install VM Operator",
        ) && names(
            &warned,
            "User ben may read or write Secrets in team-a, by RoleBinding reader",
        );
        if all && lacks.code == 1 {
            Ok(())
        } else {
            Err(lacks.text)
        }
    });
    let json: Vec<Value> = serde_json::from_str(&check(supervisor, &["-o", "json"]).text).unwrap();
    assert!(
        json.iter()
            .any(|finding| finding["severity"] == "failed" && finding["check"] == "rights")
    );

    supervisor.stop();
    eventually(60, "nobody runs the controllers", || {
        let stopped = check(supervisor, &[]);
        let told = stopped.told("FAILED");
        let all = told.iter().any(|line| line.contains("leader"))
            && told.iter().any(|line| line.contains("is not available"));
        if all { Ok(()) } else { Err(stopped.text) }
    });
}

struct Checked {
    code: i32,
    text: String,
}

impl Checked {
    fn told(&self, severity: &str) -> Vec<String> {
        self.text
            .lines()
            .filter(|line| line.starts_with(severity))
            .map(str::to_owned)
            .collect()
    }
}

fn check(supervisor: &Supervisor, further: &[&str]) -> Checked {
    let mut command = Command::new(binaries().join("guestcluster-apiserver"));
    command
        .arg("check")
        .arg("--kubeconfig")
        .arg(supervisor.admin_kubeconfig())
        .args(["--layers", "all"]);
    let output = command.args(further).output().unwrap();
    Checked {
        code: output.status.code().unwrap(),
        text: String::from_utf8(output.stdout).unwrap(),
    }
}
