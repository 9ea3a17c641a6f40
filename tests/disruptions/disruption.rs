//! What is done, one after the other.

use std::{thread::sleep, time::Duration};

use crate::ground::{Ground, Replica};

/// Something that operators do, or that happens to them.
pub(crate) struct Disruption {
    pub(crate) name: &'static str,
    /// Whether it is done on purpose: then nobody may notice.
    pub(crate) planned: bool,
    pub(crate) act: fn(&mut Ground) -> anyhow::Result<()>,
}

const UNREACHABLE: Duration = Duration::from_secs(30);
/// Longer than a Lease lasts.
const PAUSE: Duration = Duration::from_secs(20);

pub(crate) const ALL: [Disruption; 11] = [
    Disruption {
        name: "rolling-restart",
        planned: true,
        act: |ground| {
            for replica in [Replica::Second, Replica::First] {
                ground.stop(replica);
                ground.start(replica);
            }
            Ok(())
        },
    },
    Disruption {
        name: "replica-killed",
        planned: false,
        act: |ground| {
            let follower = match ground.leader()? {
                Replica::First => Replica::Second,
                Replica::Second => Replica::First,
            };
            ground.kill(follower);
            ground.start(follower);
            Ok(())
        },
    },
    Disruption {
        name: "leader-killed",
        planned: false,
        act: |ground| {
            let leader = ground.leader()?;
            ground.kill(leader);
            ground.await_that("another one leads", |ground| Ok(ground.leader()? != leader))?;
            ground.start(leader);
            Ok(())
        },
    },
    Disruption {
        name: "leader-paused",
        planned: false,
        act: |ground| {
            let leader = ground.leader()?;
            ground.signal(leader, "STOP");
            sleep(PAUSE);
            ground.signal(leader, "CONT");
            ground.await_that("another one leads", |ground| Ok(ground.leader()? != leader))
        },
    },
    Disruption {
        name: "etcd-member-lost",
        planned: false,
        act: |ground| {
            ground.etcd.kill(0);
            sleep(Duration::from_secs(5));
            ground.etcd.restart(0);
            Ok(())
        },
    },
    Disruption {
        name: "etcd-rolling-restart",
        planned: false,
        act: |ground| {
            for member in 0..ground.etcd.count() {
                ground.etcd.kill(member);
                ground.etcd.restart(member);
                sleep(Duration::from_secs(2));
            }
            Ok(())
        },
    },
    Disruption {
        name: "etcd-restarted",
        planned: false,
        act: |ground| {
            let members = 0..ground.etcd.count();
            members.clone().for_each(|member| ground.etcd.kill(member));
            ground.etcd.restart_all();
            Ok(())
        },
    },
    Disruption {
        name: "etcd-unreachable",
        planned: false,
        act: |ground| {
            ground.etcd.signal("STOP");
            sleep(UNREACHABLE);
            ground.etcd.signal("CONT");
            Ok(())
        },
    },
    Disruption {
        name: "history-compacted",
        planned: true,
        act: |ground| ground.compact(),
    },
    Disruption {
        name: "serving-authority-rotated",
        planned: true,
        act: |ground| ground.rotate_serving_authority(),
    },
    Disruption {
        name: "kube-apiserver-restarted",
        planned: false,
        act: |ground| {
            let host = ground.supervisor.host_mut();
            host.stop_apiserver();
            host.start_apiserver();
            Ok(())
        },
    },
];
