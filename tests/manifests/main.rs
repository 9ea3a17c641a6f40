//! What manifests/ holds, judged by a real kube-apiserver and by our server.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod monitoring;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use guestcluster_tests::{Host, Kubectl, binaries, program};
use serde::Deserialize as _;
use serde_json::{Value, json};

const OVERLAYS: [&str; 3] = ["dev", "external-etcd", "production"];

#[test]
fn a_real_kube_apiserver_takes_every_overlay_and_its_pods() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start_without_controllers(folder.path(), Vec::new());
    let admin = host.admin();
    install_definitions(&admin);
    for overlay in OVERLAYS {
        let objects = rendered(&admin, overlay);
        let apply = "apply --server-side --force-conflicts --validate=strict -f -";
        // The namespace first, as kubectl does: without it nothing could be put in there.
        let namespace = only(&objects, "Namespace", "guestclusters-system");
        admin.run_with(apply, Some(&namespace.to_string())).success();
        let dry = admin.run_with(&format!("{apply} --dry-run=server"), Some(&list(&objects)));
        assert!(!dry.stderr.contains("Warning"), "{overlay}: {}", dry.stderr);
        dry.success();
        // What its pods need besides.
        for kind in ["ServiceAccount", "PriorityClass"] {
            for object in of_kind(&objects, kind) {
                admin.run_with(apply, Some(&object.to_string())).success();
            }
        }
        for kind in ["Deployment", "StatefulSet"] {
            for object in of_kind(&objects, kind) {
                let pod = admin.run_with("create --dry-run=server -f -", Some(&pod(object).to_string()));
                assert!(!pod.stderr.contains("Warning"), "{overlay}: {}", pod.stderr);
                pod.success();
            }
        }
    }
}

#[test]
fn our_server_knows_every_argument_of_its_deployment() {
    let folder = tempfile::tempdir().unwrap();
    let kubectl = Kubectl::new(&folder.path().join("none"), folder.path(), &binaries());
    for overlay in OVERLAYS {
        let objects = rendered(&kubectl, overlay);
        let deployment = only(&objects, "Deployment", "guestcluster-apiserver");
        let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
            .as_array()
            .unwrap();
        let arguments = arguments.iter().map(|argument| argument.as_str().unwrap());
        // Arguments are read from left to right: one that it does not know comes before the help.
        let output = Command::new(binaries().join("guestcluster-apiserver"))
            .args(arguments)
            .arg("--help")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{overlay}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests")
}

fn rendered(kubectl: &Kubectl, overlay: &str) -> Vec<Value> {
    let path = folder().join("overlays").join(overlay);
    let text = kubectl
        .args(&["kustomize", &path.display().to_string()], None)
        .success();
    documents(&text)
}

fn documents(text: &str) -> Vec<Value> {
    let documents = serde_saphyr::from_multiple::<Value>(text).unwrap();
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

fn list(objects: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn only<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found: Vec<_> = of_kind(objects, kind)
        .into_iter()
        .filter(|object| object["metadata"]["name"] == name)
        .collect();
    assert_eq!(found.len(), 1, "{kind} {name}");
    found[0]
}

/// The pod that a Deployment or StatefulSet would make.
fn pod(object: &Value) -> Value {
    let template = &object["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    metadata["name"] = object["metadata"]["name"].clone();
    metadata["namespace"] = object["metadata"]["namespace"].clone();
    let mut spec = template["spec"].clone();
    for claim in object["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let name = &claim["metadata"]["name"];
        let volume = json!({"name": name, "persistentVolumeClaim": {"claimName": name}});
        spec["volumes"].as_array_mut().unwrap().push(volume);
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// The kinds of cert-manager and of the Prometheus operator, as their makers publish them.
fn install_definitions(admin: &Kubectl) {
    let mut names = Vec::new();
    for entry in fs::read_dir(program("definitions")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        admin.run_with("apply --server-side -f -", Some(&text)).success();
        let document = Value::deserialize(&documents(&text)[0]).unwrap();
        names.push(format!("crd/{}", document["metadata"]["name"].as_str().unwrap()));
    }
    assert_eq!(names.len(), 4);
    let wait = format!("wait --for=condition=Established --timeout=30s {}", names.join(" "));
    admin.run(&wait).success();
}
