//! An etcd of some members, each of which can be disturbed.

use std::{
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use super::{ports, programs::program};
use crate::Daemon;

/// Longest for a member to come up, on a machine with much else to do.
const PATIENCE: u64 = 60;

/// A running etcd on loopback that answers when its disks have a write; stopped when dropped.
#[derive(Debug)]
pub struct EtcdMembers {
    folder: PathBuf,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    client: u16,
    peer: u16,
    daemon: Option<Daemon>,
}

impl EtcdMembers {
    /// Starts so many in this folder, which is made, and waits until all listen.
    pub fn start(folder: &Path, count: usize) -> Self {
        std::fs::create_dir_all(folder).expect("the folder is ours");
        let port = || ports::free(Ipv4Addr::LOCALHOST);
        let members = (0..count).map(|_| Member {
            client: port(),
            peer: port(),
            daemon: None,
        });
        let mut etcd = Self {
            folder: folder.to_owned(),
            members: members.collect(),
        };
        etcd.restart_all();
        etcd
    }

    /// Starts all members, again after all were killed, and waits until they listen. One alone would wait for the others.
    pub fn restart_all(&mut self) {
        for member in 0..self.count() {
            self.spawn(member);
        }
        for member in 0..self.count() {
            self.await_member(member);
        }
    }

    /// For `--etcd-servers`.
    pub fn servers(&self) -> String {
        let urls: Vec<String> = self.members.iter().map(|member| url(member.client)).collect();
        urls.join(",")
    }

    /// Process ids of those that run.
    pub fn pids(&self) -> Vec<u32> {
        let running = self.members.iter().filter_map(|member| member.daemon.as_ref());
        running.map(Daemon::pid).collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// Kills a member, without a word.
    pub fn kill(&mut self, member: usize) {
        self.members[member].daemon = None;
    }

    /// Starts a member again on its data, and waits until it listens.
    pub fn restart(&mut self, member: usize) {
        self.spawn(member);
        self.await_member(member);
    }

    /// Sends all members a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        self.members
            .iter()
            .filter_map(|member| member.daemon.as_ref())
            .for_each(|daemon| daemon.signal(name));
    }

    /// Sends one member a signal.
    pub fn signal_one(&self, member: usize, name: &str) {
        if let Some(daemon) = &self.members[member].daemon {
            daemon.signal(name);
        }
    }

    fn spawn(&mut self, member: usize) {
        let cluster: Vec<String> = (0..)
            .zip(&self.members)
            .map(|(number, member)| format!("m{number}={}", url(member.peer)))
            .collect();
        let Member { client, peer, .. } = self.members[member];
        let (name, client, peer) = (format!("m{member}"), url(client), url(peer));
        let mut command = Command::new(program("etcd"));
        command.arg("--data-dir").arg(self.folder.join(&name));
        command.args([
            "--name",
            &name,
            "--log-level",
            "warn",
            "--initial-cluster",
            &cluster.join(","),
        ]);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        self.members[member].daemon = Some(Daemon::start(&format!("etcd-{name}"), command, &self.folder));
    }

    fn await_member(&mut self, member: usize) {
        let Member { client, daemon, .. } = &mut self.members[member];
        let daemon = daemon.as_mut().expect("it was started before");
        daemon.await_that(PATIENCE, "listens", || {
            TcpStream::connect(("127.0.0.1", *client)).is_ok()
        });
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
