use std::fmt::Write as _;

use futures::StreamExt as _;
use generic_apiserver::registry::ResourceDefinition;
use guestcluster_types::GuestClusterRelease;
use kube::api::PostParams;
use serde_json::Value;

use super::*;
use crate::{
    aggregated::testing::{Host, Wire, until},
    releases, upstream,
};

const NAMESPACE: &str = "team-a";

/// A host with one VM class, one storage class and one release.
async fn host() -> Host {
    let mut definitions = upstream::definitions().unwrap();
    definitions.push(releases::definition().unwrap());
    host_of(definitions).await
}

async fn host_of(definitions: Vec<ResourceDefinition>) -> Host {
    let host = Host::start_with(definitions).await;
    host.create_namespace(NAMESPACE).await;
    let admin = host.admin();
    create(
        &Api::<VirtualMachineClass>::namespaced(admin.clone(), NAMESPACE),
        vm_class("small"),
    )
    .await;
    let gold = json!({"metadata": {"name": "gold"}, "provisioner": "csi.example"});
    create(&Api::<StorageClass>::all(admin.clone()), gold).await;
    let release = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestClusterRelease",
        "metadata": {"name": "v1.34.2"}, "spec": {"version": "v1.34.2", "images": [{"os": "photon", "name": "photon"}]}});
    create(&Api::<GuestClusterRelease>::all(admin), release).await;
    host
}

async fn create<K>(api: &Api<K>, object: Value)
where
    K: Clone + DeserializeOwned + Debug + serde::Serialize,
{
    let object = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

fn vm_class(name: &str) -> Value {
    json!({"apiVersion": "vmoperator.vmware.com/v1alpha5", "kind": "VirtualMachineClass",
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"hardware": {"cpus": 2, "memory": "4Gi"}}})
}

fn cluster(name: &str) -> Value {
    json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"paused": true}})
}

fn guest(version: &str, vm_class: &str, storage_class: &str) -> GuestCluster {
    let size = json!({"replicas": 1, "vmClass": vm_class, "storageClass": storage_class});
    let mut pool = size.clone();
    pool["name"] = json!("default");
    serde_json::from_value(json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster",
        "metadata": {"name": "dev", "namespace": NAMESPACE},
        "spec": {"distribution": {"version": version}, "topology": {"controlPlane": size, "nodePools": [pool]}},
    }))
    .unwrap()
}

/// Findings as lines.
async fn check(look_ups: &LookUps, guest: &GuestCluster) -> String {
    let findings = look_ups.check(NAMESPACE, guest, None).await;
    let mut lines = String::new();
    for error in &findings.errors {
        let _ = writeln!(lines, "{}: {}", error.field, error.detail);
    }
    for warning in &findings.warnings {
        let _ = writeln!(lines, "warning: {warning}");
    }
    lines
}

#[tokio::test]
async fn what_is_followed_is_accepted_without_a_question() {
    let host = host().await;
    let wire = Arc::new(Wire::default());
    let look_ups = Arc::new(LookUps::new(wire.to(&host), host.registry()));
    let stop = CancellationToken::new();
    let following = tokio::spawn({
        let (look_ups, stop) = (look_ups.clone(), stop.clone());
        async move { look_ups.follow(stop).await }
    });
    until("everything is known", async || {
        let known = [
            &look_ups.clusters,
            &look_ups.vm_classes,
            &look_ups.storage_classes,
            &look_ups.zones,
        ];
        known.iter().all(|known| known.any("").is_some())
    })
    .await;
    let sent = wire.sent();
    assert_eq!(check(&look_ups, &guest("v1.34", "small", "gold")).await, "");
    assert_eq!(wire.sent(), sent);

    // A release is known by the server's own store.
    let none = check(&look_ups, &guest("v1.35", "small", "gold")).await;
    assert!(none.starts_with("spec.distribution.version: "), "{none}");
    assert_eq!(wire.sent(), sent);

    create(&Api::<Cluster>::namespaced(host.admin(), NAMESPACE), cluster("dev")).await;
    until("the name is seen to be taken", async || {
        let found = check(&look_ups, &guest("v1.34", "small", "gold")).await;
        found.starts_with("metadata.name: is taken by the Cluster team-a/dev")
    })
    .await;
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test]
async fn what_is_not_followed_is_read_live() {
    let host = host().await;
    let look_ups = LookUps::new(host.server(), host.registry());
    assert_eq!(check(&look_ups, &guest("v1.34", "small", "gold")).await, "");
    create(&Api::<Cluster>::namespaced(host.admin(), NAMESPACE), cluster("dev")).await;
    let found = check(&look_ups, &guest("v1.9", "huge", "silver")).await;
    let fields: Vec<_> = found.lines().filter_map(|line| line.split(": ").next()).collect();
    let expected = [
        "metadata.name",
        "spec.distribution.version",
        "spec.topology.controlPlane.vmClass",
        "spec.topology.nodePools[0].vmClass",
        "spec.topology.controlPlane.storageClass",
        "spec.topology.nodePools[0].storageClass",
    ];
    assert_eq!(fields, expected, "{found}");
    assert!(
        found.contains("small") && found.contains("gold"),
        "what there is: {found}"
    );

    let without_rights = LookUps::new(host.user("somebody", &[]), host.registry());
    let warned = check(&without_rights, &guest("v1.34", "small", "gold")).await;
    let starts = [
        "warning: the name could not be checked",
        "warning: VM classes could not be checked",
    ];
    assert!(
        warned.lines().zip(starts).all(|(line, start)| line.starts_with(start)) && warned.lines().count() == 2,
        "everybody may read storage classes here: {warned}"
    );
}

