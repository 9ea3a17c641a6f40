//! Two servers that share an etcd, which they share with kube-apiserver: each shows at once what the other has written.

use std::{path::Path, time::Duration};

use futures::StreamExt as _;
use guestcluster_tests::{Manifest, Objects, Start, Supervisor, client};
use guestcluster_types::GuestCluster;
use kube::{
    Api, ResourceExt as _,
    api::{ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
};
use serde_json::json;
use tokio::time::timeout;

use crate::MODE;

/// Longest for what must happen at once, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_write_through_one_replica_is_seen_by_watches_and_consistent_reads_of_the_other() {
    let mut supervisor = Supervisor::start(Start {
        mode: MODE,
        layers: Some("none".to_owned()),
        objects: Objects::HostEtcd,
        ..Start::default()
    });
    let second_server = supervisor.second_server();
    let admin = supervisor.kubectl();
    let (first, second) = (
        supervisor.direct_kubeconfig(Some(&admin)),
        supervisor.second_kubeconfig(Some(&admin)),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (a, b) = (guests(&first).await, guests(&second).await);
        written_through_one_and_read_through_the_other(&a, &b).await;
        written_through_one_and_read_through_the_other(&b, &a).await;
    });
    supervisor.kill();
    runtime.block_on(async {
        let b = guests(&second).await;
        let labels = Patch::Merge(json!({"metadata": {"labels": {"survived": "yes"}}}));
        b.patch("dev", &PatchParams::default(), &labels).await.unwrap();
    });
    drop(second_server);
    supervisor.restart();
    let label = "get gcl dev -o jsonpath={.metadata.labels.survived}";
    assert_eq!(supervisor.kubectl().run(label).success(), "yes");
}

/// Creates, changes and deletes an object through `a`; what `b` shows is looked at between.
async fn written_through_one_and_read_through_the_other(a: &Api<GuestCluster>, b: &Api<GuestCluster>) {
    let _ = a.delete("dev", &Default::default()).await;
    let begin = b.list(&ListParams::default()).await.unwrap();
    assert!(begin.items.is_empty(), "a deletion is seen");
    let version = begin.metadata.resource_version.unwrap();
    let mut events = b.watch(&WatchParams::default(), &version).await.unwrap().boxed();

    let created = a.create(&PostParams::default(), &guest()).await.unwrap();
    let listed = b.list(&ListParams::default()).await.unwrap();
    assert_eq!(listed.items.len(), 1, "a creation is seen");
    assert_eq!(listed.items[0].resource_version(), created.resource_version());
    let mut last = created;
    for round in 0..20 {
        let labels = Patch::Merge(json!({"metadata": {"labels": {"round": round.to_string()}}}));
        last = a.patch("dev", &PatchParams::default(), &labels).await.unwrap();
        let seen = b.get("dev").await.unwrap();
        assert_eq!(seen.resource_version(), last.resource_version(), "round {round}");
    }
    // Whoever has seen a write in one replica finds it in the other.
    let not_older = ListParams::default().at(&last.resource_version().unwrap());
    assert_eq!(b.list(&not_older).await.unwrap().items.len(), 1);

    let mut versions = Vec::new();
    while versions.last() != last.resource_version().as_ref() {
        match timeout(PATIENCE, events.next()).await.expect("in time") {
            Some(Ok(WatchEvent::Added(object))) if versions.is_empty() => {
                versions.push(object.resource_version().unwrap());
            }
            Some(Ok(WatchEvent::Modified(object))) => versions.push(object.resource_version().unwrap()),
            other => panic!("after {versions:?}: {other:?}"),
        }
    }
    assert_eq!(versions.len(), 21, "every write is one event: {versions:?}");
}

fn guest() -> GuestCluster {
    serde_json::from_value(Manifest::new("dev", "v1.34", 1, 1).object).unwrap()
}

async fn guests(kubeconfig: &Path) -> Api<GuestCluster> {
    Api::namespaced(client(kubeconfig).await.unwrap(), "team-a")
}
