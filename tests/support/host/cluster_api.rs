//! Upstream's machine layer: the managers of Cluster API and of its provider for vSphere, as they are, in supervisor mode.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use guestcluster_types::upstream::crds::CRDS;
use serde_json::{Value, json};

use super::{
    Host, ports,
    programs::{built, folders},
    write_private,
};
use crate::{Daemon, Endpoint, Kubectl, Output};

/// Longest for a manager to come up, on a machine with much else to do.
const PATIENCE: u64 = 90;
/// Which version of a kind speaks which version of Cluster API's contract is looked up at its definition.
const CONTRACTS: [&str; 2] = ["cluster.x-k8s.io/v1beta1", "cluster.x-k8s.io/v1beta2"];

/// A manager: the name of its program, the part of the module that its files are in, and what only it is told.
struct Manager {
    program: &'static str,
    files: &'static str,
    flags: &'static [&'static str],
}

const MANAGERS: [Manager; 4] = [
    Manager {
        program: "capi-core",
        files: "sigs.k8s.io/cluster-api/core/config",
        flags: &[],
    },
    Manager {
        program: "capi-kubeadm-bootstrap",
        files: "sigs.k8s.io/cluster-api/bootstrap/kubeadm/config",
        flags: &[],
    },
    Manager {
        program: "capi-kubeadm-control-plane",
        files: "sigs.k8s.io/cluster-api/controlplane/kubeadm/config",
        flags: &[],
    },
    Manager {
        program: "capv-manager",
        files: "sigs.k8s.io/cluster-api-provider-vsphere/config/supervisor",
        // The first is on by itself here alone; the second makes a VirtualMachineService of each cluster.
        flags: &["--leader-elect=false", "--network-provider=DummyLBNetworkProvider"],
    },
];

/// The running managers. They end when dropped.
#[derive(Debug)]
pub struct ClusterApi {
    managers: Vec<Running>,
}

/// A manager, and how it is started again: where kube-apiserver finds its webhooks.
#[derive(Debug)]
struct Running {
    daemon: Option<Daemon>,
    name: &'static str,
    command: Vec<OsString>,
    health: u16,
    logs: PathBuf,
}

impl ClusterApi {
    /// Installs the definitions, starts the managers, and lets kube-apiserver ask them about what is written.
    pub fn start(host: &Host) -> Self {
        let folders = built("cluster-api");
        let admin = host.admin();
        install(&admin, &definitions(&folders));
        apply(&admin, &cluster_info(host)).success();
        let folder = host.folder().join("cluster-api");
        let certificates = certificates(host, &folder);
        let kubeconfig = host.kubeconfig("cluster-api", Some("system:masters"), None);
        let mut webhooks = String::new();
        let managers = MANAGERS.iter().map(|manager| {
            let port = ports::free(Ipv4Addr::LOCALHOST);
            let mut running = manager.running(&folders, &kubeconfig, &certificates, port, &folder);
            running.start();
            webhooks.push_str(&manager.webhooks(&folders, port, host));
            running
        });
        let managers = managers.collect();
        apply(&admin, &webhooks).success();
        Self { managers }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.managers.len()
    }

    /// Kills one of them, starts it again, and waits until it is ready. Returns its name.
    pub fn restart(&mut self, index: usize) -> &'static str {
        let manager = &mut self.managers[index];
        manager.daemon = None;
        manager.start();
        manager.name
    }

    /// The last lines of all logs, to show when a test fails.
    pub fn log_tail(&self) -> String {
        let daemons = self.managers.iter().filter_map(|manager| manager.daemon.as_ref());
        daemons.map(Daemon::log_tail).collect()
    }
}

impl Running {
    fn start(&mut self) {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]);
        let mut daemon = Daemon::start(self.name, command, &self.logs);
        daemon.await_that(PATIENCE, "is ready", || is_ready(self.health));
        self.daemon = Some(daemon);
    }
}

impl Manager {
    fn running(&self, folders: &[PathBuf], kubeconfig: &Path, certificates: &Path, port: u16, logs: &Path) -> Running {
        let [health, diagnostics, profiler] = [(); 3].map(|()| ports::free(Ipv4Addr::LOCALHOST));
        let own = [
            format!("--webhook-port={port}"),
            format!("--health-addr=127.0.0.1:{health}"),
            format!("--diagnostics-address=127.0.0.1:{diagnostics}"),
            format!("--profiler-address=127.0.0.1:{profiler}"),
        ];
        // Rates that a test would wait for.
        let shared = ["--insecure-diagnostics", "--kube-api-qps=100", "--kube-api-burst=200"];
        let files: [OsString; 5] = [
            find(folders, self.program).into(),
            "--kubeconfig".into(),
            kubeconfig.into(),
            "--webhook-cert-dir".into(),
            certificates.into(),
        ];
        let flags = shared.iter().chain(self.flags).map(Into::into);
        Running {
            daemon: None,
            name: self.program,
            command: files.into_iter().chain(own.map(Into::into)).chain(flags).collect(),
            health,
            logs: logs.to_owned(),
        }
    }