/// A guest with a pool in a zone.
fn guest_in(zone: &str) -> GuestCluster {
    let mut guest = guest("v1.34", "small", "gold");
    guest.spec.topology.node_pools[0].failure_domain = Some(zone.to_owned());
    guest
}

#[tokio::test]
async fn a_zone_is_one_of_those_that_there_are() {
    let host = host().await;
    let look_ups = LookUps::new(host.server(), host.registry());
    let field = "spec.topology.nodePools[0].failureDomain";
    assert_eq!(
        check(&look_ups, &guest_in("a")).await,
        format!("{field}: no zone is named \"a\"; there are no zones\n")
    );
    let zones = Api::<AvailabilityZone>::all(host.admin());
    for name in ["b", "a"] {
        create(&zones, json!(AvailabilityZone::new(name, Default::default()))).await;
    }
    assert_eq!(check(&look_ups, &guest_in("a")).await, "");
    assert_eq!(
        check(&look_ups, &guest_in("c")).await,
        format!("{field}: no zone is named \"c\"; there are a, b\n")
    );

    // Of a guest that is there, only what changes is looked at.
    let old = guest_in("c");
    let mut same = guest_in("c");
    same.spec.topology.node_pools[0].replicas += 1;
    let findings = look_ups.check(NAMESPACE, &same, Some(&old)).await;
    assert_eq!((findings.errors.len(), findings.warnings.len()), (0, 0));
    let moved = look_ups.check(NAMESPACE, &guest_in("d"), Some(&old)).await;
    assert_eq!(moved.errors[0].field, field);
}

#[tokio::test]
async fn a_supervisor_without_the_kind_of_zones_takes_any() {
    let definitions = upstream::definitions().unwrap().into_iter();
    let mut definitions: Vec<_> = definitions
        .filter(|kind| kind.names.plural != "availabilityzones")
        .collect();
    definitions.push(releases::definition().unwrap());
    let host = host_of(definitions).await;
    let look_ups = LookUps::new(host.server(), host.registry());
    let warned = check(&look_ups, &guest_in("a")).await;
    assert_eq!(
        warned,
        "warning: zones could not be checked (the kind is not served); see the Ready condition\n"
    );
}

#[tokio::test]
async fn nothing_is_refused_for_what_a_watch_does_not_know_yet() {
    let host = host().await;
    let look_ups = LookUps::new(host.server(), host.registry());
    let stop = CancellationToken::new();
    // Watches that have listed nothing, and say no more.
    let silent = || {
        let listed: Vec<watcher::Result<watcher::Event<StorageClass>>> =
            vec![Ok(watcher::Event::Init), Ok(watcher::Event::InitDone)];
        futures::stream::iter(listed).chain(futures::stream::pending())
    };
    let following = async {
        tokio::join!(
            look_ups.vm_classes.follow(silent, |_| (), stop.clone()),
            look_ups.storage_classes.follow(silent, |_| (), stop.clone()),
        );
    };
    let checking = async {
        until("nothing is known to be there", async || {
            look_ups.vm_classes.has(NAMESPACE, "small") == Some(false)
                && look_ups.storage_classes.has("", "gold") == Some(false)
        })
        .await;
        assert_eq!(check(&look_ups, &guest("v1.34", "small", "gold")).await, "");
        stop.cancel();
    };
    tokio::join!(following, checking);
}
