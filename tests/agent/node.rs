//! The agent of the guest's one control-plane node.

use std::{net::TcpListener, path::PathBuf, process::Command};

use guestcluster_credentials::levels;
use guestcluster_tests::{Daemon, Host, binaries};

/// The node's name.
pub(super) const NODE: &str = "dev-cp-x7k2p";

/// What the agent is started with, and the agent while it runs.
pub(super) struct Node {
    pub(super) folder: PathBuf,
    kubeconfig: PathBuf,
    server: String,
    listen: String,
    agent: Option<Daemon>,
}

impl Node {
    /// Starts the agent with no other rights than those that it has in every guest.
    pub(super) fn start(host: &Host, folder: PathBuf) -> Node {
        let loopback = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut node = Node {
            folder,
            kubeconfig: host.kubeconfig(&levels::agent_user(), None, None),
            server: host.server(),
            listen: loopback.local_addr().unwrap().to_string(),
            agent: None,
        };
        drop(loopback);
        node.start_agent();
        node
    }

    pub(super) fn start_agent(&mut self) {
        let mut command = Command::new(binaries().join("guestcluster-apiserver"));
        command.arg("guest-agent").arg("--kubeconfig").arg(&self.kubeconfig);
        command.args(["--node", NODE, "--address", self.server.trim_start_matches("https://")]);
        command
            .arg("--folder")
            .arg(&self.folder)
            .args(["--listen", &self.listen]);
        let logs = self.folder.parent().unwrap();
        self.agent = Some(Daemon::start("agent", command, logs));
    }

    /// Ends the agent where it is.
    pub(super) fn kill_agent(&mut self) {
        self.agent = None;
    }

    pub(super) fn log_tail(&self) -> String {
        self.agent.as_ref().map(Daemon::log_tail).unwrap_or_default()
    }

    /// What kube-apiserver reads.
    pub(super) fn configuration(&self) -> PathBuf {
        self.folder.join("authentication.yaml")
    }
}
