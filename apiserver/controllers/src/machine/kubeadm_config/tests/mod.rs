//! What machines start by, as the programs read it that they start.

mod machines;
mod programs;

use machines::{HOST_NAME, Machine, documents};
use programs::{CloudInit, Kubeadm};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The newest of each minor that guests may run, oldest first; one has a suffix of who packaged it.
const RELEASES: [&str; 6] = [
    "v1.32.13",
    "v1.33.13",
    "v1.34.4",
    "v1.35.4+vendor.1",
    "v1.36.3",
    "v1.37.2",
];
/// The first of [`RELEASES`] that the newest kubeadm begins a cluster of: it knows the minor before its own.
const FIRST_OF_NEWEST: usize = 4;

#[test]
fn kubeadm_takes_what_machines_of_each_release_start_by() {
    let kubeadm = Kubeadm::newest();
    let newest = RELEASES[RELEASES.len() - 1];
    assert_eq!(kubeadm.version(), newest, "RELEASES is behind hack/components/kubeadm");
    // Most of what joins is the same in each release.
    let mut taken = BTreeSet::new();
    for (index, release) in RELEASES.into_iter().enumerate() {
        for machine in Machine::of(release) {
            let mut documents = machine.documents();
            if machine.is_first() && index < FIRST_OF_NEWEST {
                let refused = kubeadm.validate(&documents).unwrap_err();
                let only = format!(
                    "error: this version of kubeadm only supports deploying clusters with the control plane version >= 1.36.0. Current version: {release}\n"
                );
                assert!(refused.starts_with(&only), "{machine}: {refused}");
                documents = documents.replace(release, newest);
            }
            if !taken.contains(&documents) {
                assert_eq!(kubeadm.validate(&documents), Ok(()), "{machine}: {documents}");
                taken.insert(documents);
            }
        }
    }
}

#[test]
#[ignore = "needs hack/components/build kubeadm-1.36, -1.34 and -1.32: hack/test --full"]
fn kubeadm_of_each_release_or_the_next_takes_what_its_machines_start_by() {
    let kubeadms = [("1.32", 0..1), ("1.34", 1..3), ("1.36", 3..5)];
    for (minor, releases) in kubeadms {
        let kubeadm = Kubeadm::of(minor);
        for release in &RELEASES[releases] {
            for machine in Machine::of(release) {
                let documents = machine.documents();
                assert_eq!(
                    kubeadm.validate(&documents),
                    Ok(()),
                    "{machine}, by {}: {documents}",
                    kubeadm.version()
                );
            }
        }
    }
}

/// Otherwise the tests above would pass whatever is written.
#[test]
fn kubeadm_refuses_what_it_does_not_know() {
    let kubeadm = Kubeadm::newest();
    let machines = Machine::of(RELEASES[RELEASES.len() - 1]);
    for machine in machines.into_iter().skip_while(Machine::has_stacked_etcd) {
        let documents = parsed(&machine.documents());
        for (index, document) in documents.iter().enumerate() {
            for (what, wrong, told) in wrong(document) {
                let mut documents = documents.clone();
                documents[index] = wrong;
                let refused = kubeadm.validate(&text(&documents)).expect_err(what);
                assert!(refused.contains(told), "{machine}: {what}: {refused}");
            }
        }
    }
}

/// A document with one thing wrong each: what, and what is told.
fn wrong(document: &Value) -> Vec<(&'static str, Value, &'static str)> {
    let with = |pointer: &str, field: &str, value: Value| {
        let mut wrong = document.clone();
        let fields = wrong.pointer_mut(pointer).and_then(Value::as_object_mut)?;
        fields.insert(field.to_owned(), value);
        Some(wrong)
    };
    let all = [
        (
            "a version that was",
            with("", "apiVersion", json!("kubeadm.k8s.io/v1beta3")),
            "old API spec: \"kubeadm.k8s.io/v1beta3\"",
        ),
        (
            "a version that is not",
            with("", "apiVersion", json!("kubeadm.k8s.io/v9")),
            "unknown configuration APIs",
        ),
        (
            "an unknown field",
            with("", "ttlSeconds", json!(1)),
            "unknown field \"ttlSeconds\"",
        ),
        (
            "one of a node",
            with("/nodeRegistration", "labels", json!({})),
            "unknown field \"nodeRegistration.labels\"",
        ),
        (
            "arguments as before v1beta4",
            with("/apiServer", "extraArgs", json!({"v": "2"})),
            "cannot unmarshal object",
        ),
        ("whole seconds", with("/timeouts", "discovery", json!(300)), "discovery"),
        ("an algorithm", with("", "encryptionAlgorithm", json!("ECDSA")), "ECDSA"),
        (
            "a token",
            with("/discovery/bootstrapToken", "token", json!("abc")),
            "bootstrapToken",
        ),
    ];
    let kind = document["kind"].as_str().unwrap_or_default();
    let applies = |what: &str| what != "an algorithm" || kind == "ClusterConfiguration";
    all.into_iter()
        .filter(|(what, ..)| applies(what))
        .filter_map(|(what, wrong, told)| Some((what, wrong?, told)))
        .collect()
}

#[test]
fn cloud_init_takes_what_machines_start_by() {
    let Some(cloud_init) = CloudInit::installed() else {
        return;
    };
    // What one release's machines start by differs from another's in versions alone.
    for machine in Machine::of(RELEASES[0])
        .into_iter()
        .skip_while(Machine::has_stacked_etcd)
    {
        let rendered = cloud_init.render(&machine.data);
        let data: Value = serde_saphyr::from_str(&machine.data.replace(HOST_NAME, "dev-cp-x7k2p")).unwrap();
        assert_eq!(
            serde_saphyr::from_str::<Value>(&rendered).unwrap(),
            data,
            "{machine}: but for facts of the machine all stays"
        );
        assert_eq!(cloud_init.validate(&rendered), Ok(()), "{machine}: {rendered}");
        assert!(!documents(&rendered).contains("{{"), "{machine}");
    }
    let wrong = "#cloud-config\nwrite_files:\n- {path: /a, content: b, permisions: '0600'}\nusers:\n- {name: ada, inactive: true}\n";
    let refused = cloud_init.validate(wrong).unwrap_err();
    assert!(
        refused.contains("'permisions' was unexpected") && refused.contains("users.0"),
        "{refused}"
    );
}

/// Every release's configuration is of a version that kubeadm of that release reads.
#[test]
fn all_documents_of_a_machine_are_of_one_version() {
    let mut versions = BTreeMap::<String, usize>::new();
    for release in RELEASES {
        for document in Machine::of(release)
            .iter()
            .flat_map(|machine| parsed(&machine.documents()))
        {
            *versions
                .entry(document["apiVersion"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
    }
    assert_eq!(
        versions,
        BTreeMap::from([("kubeadm.k8s.io/v1beta4".to_owned(), RELEASES.len() * 3 * 4)])
    );
}

fn parsed(documents: &str) -> Vec<Value> {
    let documents = documents.split("---\n").filter(|text| !text.trim().is_empty());
    documents.map(|text| serde_saphyr::from_str(text).unwrap()).collect()
}

fn text(documents: &[Value]) -> String {
    let documents: Vec<_> = documents.iter().map(Value::to_string).collect();
    documents.join("\n---\n")
}
