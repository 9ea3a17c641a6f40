//! A store that was lost must not take running guests with it.

use std::{collections::BTreeMap, fs};

use guestcluster_tests::{Kubectl, LAYERS, Manifest, Supervisor, eventually};
use serde_json::{Value, json};

use crate::{MODE, direct};

const GUESTS: [&str; 3] = ["dev", "test", "prod"];

#[test]
fn an_empty_store_beside_running_guests_deletes_nothing_and_names_them() {
    let mut supervisor = Supervisor::fast(MODE);
    let kubectl = supervisor.kubectl();
    for name in GUESTS {
        kubectl.create_guest(&Manifest::new(name, "v1.34", 1, 1));
    }
    let before = objects(&kubectl);
    assert!(before.len() > GUESTS.len() * 10, "{before:#?}");

    supervisor.stop();
    fs::remove_dir_all(supervisor.data_dir()).unwrap();
    supervisor.restart();
    assert!(kubectl.names("guestclusters -A").is_empty());
    eventually(60, "metrics name every orphan", || {
        let page = direct::get(&supervisor, Some(&kubectl), "/metrics", &[]).unwrap();
        let named = |name: &&str| page.contains(&format!("guestcluster_orphan{{namespace=\"team-a\",name=\"{name}\""));
        match page.contains("\nguestcluster_orphans 3\n") && GUESTS.iter().all(named) {
            true => Ok(()),
            false => Err(page
                .lines()
                .filter(|line| line.contains("orphan"))
                .collect::<Vec<_>>()
                .join("\n")),
        }
    });
    eventually(60, "an event names every orphan", || {
        let events = kubectl.run("get events --no-headers").success();
        let named = |name: &&str| {
            events
                .lines()
                .any(|line| line.contains("Orphan") && line.contains(&format!("/{name} ")))
        };
        if GUESTS.iter().all(named) { Ok(()) } else { Err(events) }
    });
    assert_eq!(objects(&kubectl), before);

    // One of them is taken back, as it is.
    let uid = kubectl.json("get cluster dev")["metadata"]["labels"]["guestclusters.dev/guest-uid"].clone();
    let adopting =
        Manifest::new("dev", "v1.34", 1, 1).with("/metadata/annotations", json!({"guestclusters.dev/adopt": uid}));
    kubectl.create_guest(&adopting);
    assert_eq!(kubectl.guest_field("dev", ".status.guestUID"), uid.as_str().unwrap());
    eventually(60, "it is no orphan any more", || {
        let page = direct::get(&supervisor, Some(&kubectl), "/metrics", &[]).unwrap();
        if page.contains("\nguestcluster_orphans 2\n") {
            Ok(())
        } else {
            Err(page)
        }
    });
    assert_eq!(objects(&kubectl), before);
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
