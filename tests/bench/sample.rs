//! sample-apiserver: what an aggregated API server is in Go, behind a kube-apiserver.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context as _;
use guestcluster_tests::{Daemon, EtcdMembers, Host, until};
use serde_json::{Value, json};

/// Names its program.
const PROGRAM: &str = "SAMPLE_APISERVER";
const GROUP: &str = "wardle.example.com";
const VERSION: &str = "v1alpha1";
const NAMESPACE: &str = "wardle";
const SERVICE: &str = "api";
const PATIENCE: Duration = Duration::from_mins(1);

/// One that serves, with an etcd that syncs each write to the disk. Both end when it is dropped.
pub(crate) struct Sample {
    server: Daemon,
    etcd: EtcdMembers,
}

impl Sample {
    /// Starts it with its files in this folder, which is made, and waits until kube-apiserver leads to it.
    pub(crate) fn start(folder: &Path, host: &Host) -> anyhow::Result<Self> {
        let etcd = EtcdMembers::start(&folder.join("etcd"), 1);
        let address = Host::reachable_address();
        let admin = host.admin();
        let mut command = Command::new(program()?);
        for flag in ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"] {
            command.arg(format!("--{flag}")).arg(admin.kubeconfig());
        }
        command.args(["--etcd-servers", &etcd.servers()]);
        command.args(["--bind-address", &address.ip().to_string()]);
        command.args(["--secure-port", &address.port().to_string()]);
        // It makes a certificate for itself there.
        command.arg("--cert-dir").arg(folder.join("certificates"));
        let server = Daemon::start("sample-apiserver", command, folder);
        // Not documents one after the other: kubectl takes what begins as JSON for JSON alone.
        let objects = registration(&address.ip().to_string(), address.port());
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        admin
            .run_with("apply --server-side -f -", Some(&list.to_string()))
            .success();
        let path = format!("get --raw /apis/{GROUP}/{VERSION}/flunders");
        let served = until(PATIENCE, || match admin.run(&path) {
            output if output.code == 0 => Ok(()),
            output => Err(output.stderr),
        });
        served.map_err(|last| anyhow::anyhow!("sample-apiserver: {last}\n{}", server.log_tail()))?;
        Ok(Self { server, etcd })
    }

    /// Process ids.
    pub(crate) fn pids(&self) -> Vec<u32> {
        [vec![self.server.pid()], self.etcd.pids()].concat()
    }
}

fn program() -> anyhow::Result<PathBuf> {
    let program = std::env::var_os(PROGRAM).with_context(|| format!("run hack/bench, which sets {PROGRAM}"))?;
    Ok(program.into())
}

/// How kube-apiserver finds it, and that it need not be trusted: it runs on this machine.
fn registration(address: &str, port: u16) -> [Value; 4] {
    let metadata = |name: &str| json!({"name": name, "namespace": NAMESPACE});
    let mut slice = metadata(SERVICE);
    slice["labels"] = json!({"kubernetes.io/service-name": SERVICE});
    [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(SERVICE),
            "spec": {"ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]},
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": slice,
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
            "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
        }),
        json!({
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": format!("{VERSION}.{GROUP}")},
            "spec": {
                "group": GROUP,
                "version": VERSION,
                "groupPriorityMinimum": 1000,
                "versionPriority": 15,
                "insecureSkipTLSVerify": true,
                "service": {"name": SERVICE, "namespace": NAMESPACE},
            },
        }),
    ]
}
