//! Our issuer as a program of its own, beside a real kube-apiserver that trusts it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{PATIENCE, SERVER, binaries};
use crate::{Daemon, Kubectl};

/// A running issuer; its files are in a folder of its own.
#[derive(Debug)]
pub(super) struct Sso {
    folder: PathBuf,
    _daemon: Daemon,
}

impl Sso {
    /// Starts one and waits until it serves.
    pub(super) fn start(root: &Path) -> Self {
        let folder = folder(root);
        let mut command = Command::new(binaries().join(SERVER));
        command
            .args(["sso", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&folder);
        let mut daemon = Daemon::start("sso", command, root);
        let url = folder.join("sso-issuer");
        daemon.await_that(PATIENCE, "serves", || url.exists());
        Self {
            folder,
            _daemon: daemon,
        }
    }

    /// The flag by which kube-apiserver trusts it.
    pub(super) fn flag(&self) -> String {
        let file = self.folder.join("authentication-config.json");
        format!("--authentication-config={}", file.display())
    }

    /// Lets everybody find it.
    pub(super) fn publish(&self, admin: &Kubectl) {
        let objects = fs::read_to_string(self.folder.join("guestcluster-login.json"));
        let objects = objects.expect("written before it serves");
        admin.run_with("apply --server-side -f -", Some(&objects)).success();
    }
}

/// Where its users, keys and sessions are.
pub(super) fn folder(root: &Path) -> PathBuf {
    root.join("sso")
}
