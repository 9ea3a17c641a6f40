//! What is done, one after the other.

use std::{thread::sleep, time::Duration};

use crate::{
    clock,
    condition::await_that,
    disk, front_proxy,
    ground::{Ground, Replica},
    load::Load,
    single::Single,
    snapshot,
};

/// Something that operators do, or that happens to them.
pub(crate) struct Disruption {
    pub(crate) name: &'static str,
    /// Whether it is done on purpose: then nobody may notice.
    pub(crate) planned: bool,
    pub(crate) act: Act,
}

/// To whom it is done, and how. It returns when what was done is over; whether clients still notice is looked at afterwards.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Replicas(fn(&mut Ground) -> anyhow::Result<()>),
    Single(fn(&mut Single, &Load) -> anyhow::Result<()>),
}

const UNREACHABLE: Duration = Duration::from_secs(30);
/// How often each member of etcd stands still, as where its disk does; for how long: two to three of etcd's election timeouts;
/// and how long it then runs.
const STALLS: usize = 2;
const STALL: Duration = Duration::from_secs(3);
const BETWEEN_STALLS: Duration = Duration::from_secs(2);
/// Longer than a Lease lasts.
const PAUSE: Duration = Duration::from_secs(20);

/// Rows of the table together; not one of it, as an authority that has just come is not replaced again within the hour.
pub(crate) const AT_ONCE: &str = "all-planned-at-once";

pub(crate) const ALL: [Disruption; 17] = [
    Disruption {
        name: "rolling-restart",
        planned: true,
        act: Act::Replicas(|ground| {
            restart_one_by_one(ground);
            Ok(())
        }),
    },
    Disruption {
        name: "replica-killed",
        planned: false,
        act: Act::Replicas(|ground| {
            let follower = match ground.leader()? {
                Replica::First => Replica::Second,
                Replica::Second => Replica::First,
            };
            ground.kill(follower);
            ground.start(follower);
            Ok(())
        }),
    },
    Disruption {
        name: "leader-killed",
        planned: false,
        act: Act::Replicas(|ground| {
            let leader = ground.leader()?;
            ground.kill(leader);
            await_that("another one leads", || Ok(ground.leader()? != leader))?;
            ground.start(leader);
            Ok(())
        }),
    },
    Disruption {
        name: "leader-paused",
        planned: false,
        act: Act::Replicas(|ground| {
            let leader = ground.leader()?;
            ground.signal(leader, "STOP");
            sleep(PAUSE);
            ground.signal(leader, "CONT");
            await_that("another one leads", || Ok(ground.leader()? != leader))
        }),
    },
    Disruption {
        name: "etcd-member-lost",
        planned: false,
        act: Act::Replicas(|ground| {
            ground.etcd.kill(0);
            sleep(Duration::from_secs(5));
            ground.etcd.restart(0);
            Ok(())
        }),
    },
    Disruption {
        name: "etcd-rolling-restart",
        planned: false,
        act: Act::Replicas(|ground| {
            for member in 0..ground.etcd.count() {
                ground.etcd.kill(member);
                ground.etcd.restart(member);
                sleep(Duration::from_secs(2));
            }
            Ok(())
        }),
    },
    Disruption {
        name: "etcd-restarted",
        planned: false,
        act: Act::Replicas(|ground| {
            let members = 0..ground.etcd.count();
            members.clone().for_each(|member| ground.etcd.kill(member));
            ground.etcd.restart_all();
            Ok(())
        }),
    },
    Disruption {
        name: "etcd-members-stalled",
        planned: false,
        act: Act::Replicas(|ground| {
            for _ in 0..STALLS {
                for member in 0..ground.etcd.count() {
                    ground.etcd.signal_one(member, "STOP");
                    sleep(STALL);
                    ground.etcd.signal_one(member, "CONT");
                    sleep(BETWEEN_STALLS);
                }
            }
            Ok(())
        }),
    },
    Disruption {
        name: "etcd-unreachable",
        planned: false,
        act: Act::Replicas(|ground| {
            ground.etcd.signal("STOP");
            sleep(UNREACHABLE);
            ground.etcd.signal("CONT");
            Ok(())
        }),
    },
    Disruption {
        name: "history-compacted",
        planned: true,
        act: Act::Replicas(|ground| ground.compact()),
    },
    Disruption {
        name: "serving-authority-rotated",
        planned: true,
        act: Act::Replicas(|ground| {
            let before = ground.announce_serving_authority();
            ground.await_serving_authority(&before)
        }),
    },
    Disruption {
        name: "front-proxy-authority-rotated",
        planned: true,
        act: Act::Replicas(front_proxy::rotate),
    },
    Disruption {
        name: AT_ONCE,
        planned: true,
        act: Act::Replicas(|ground| {
            // It takes half a minute, in which the others are done.
            let before = ground.announce_serving_authority();
            front_proxy::rotate(ground)?;
            ground.compact()?;
            restart_one_by_one(ground);
            ground.await_serving_authority(&before)
        }),
    },
    Disruption {
        name: "kube-apiserver-restarted",
        planned: false,
        act: Act::Replicas(|ground| {
            let host = ground.supervisor.host_mut();
            host.stop_apiserver();
            host.start_apiserver();
            Ok(())
        }),
    },
    Disruption {
        name: "clock-jumped",
        planned: false,
        act: Act::Single(clock::jump),
    },
    Disruption {
        name: "disk-full",
        planned: false,
        act: Act::Single(disk::fill),
    },
    Disruption {
        name: "snapshot-restored",
        planned: false,
        act: Act::Single(snapshot::restore),
    },
];

/// As a rolling update does.
fn restart_one_by_one(ground: &mut Ground) {
    for replica in [Replica::Second, Replica::First] {
        ground.stop(replica);
        ground.start(replica);
    }
}
