//! The programs that read bootstrap data on a machine.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::NamedTempFile;

/// A released kubeadm.
pub(super) struct Kubeadm(PathBuf);

impl Kubeadm {
    /// The newest, which all tests have.
    pub(super) fn newest() -> Self {
        Self(built(&[], "kubeadm"))
    }

    /// The one of an older minor: `1.34`.
    pub(super) fn of(minor: &str) -> Self {
        Self(built(&[&format!("kubeadm-{minor}")], "kubeadm"))
    }

    /// What it calls itself.
    pub(super) fn version(&self) -> String {
        let output = Command::new(&self.0).args(["version", "--output=short"]).output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    }

    /// Reads a file of its documents as it does on a machine; what it says against it is the error.
    pub(super) fn validate(&self, documents: &str) -> Result<(), String> {
        let file = written(documents);
        let output = Command::new(&self.0)
            .args(["config", "validate", "--config"])
            .arg(file.path())
            .output();
        verdict(&output.unwrap())
    }
}

/// Debian's cloud-init, by its path.
pub(super) struct CloudInit(PathBuf);

impl CloudInit {
    /// Nothing where it is not installed, which is told.
    pub(super) fn installed() -> Option<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut programs = env::split_paths(&path).map(|folder| folder.join("cloud-init"));
        let installed = programs.find(|program| program.is_file());
        if installed.is_none() {
            eprintln!("skipped: there is no cloud-init on PATH (Debian has a package of that name)");
        }
        installed.map(Self)
    }

    /// The data with the facts of a machine in their places.
    pub(super) fn render(&self, data: &str) -> String {
        let facts = written(r#"{"ds": {"meta_data": {"hostname": "dev-cp-x7k2p", "local_hostname": "dev-cp-x7k2p"}}}"#);
        let file = written(data);
        let mut command = Command::new(&self.0);
        command
            .args(["devel", "render", "--instance-data"])
            .arg(facts.path())
            .arg(file.path());
        let output = command.output().unwrap();
        verdict(&output).unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Reads a cloud-config by its schema.
    pub(super) fn validate(&self, config: &str) -> Result<(), String> {
        let file = written(config);
        let output = Command::new(&self.0)
            .args(["schema", "--config-file"])
            .arg(file.path())
            .output();
        verdict(&output.unwrap())
    }
}

fn verdict(output: &Output) -> Result<(), String> {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(told) }
}

fn written(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// A program of `hack/components/build ARGUMENTS`.
fn built(arguments: &[&str], program: &str) -> PathBuf {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hack/components/build");
    let output = Command::new(build)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "hack/components/build failed; it says why above"
    );
    let folders = String::from_utf8(output.stdout).unwrap();
    let mut found = folders.lines().map(|folder| Path::new(folder).join(program));
    let found = found.find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("hack/components/build {arguments:?} makes no {program}"))
}
