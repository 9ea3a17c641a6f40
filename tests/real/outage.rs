//! The supervisor's API is gone: guests run on, credentials count until they expire, and what was revoked before is refused soon
//! after.

use std::time::Instant;

use guestcluster_tests::{Background, Kubectl, Manifest, Supervisor, eventually};

use crate::{
    guest::aggregated,
    login::{credential, inside, logged_in, signed_in, text},
    processes::{await_another, children, signal},
};

/// Longest for anything that starts or is noticed, on a machine with much else to do.
const PATIENCE: u64 = 60;
/// The agent's program and the guest's API server, as the system names them.
const AGENT: &str = "guestcluster-ap";
const API_SERVER: &str = "kube-apiserver";

#[test]
fn guests_and_sessions_outlive_their_supervisor() {
    let mut supervisor = aggregated();
    let admin = supervisor.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.37", 1, 0));
    let ann = logged_in(&signed_in(&supervisor, "ann"), "dev", "edit");
    ann.await_success(PATIENCE, "create configmap watched");
    let watch = [
        "get",
        "configmap",
        "watched",
        "--watch",
        "-o",
        "jsonpath={.metadata.name}{.data}{'\\n'}",
    ];
    let watch = Background::start(ann.command(&watch));
    watch.await_line(PATIENCE, "the watch begins", |line| line.starts_with("watched"));
    let revoked = credential(&signed_in(&supervisor, "bea"), "dev");
    let bea = inside(&supervisor, &revoked, text(&revoked, "token"));
    bea.await_success(PATIENCE, "get namespace default");

    the_supervisor_goes_before_the_guest_hears_of_a_revocation(&mut supervisor, text(&revoked, "credentialName"));
    let patch = ["patch", "configmap", "watched", "-p", r#"{"data": {"at": "outage"}}"#];
    ann.args(&patch, None).success();
    watch.await_line(PATIENCE, "the watch goes on", |line| line.contains("outage"));
    a_guest_that_restarts_accepts_credentials_still(&supervisor, &ann);
    bea.run("get namespace default").success();

    supervisor.host_mut().start_apiserver();
    let back = Instant::now();
    eventually(PATIENCE, "what was revoked is refused", || {
        let read = bea.run("get namespace default");
        if read.stderr.contains("Unauthorized") {
            Ok(())
        } else {
            Err(format!("{read:?}"))
        }
    });
    println!(
        "revoked right before an outage, refused {:.1} s after it",
        back.elapsed().as_secs_f64()
    );
    ann.run("get configmap watched").success();
}

/// Nobody can tell the guest anything meanwhile, and its agent is killed as well.
fn the_supervisor_goes_before_the_guest_hears_of_a_revocation(supervisor: &mut Supervisor, record: &str) {
    signal(supervisor, API_SERVER, "STOP");
    signal(supervisor, AGENT, "KILL");
    let delete = format!("delete guestcredential {record} --wait=false");
    supervisor.kubectl().run(&delete).success();
    supervisor.host_mut().stop_apiserver();
    controllers_have_stopped(supervisor);
    signal(supervisor, API_SERVER, "CONT");
}

/// Another replica could hold the Lease by now. VMs run on as they do without anybody who controls them.
fn controllers_have_stopped(supervisor: &Supervisor) {
    eventually(PATIENCE, "the Lease is lost", || {
        let log = supervisor.log();
        if log.contains("controllers have stopped") {
            Ok(())
        } else {
            Err(supervisor.log_tail())
        }
    });
}

/// Its agent has all that it needs on its disk.
fn a_guest_that_restarts_accepts_credentials_still(supervisor: &Supervisor, person: &Kubectl) {
    let before = children(supervisor.pid());
    signal(supervisor, API_SERVER, "KILL");
    signal(supervisor, AGENT, "KILL");
    await_another(supervisor, &before, API_SERVER);
    await_another(supervisor, &before, AGENT);
    person.await_success(PATIENCE, "get configmap watched");
}
