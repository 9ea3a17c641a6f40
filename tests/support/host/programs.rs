//! Where the real programs are.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

/// The path of a program, or of whatever else tests get from there. The first call of a process makes what is missing, by
/// `hack/components/build`.
pub fn program(name: &str) -> PathBuf {
    let found = folders()
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("hack/components/build made no {name} in {:?}", folders()))
}

/// The folders of what `hack/components/build NAME` makes beyond that.
pub fn built(name: &str) -> Vec<PathBuf> {
    build(&[name])
}

/// The folders of what `hack/components/build` makes.
pub(super) fn folders() -> &'static [PathBuf] {
    static FOLDERS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FOLDERS.get_or_init(|| build(&[]))
}

fn build(names: &[&str]) -> Vec<PathBuf> {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hack/components/build");
    // What it says about its progress is for whoever waits.
    let output = Command::new(build)
        .args(names)
        .stderr(Stdio::inherit())
        .output()
        .expect("bash is there");
    assert!(
        output.status.success(),
        "hack/components/build failed; it says why above"
    );
    let folders = String::from_utf8_lossy(&output.stdout);
    folders.lines().map(PathBuf::from).collect()
}