    /// Its webhooks, by the address where it serves them.
    fn webhooks(&self, folders: &[PathBuf], port: u16, host: &Host) -> String {
        let file = find(folders, self.files).join("webhook/manifests.yaml");
        let authority = BASE64_STANDARD.encode(host.pki.authority());
        documents(&file)
            .into_iter()
            .fold(String::new(), |mut stream, mut object| {
                let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
                object["metadata"]["name"] = json!(format!("{}-{kind}", self.program));
                for webhook in object["webhooks"].as_array_mut().into_iter().flatten() {
                    let path = webhook["clientConfig"]["service"]["path"].as_str().unwrap_or_default();
                    let url = format!("https://127.0.0.1:{port}{path}");
                    webhook["clientConfig"] = json!({"url": url, "caBundle": authority});
                }
                writeln!(stream, "---\n{object}").expect("a string takes everything");
                stream
            })
    }
}

impl Host {
    /// Puts upstream's own definitions, with all their rules, in the place of those that it has from its beginning.
    pub fn use_published_definitions(&self) {
        let mut definitions = published_definitions();
        definitions.retain(|definition| CRDS.iter().any(|(name, _)| definition["metadata"]["name"] == *name));
        install(&self.admin(), &definitions);
    }
}

/// Every definition of upstream's as its makers publish it, with the version that is stored and no other.
pub fn published_definitions() -> Vec<Value> {
    definitions(folders())
}

/// Every definition of upstream's, with the version that is stored and no other, so that nothing is ever converted.
fn definitions(folders: &[PathBuf]) -> Vec<Value> {
    let of_managers = MANAGERS
        .iter()
        .map(|manager| find(folders, manager.files).join("crd/bases"));
    let of_vm_operator = find(
        folders,
        "sigs.k8s.io/cluster-api-provider-vsphere/test/infrastructure/vm-operator/vm-operator-9.1.yaml",
    );
    let files = of_managers.flat_map(|folder| {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.map(|entry| entry.expect("it was just listed").path())
    });
    let mut all: Vec<_> = files
        .chain([of_vm_operator])
        .flat_map(|file| documents(&file))
        .collect();
    all.retain(|object| object["kind"] == "CustomResourceDefinition");
    for crd in &mut all {
        let versions = crd["spec"]["versions"]
            .as_array_mut()
            .expect("a definition has versions");
        versions.retain(|version| version["storage"] == true);
        for contract in CONTRACTS {
            crd["metadata"]["labels"][contract] = json!(contract.rsplit('/').next());
        }
        if let Some(spec) = crd["spec"].as_object_mut() {
            spec.remove("conversion");
        }
    }
    all
}

/// In place of those of the same name that the host has from its beginning.
fn install(admin: &Kubectl, definitions: &[Value]) {
    let stream = definitions.iter().fold(String::new(), |mut stream, crd| {
        writeln!(stream, "---\n{crd}").expect("a string takes everything");
        stream
    });
    apply(admin, &stream).success();
    let names = definitions.iter().filter_map(|crd| crd["metadata"]["name"].as_str());
    let names: Vec<_> = names.map(|name| format!("crd/{name}")).collect();
    let wait = format!(
        "wait --for=condition=Established --timeout={PATIENCE}s {}",
        names.join(" ")
    );
    admin.run(&wait).success();
}

/// Where the supervisor itself is, as kubeadm leaves it in each cluster. The provider writes the address into Endpoints of each guest,
/// which take none of loopback; while it can't, it calls the infrastructure of the guest not ready, and no health check looks at a node.
fn cluster_info(host: &Host) -> String {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "", "cluster": {
            // No guest's add-on asks there: kube-apiserver itself listens on loopback alone.
            "server": format!("https://{}:{}", ports::own_address(), host.port),
            "certificate-authority-data": BASE64_STANDARD.encode(host.pki.authority()),
        }}],
    });
    // kube-apiserver makes the namespace too, some time after it is ready.
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-public"}});
    let config_map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cluster-info", "namespace": "kube-public"},
        "data": {"kubeconfig": kubeconfig.to_string()},
    });
    format!("---\n{namespace}\n---\n{config_map}\n")
}

fn apply(admin: &Kubectl, stream: &str) -> Output {
    admin.run_with("apply --server-side --force-conflicts -f -", Some(stream))
}

/// A folder with the certificate that all of them serve their webhooks by.
fn certificates(host: &Host, folder: &Path) -> PathBuf {
    let files = folder.join("certificates");
    fs::create_dir_all(&files).expect("the folder is ours");
    for (from, to) in [("apiserver.crt", "tls.crt"), ("apiserver.key", "tls.key")] {
        let content = fs::read_to_string(host.pki.file(from)).expect("the host has it");
        write_private(&files.join(to), &content);
    }
    files
}

fn documents(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parsed = serde_saphyr::from_multiple(&text);
    parsed.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn find(folders: &[PathBuf], name: &str) -> PathBuf {
    let found = folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("hack/components/build made no {name} in {folders:?}"))
}

fn is_ready(port: u16) -> bool {
    let endpoint = Endpoint::plain((Ipv4Addr::LOCALHOST, port).into()).with_http1();
    endpoint.get("/readyz").is_ok()
}
