//! A store that was lost must not take running guests with it.

use std::{collections::BTreeMap, fs, path::Path};

use generic_apiserver::storage::redb::Engine;
use guestcluster_tests::{Kubectl, LAYERS, Manifest, Supervisor, eventually};
use serde_json::{Value, json};

use crate::{MODE, direct};

const GUESTS: [&str; 3] = ["dev", "test", "prod"];
/// Where our server keeps its objects.
const KEYSPACE: &str = "agg/";

/// One supervisor for both: what the first one left is what the second one begins with.
#[test]
fn a_lost_store_deletes_nothing_and_its_guests_can_be_taken_back() {
    let mut supervisor = Supervisor::fast(MODE);
    let kubectl = supervisor.kubectl();
    for name in GUESTS {
        kubectl.create_guest(&Manifest::new(name, "v1.34", 1, 1));
    }
    belong_to_nothing_of_ours(&kubectl);
    a_guest_whose_object_was_lost_is_taken_back_as_it_runs(&mut supervisor);
    an_empty_store_beside_running_guests_deletes_nothing_and_names_them(&mut supervisor);
}

fn a_guest_whose_object_was_lost_is_taken_back_as_it_runs(supervisor: &mut Supervisor) {
    let kubectl = supervisor.kubectl();
    let guest = supervisor.guest_kubectl("team-a", "dev");
    guest.run("create configmap kept --from-literal=a=b").success();
    let before = objects(&kubectl);

    supervisor.stop();
    lose_objects(&supervisor.data_dir().join("guestclusters.redb"));
    supervisor.restart();
    supervisor.apply_catalogue();
    metrics_name(supervisor, &kubectl, &GUESTS);
    let manifest = Manifest::new("dev", "v1.34", 1, 1);
    let uid = kubectl.json("get cluster dev")["metadata"]["labels"]["guestclusters.dev/guest-uid"].clone();
    let adopting = manifest.with("/metadata/annotations", json!({"guestclusters.dev/adopt": uid}));
    kubectl.create_guest(&adopting);
    assert_eq!(kubectl.guest_field("dev", ".status.guestUID"), uid.as_str().unwrap());
    metrics_name(supervisor, &kubectl, &["test", "prod"]);
    assert_eq!(objects(&kubectl), before);
    assert_eq!(guest.json("get configmap kept")["data"]["a"], "b");
}

fn an_empty_store_beside_running_guests_deletes_nothing_and_names_them(supervisor: &mut Supervisor) {
    let kubectl = supervisor.kubectl();
    let before = objects(&kubectl);
    assert!(before.len() > GUESTS.len() * 10, "{before:#?}");
    supervisor.stop();
    fs::remove_dir_all(supervisor.data_dir()).unwrap();
    supervisor.restart();
    assert!(kubectl.names("guestclusters -A").is_empty());
    metrics_name(supervisor, &kubectl, &GUESTS);
    eventually(60, "an event names every orphan", || {
        let events = kubectl.run("get events --no-headers").success();
        let named = |name: &&str| {
            let object = format!("cluster/{name} ");
            events
                .lines()
                .any(|line| line.contains("Orphan") && line.contains(&object))
        };
        if GUESTS.iter().all(named) { Ok(()) } else { Err(events) }
    });
    assert_eq!(objects(&kubectl), before);
}

/// The host's garbage collector, which can't know our objects, would delete what refers to one that it does not find.
#[track_caller]
fn belong_to_nothing_of_ours(kubectl: &Kubectl) {
    let list = kubectl.json(&format!("get secrets,configmaps,{}", LAYERS.join(",")));
    for object in list["items"].as_array().unwrap() {
        for owner in object["metadata"]["ownerReferences"].as_array().into_iter().flatten() {
            let version = owner["apiVersion"].as_str().unwrap();
            assert!(
                !version.starts_with("guestclusters.dev/"),
                "{} is owned by {owner}",
                object["metadata"]["name"]
            );
        }
    }
}

/// Loses our objects from the store, and nothing of the simulated VMs, which are elsewhere in truth.
fn lose_objects(file: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = Engine::open(file, 1 << 20).unwrap();
        let ours = engine.keyspace(KEYSPACE).range("", None, 1_000).await.unwrap();
        assert!(ours.items.len() > GUESTS.len(), "this is not where our objects are");
        engine.remove_keyspace(KEYSPACE).await.unwrap();
        engine.close().await;
    });
}

/// Waits until our metrics name these orphans and no others.
#[track_caller]
fn metrics_name(supervisor: &Supervisor, kubectl: &Kubectl, names: &[&str]) {
    eventually(60, "metrics name every orphan", || {
        let page = direct::get(supervisor, Some(kubectl), "/metrics", &[]).unwrap();
        let count = format!("\nguestcluster_orphans {}\n", names.len());
        let named = |name: &&str| page.contains(&format!("guestcluster_orphan{{namespace=\"team-a\",name=\"{name}\""));
        match page.contains(&count) && names.iter().all(named) {
            true => Ok(()),
            false => Err(page
                .lines()
                .filter(|line| line.contains("orphan"))
                .collect::<Vec<_>>()
                .join("\n")),
        }
    });
}

/// Kind and name of every object of the layers, with its UID, and whether it goes.
#[track_caller]
fn objects(kubectl: &Kubectl) -> BTreeMap<String, Value> {
    let list = kubectl.json(&format!("get {}", LAYERS.join(",")));
    let object = |object: &Value| {
        let metadata = &object["metadata"];
        let name = format!("{} {}", object["kind"], metadata["name"]);
        (name, json!([metadata["uid"], metadata["deletionTimestamp"]]))
    };
    list["items"].as_array().unwrap().iter().map(object).collect()
}
