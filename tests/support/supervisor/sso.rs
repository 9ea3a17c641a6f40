//! Our issuer as a program of its own, beside a real kube-apiserver that trusts it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use parking_lot::Mutex;

use super::{PATIENCE, SERVER, binaries};
use crate::{Daemon, Kubectl, host::write_private, leaks::PASSWORD};

/// Who changes the users' file reads all of it before, and tests of one issuer do so at the same time.
static CHANGES: Mutex<()> = Mutex::new(());

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

/// Somebody whom the issuer knows, with a browser that signs in by itself.
pub(super) struct Person {
    name: String,
    password: PathBuf,
    authority: PathBuf,
}

impl Person {
    /// Adds them to the issuer of this folder.
    #[track_caller]
    pub(super) fn add(sso: &Path, home: &Path, name: &str, groups: &[&str]) -> Self {
        let password = home.join("password");
        write_private(&password, PASSWORD);
        let mut command = Command::new(binaries().join(SERVER));
        command.args(["sso", "add-user", name, "--data-dir"]).arg(sso);
        for group in groups {
            command.args(["--group", group]);
        }
        let input = fs::File::open(&password).expect("it was just written");
        let _alone = CHANGES.lock();
        let output = command.stdin(input).output().expect("hack/test builds it");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} could not be added: {stderr}");
        Self {
            name: name.to_owned(),
            password,
            authority: sso.join("ca.crt"),
        }
    }

    /// Gives somebody another password, which ends their sessions.
    #[track_caller]
    pub(super) fn change_password(sso: &Path, home: &Path, name: &str) {
        let password = home.join("password");
        write_private(&password, "quite another passphrase");
        let input = fs::File::open(&password).expect("it was just written");
        let mut command = Command::new(binaries().join(SERVER));
        command.args(["sso", "set-password", name, "--data-dir"]).arg(sso);
        let _alone = CHANGES.lock();
        let output = command.stdin(input).output().expect("hack/test builds it");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} got no other password: {stderr}");
    }

    /// Gives kubectl the browser.
    pub(super) fn equip(&self, kubectl: Kubectl) -> Kubectl {
        kubectl
            .with_variable("BROWSER", concat!(env!("CARGO_MANIFEST_DIR"), "/../hack/browser"))
            .with_variable("SSO_USER", &self.name)
            .with_variable("SSO_PASSWORD_FILE", &self.password)
            .with_variable("SSO_CA_FILE", &self.authority)
    }
}

/// Takes somebody whom the issuer of this folder knows out of a group that only they are in.
#[track_caller]
pub(super) fn empty_group(sso: &Path, group: &str) {
    let _alone = CHANGES.lock();
    let users = sso.join("sso-users.yaml");
    let text = fs::read_to_string(&users).expect("somebody was added");
    let without = text.replace(&format!("- {group}\n"), "");
    assert_ne!(without, text, "{text}");
    fs::write(&users, without).expect("the folder is ours");
}

/// Where its users, keys and sessions are.
pub(super) fn folder(root: &Path) -> PathBuf {
    root.join("sso")
}
