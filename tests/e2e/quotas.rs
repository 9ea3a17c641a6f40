//! An administrator says how many guests a namespace may have.

use guestcluster_tests::{Kubectl, Team, eventually};

use crate::MODE;

const COUNT: &str = "count/guestclusters.guestclusters.dev";

#[test]
fn a_namespace_has_no_more_guests_than_its_quota() {
    let team = Team::new(MODE);
    let admin = team.kubectl();
    admin
        .run("create rolebinding devs --clusterrole guestcluster-editor --user dev")
        .success();
    let dev = team.kubectl_as("dev");
    admin.run(&format!("create quota guests --hard={COUNT}=1")).success();
    await_used(&admin, "0", 90);

    let create = |name: &str| {
        dev.run(&format!(
            "guest create {name} --version v1.33 --workers 1 --vm-class best-effort-small --storage-class gold"
        ))
    };
    create("mine").success();
    let refusal = create("more").failure(1);
    let words = format!(
        "guestclusters.guestclusters.dev \"more\" is forbidden: exceeded quota: guests, requested: {COUNT}=1, used: {COUNT}=1, \
         limited: {COUNT}=1"
    );
    let hint = "Delete what is not needed any more, or ask an administrator of the supervisor for a larger quota.";
    let told = refusal.split_once("error: ").map(|(_, told)| told.trim_end());
    assert_eq!(told, Some(&*format!("{words}\n\n{hint}")));
    let described = admin.run("describe quota guests").success();
    let figures = described.lines().find(|line| line.starts_with(COUNT));
    let figures: Vec<&str> = figures.expect("a line for the count").split_whitespace().collect();
    assert_eq!(figures, [COUNT, "1", "1"], "used and hard");
    let shown = admin.run("get quota guests").success();
    assert!(shown.contains(&format!("{COUNT}: 1/1")), "{shown}");

    dev.run("guest delete mine --yes").success();
    await_used(&admin, "0", 60);
    create("more").success();
    await_used(&admin, "1", 60);
}

fn await_used(admin: &Kubectl, used: &str, seconds: u64) {
    eventually(seconds, "the quota is counted", || {
        let status = admin.json("get quota guests")["status"].clone();
        if status["used"][COUNT] == used {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
}
