//! The three programs of a host and how each is started.

use std::{
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::Command,
};

use super::{
    pki::{PROXY_CLIENT, Pki},
    ports,
    programs::program,
};
use crate::Daemon;

/// Longest for one program to come up on a machine with much else to do.
const PATIENCE: u64 = 60;

/// When etcd answers a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sync {
    /// When the disk has it, as in production.
    Disk,
    /// Without fsync: what a test loses with the machine is of no use to anybody.
    No,
}

/// etcd on loopback.
#[derive(Debug)]
pub(super) struct Etcd {
    pub(super) daemon: Daemon,
    pub(super) port: u16,
}

impl Etcd {
    /// Starts one on this data folder and waits until it serves.
    pub(super) fn start(data: &Path, logs: &Path, sync: Sync) -> Self {
        let (client, peer) = (ports::free(Ipv4Addr::LOCALHOST), ports::free(Ipv4Addr::LOCALHOST));
        let (client_url, peer_url) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let mut command = Command::new(program("etcd"));
        command
            .arg("--data-dir")
            .arg(data)
            .args([
                "--listen-client-urls",
                &client_url,
                "--advertise-client-urls",
                &client_url,
            ])
            .args([
                "--listen-peer-urls",
                &peer_url,
                "--initial-advertise-peer-urls",
                &peer_url,
            ])
            .args(["--initial-cluster", &format!("default={peer_url}")])
            .args(["--log-level", "warn"]);
        if sync == Sync::No {
            command.arg("--unsafe-no-fsync");
        }
        let mut daemon = Daemon::start("etcd", command, logs);
        daemon.await_that(PATIENCE, "listens", || {
            TcpStream::connect(("127.0.0.1", client)).is_ok()
        });
        Self { daemon, port: client }
    }
}

/// kube-apiserver on this port of loopback, with the aggregation layer and further flags; not ready yet.
pub(super) fn apiserver(pki: &Pki, etcd: u16, port: u16, further: &[String], logs: &Path) -> Daemon {
    let file = |name: &str| pki.file(name);
    let mut command = Command::new(program("kube-apiserver"));
    let mut flag = |name: &str, value: &str| {
        command.arg(format!("--{name}={value}"));
    };
    flag("etcd-servers", &format!("http://127.0.0.1:{etcd}"));
    flag("bind-address", "127.0.0.1");
    flag("secure-port", &port.to_string());
    // Nobody reaches it by the Service `kubernetes`: that would need an address that is not loopback.
    flag("advertise-address", "127.0.0.1");
    flag("endpoint-reconciler-type", "none");
    flag("service-cluster-ip-range", "10.0.0.0/24");
    flag("tls-cert-file", &file("apiserver.crt"));
    flag("tls-private-key-file", &file("apiserver.key"));
    flag("client-ca-file", &file("ca.crt"));
    flag("authorization-mode", "RBAC");
    flag("service-account-issuer", "https://kubernetes.default.svc");
    flag("service-account-signing-key-file", &file("sa.key"));
    flag("service-account-key-file", &file("sa.pub"));
    flag("requestheader-client-ca-file", &file("front-proxy-ca.crt"));
    flag("requestheader-allowed-names", PROXY_CLIENT);
    flag("requestheader-username-headers", "X-Remote-User");
    flag("requestheader-uid-headers", "X-Remote-Uid");
    flag("requestheader-group-headers", "X-Remote-Group");
    flag("requestheader-extra-headers-prefix", "X-Remote-Extra-");
    flag("proxy-client-cert-file", &file("front-proxy-client.crt"));
    flag("proxy-client-key-file", &file("front-proxy-client.key"));
    // There is no kube-proxy: requests go to the endpoints of a Service, not to its address.
    flag("enable-aggregator-routing", "true");
    command.args(further);
    Daemon::start("kube-apiserver", command, logs)
}

/// kube-controller-manager with the controllers that API objects need, without those for pods and nodes.
pub(super) fn controller_manager(pki: &Pki, kubeconfig: &Path, logs: &Path) -> Daemon {
    const CONTROLLERS: [&str; 6] = [
        "garbage-collector-controller",
        "namespace-controller",
        "resourcequota-controller",
        "serviceaccount-controller",
        "root-ca-certificate-publisher-controller",
        "clusterrole-aggregation-controller",
    ];
    let mut command = Command::new(program("kube-controller-manager"));
    command
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .arg(format!("--controllers={}", CONTROLLERS.join(",")))
        .arg(format!("--root-ca-file={}", pki.file("ca.crt")))
        .arg(format!("--service-account-private-key-file={}", pki.file("sa.key")))
        // One of them, with one user, that serves nothing itself.
        .args([
            "--leader-elect=false",
            "--use-service-account-credentials=false",
            "--secure-port=0",
        ])
        // The default of 20 requests a second would be what tests wait for.
        .args(["--kube-api-qps=500", "--kube-api-burst=1000"]);
    Daemon::start("kube-controller-manager", command, logs)
}
