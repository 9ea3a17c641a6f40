//! GuestClusters as the tests ask for them.

use serde_json::{Value, json};

use crate::Kubectl;

/// The kinds of the layers below ours, as `kubectl get` takes them.
pub const LAYERS: [&str; 14] = [
    "clusters.cluster.x-k8s.io",
    "kubeadmcontrolplanes",
    "machinedeployments",
    "machinesets",
    "machines",
    "machinehealthchecks",
    "kubeadmconfigs",
    "kubeadmconfigtemplates",
    "vsphereclusters",
    "vspheremachines",
    "vspheremachinetemplates",
    "virtualmachines",
    "virtualmachineservices",
    "virtualmachinesetresourcepolicies",
];

/// A GuestCluster to be written, of best-effort-small machines with storage class gold, in the namespace of whoever writes it.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The object; tests change what they are about.
    pub object: Value,
}

impl Manifest {
    /// One with a single node pool, `default`.
    pub fn new(name: &str, version: &str, control_plane: u32, workers: u32) -> Self {
        let size =
            |replicas: u32| json!({"replicas": replicas, "vmClass": "best-effort-small", "storageClass": "gold"});
        let mut pool = size(workers);
        pool["name"] = json!("default");
        let object = json!({
            "apiVersion": "guestclusters.dev/v1alpha1",
            "kind": "GuestCluster",
            "metadata": {"name": name},
            "spec": {
                "distribution": {"version": version},
                "topology": {"controlPlane": size(control_plane), "nodePools": [pool]},
            },
        });
        Self { object }
    }

    /// The same with another value at a JSON pointer, whose parents must be there.
    #[must_use]
    pub fn with(mut self, pointer: &str, value: Value) -> Self {
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer begins with /");
        match self.object.pointer_mut(parent) {
            Some(Value::Object(fields)) => {
                fields.insert(field.to_owned(), value);
            }
            other => panic!("{parent} is {other:?}"),
        }
        self
    }

    /// As text.
    pub fn text(&self) -> String {
        self.object.to_string()
    }
}

impl Kubectl {
    /// Creates the GuestCluster and waits until it is Ready.
    #[track_caller]
    pub fn create_guest(&self, manifest: &Manifest) {
        self.run_with("create -f -", Some(&manifest.text())).success();
        self.await_ready(manifest.object["metadata"]["name"].as_str().expect("a name"));
    }

    /// Waits until a GuestCluster is Ready, as its spec asks.
    #[track_caller]
    pub fn await_ready(&self, name: &str) {
        let wait = format!("wait guestcluster/{name} --for=condition=Ready --timeout=100s");
        let output = self.run(&wait);
        if output.code != 0 {
            let status = self.run(&format!("get guestcluster {name} -o jsonpath={{.status}}"));
            panic!("{name} is not Ready: {}\nstatus: {}", output.stderr, status.stdout);
        }
    }

    /// What a JSON path shows of a GuestCluster.
    #[track_caller]
    pub fn guest_field(&self, name: &str, path: &str) -> String {
        self.run(&format!("get guestcluster {name} -o jsonpath={{{path}}}"))
            .success()
    }
}
