//! Two servers that run by mistake, each with a store of its own.

use guestcluster_tests::{Kubectl, Manifest, Supervisor, eventually};

use crate::MODE;

#[test]
fn a_second_server_waits_and_takes_over_when_the_first_is_gone() {
    let mut supervisor = Supervisor::fast(MODE);
    let kubectl = supervisor.kubectl();
    kubectl.create_guest(&Manifest::new("dev", "v1.34", 1, 1));
    let (holder, trusted) = (holder_now(&kubectl), trusted_now(&kubectl));
    let mut second = supervisor.second_server();
    eventually(30, "the second one has looked at the Lease", || {
        let log = second.log_tail();
        if log.contains("waiting for the lease") {
            Ok(())
        } else {
            Err(log)
        }
    });
    kubectl.run("guest scale dev --workers 2").success();
    assert_eq!(holder_now(&kubectl), holder);
    assert_eq!(trusted_now(&kubectl), trusted);
    assert!(second.ended().is_none());

    supervisor.stop();
    eventually(60, "the second one leads", || {
        let now = holder_now(&kubectl);
        if now != holder && !now.is_empty() {
            Ok(())
        } else {
            Err(now)
        }
    });
    // Both show certificates by one authority.
    assert_eq!(trusted_now(&kubectl), trusted);
    // Its store knows no guest, and it deletes none.
    assert_eq!(kubectl.names("virtualmachines").len(), 3);
    drop(second);
    supervisor.restart();
    kubectl.await_ready("dev");
}

#[track_caller]
fn holder_now(kubectl: &Kubectl) -> String {
    let holder = "-n guestclusters-system get lease guestcluster-apiserver -o jsonpath={.spec.holderIdentity}";
    kubectl.run(holder).success()
}

#[track_caller]
fn trusted_now(kubectl: &Kubectl) -> String {
    let bundle = "get apiservice v1alpha1.guestclusters.dev -o jsonpath={.spec.caBundle}";
    kubectl.run(bundle).success()
}
