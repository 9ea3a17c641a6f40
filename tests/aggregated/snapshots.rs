//! The objects of our server in a file, put back a while later, and into the other kind of store.

use std::{path::Path, process::Command};

use guestcluster_tests::{EtcdMembers, Manifest, Output, Supervisor, binaries};

use crate::MODE;

#[test]
fn a_snapshot_of_another_day_is_restored_and_no_guest_is_harmed() {
    let mut supervisor = Supervisor::fast(MODE);
    let admin = supervisor.kubectl();
    admin.create_guest(&Manifest::new("old", "v1.34", 1, 2));
    let uid = admin.run("get gcl old -o jsonpath={.status.guestUID}").success();
    let file = supervisor.folder().join("snapshot");
    let (file, data) = (file.display().to_string(), supervisor.data_dir().display().to_string());

    snapshot(&["save", &file, "--data-dir", &data]).refused("in use by another supervisor; stop it first");
    supervisor.stop();
    let saved = snapshot(&["save", &file, "--data-dir", &data]).success();
    assert!(saved.contains("objects at resourceVersion"), "{saved}");
    snapshot(&["save", &file, "--data-dir", &data]).refused("exists already");

    let nowhere = supervisor.folder().join("nowhere");
    let elsewhere = supervisor.folder().join("elsewhere").display().to_string();
    snapshot(&["save", &elsewhere, "--data-dir", &nowhere.display().to_string()]).refused("holds no objects");
    assert!(!nowhere.exists(), "a mistyped folder is not made");

    // What the snapshot does not know: another guest, and another size of this one.
    supervisor.restart();
    admin.create_guest(&Manifest::new("new", "v1.34", 1, 1));
    admin.run("guest scale old --workers 3").success();
    let seen = admin
        .run("get gcl old -o jsonpath={.metadata.resourceVersion}")
        .success();
    let machines = admin.names("virtualmachines");
    assert_eq!(machines.len(), 6);
    supervisor.stop();
    snapshot(&["restore", &file, "--data-dir", &data]).refused("--replace removes what is there before");
    snapshot(&["restore", &file, "--data-dir", &data, "--replace"]).success();
    supervisor.restart();

    admin.await_ready("old");
    assert_eq!(admin.run("get gcl old -o jsonpath={.status.guestUID}").success(), uid);
    let now = admin
        .run("get gcl old -o jsonpath={.metadata.resourceVersion}")
        .success();
    assert!(
        now.parse::<u64>().unwrap() > seen.parse::<u64>().unwrap() + 999_999_999,
        "{seen} and then {now}"
    );
    let old = format!("get --raw /apis/guestclusters.dev/v1alpha1/guestclusters?watch=true&resourceVersion={seen}");
    let gone = admin.run(&old);
    assert!(
        gone.stdout.contains("\"code\":410") || gone.stderr.contains("Expired"),
        "{gone:?}"
    );
    // The guest that nobody knows any more lives on, and the other one is what its GuestCluster says.
    let left = admin.names("virtualmachines");
    assert_eq!(left.iter().filter(|name| name.contains("new")).count(), 2, "{left:?}");
    admin.run("get cluster new").success();

    // The same objects in an etcd.
    supervisor.stop();
    let etcd = EtcdMembers::start(&supervisor.folder().join("own-etcd"), 1);
    let servers = etcd.servers();
    snapshot(&["restore", &file, "--etcd-servers", &servers]).success();
    let second = supervisor.folder().join("second-snapshot").display().to_string();
    snapshot(&["save", &second, "--etcd-servers", &servers]).success();
    assert_eq!(items(&file), items(&second));
    let damaged = std::fs::read_to_string(&file)
        .unwrap()
        .replacen("guestclusters", "guestcluster5", 1);
    std::fs::write(&file, damaged).unwrap();
    snapshot(&["restore", &file, "--etcd-servers", &servers, "--replace"]).refused("changed or damaged");
    assert_eq!(
        items(&second).len(),
        kept(&servers, &supervisor.folder().join("third")),
        "nothing was touched"
    );
}

fn kept(servers: &str, file: &Path) -> usize {
    let file = file.display().to_string();
    snapshot(&["save", &file, "--etcd-servers", servers]).success();
    items(&file).len()
}

/// The lines of the objects.
fn items(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .filter(|line| line.starts_with("{\"key\""))
        .map(str::to_owned)
        .collect()
}

fn snapshot(arguments: &[&str]) -> Output {
    let mut command = Command::new(binaries().join("guestcluster-apiserver"));
    Output::of(command.arg("snapshot").args(arguments))
}
