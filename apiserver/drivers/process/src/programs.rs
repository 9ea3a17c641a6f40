//! The programs that control-plane VMs run, by their Kubernetes version.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

const ETCD: &str = "etcd";
const API_SERVER: &str = "kube-apiserver";
const CONTROLLER_MANAGER: &str = "kube-controller-manager";

/// The programs that were found.
#[derive(Clone, Debug)]
pub struct Programs {
    /// etcd, one for all versions.
    pub(crate) etcd: PathBuf,
    etcd_version: String,
    releases: Vec<Release>,
    folders: Vec<PathBuf>,
}

/// The programs of one Kubernetes version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    /// Such as `v1.37.2`.
    pub(crate) version: String,
    pub(crate) api_server: PathBuf,
    pub(crate) controller_manager: PathBuf,
}

/// A program is missing or can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ProgramsError {
    /// No folder has it.
    #[error("there is no {program}{of_version}; looked in: {folders}")]
    Missing {
        /// Its name.
        program: &'static str,
        /// Which version is needed, if one is.
        of_version: String,
        /// Where it was looked for.
        folders: String,
    },
    /// It does not say which version it is.
    #[error("{0} does not tell its version: {1}")]
    Version(PathBuf, String),
}

impl Programs {
    /// Looks for etcd, kube-apiserver and kube-controller-manager in these folders, and asks them for their versions.
    pub fn find(folders: &[PathBuf]) -> Result<Self, ProgramsError> {
        let etcd = first(folders, ETCD)?;
        let etcd_version = version_of(&etcd, "etcd Version: ")?;
        let api_servers = versions(folders, API_SERVER)?;
        let managers = versions(folders, CONTROLLER_MANAGER)?;
        let mut releases: Vec<Release> = Vec::new();
        for (version, api_server) in api_servers {
            if releases.iter().any(|release| release.version == version) {
                continue;
            }
            let manager = managers.iter().find(|(of, _)| *of == version);
            let (_, controller_manager) =
                manager.ok_or_else(|| missing(CONTROLLER_MANAGER, format!(" {version}"), folders))?;
            releases.push(Release {
                version,
                api_server,
                controller_manager: controller_manager.clone(),
            });
        }
        releases.sort_by_key(|release| numbers(&release.version));
        Ok(Self {
            etcd,
            etcd_version,
            releases,
            folders: folders.to_vec(),
        })
    }

    /// The Kubernetes versions that VMs can run, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = &str> {
        self.releases.iter().map(|release| release.version.as_str())
    }

    /// The version of etcd.
    pub fn etcd_version(&self) -> &str {
        &self.etcd_version
    }

    /// The programs of a version.
    pub(crate) fn release(&self, version: &str) -> Result<&Release, ProgramsError> {
        let release = self.releases.iter().find(|release| release.version == version);
        release.ok_or_else(|| missing(API_SERVER, format!(" {version}"), &self.folders))
    }
}

fn first(folders: &[PathBuf], program: &'static str) -> Result<PathBuf, ProgramsError> {
    let found = all(folders, program).next();
    found.ok_or_else(|| missing(program, String::new(), folders))
}

/// Every one of a name, with its version.
fn versions(folders: &[PathBuf], program: &'static str) -> Result<Vec<(String, PathBuf)>, ProgramsError> {
    first(folders, program)?;
    all(folders, program)
        .map(|path| Ok((version_of(&path, "Kubernetes ")?, path)))
        .collect()
}

fn all(folders: &[PathBuf], program: &'static str) -> impl Iterator<Item = PathBuf> {
    let paths = folders.iter().map(move |folder| folder.join(program));
    paths.filter(|path| path.is_file())
}

fn missing(program: &'static str, of_version: String, folders: &[PathBuf]) -> ProgramsError {
    let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    ProgramsError::Missing {
        program,
        of_version,
        folders: folders.join(", "),
    }
}

/// What stands behind the words with which a program tells its version.
fn version_of(program: &Path, words: &str) -> Result<String, ProgramsError> {
    let unknown = |why: String| ProgramsError::Version(program.to_owned(), why);
    let output = Command::new(program).arg("--version").env_clear().output();
    let output = output.map_err(|error| unknown(error.to_string()))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let version = printed.lines().find_map(|line| line.strip_prefix(words));
    version
        .map(|version| version.trim().to_owned())
        .ok_or_else(|| unknown(format!("--version ended with {}", output.status)))
}

fn numbers(version: &str) -> Vec<u64> {
    let parts = version.trim_start_matches('v').split(['.', '-', '+']);
    parts.map_while(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn put(folder: &Path, program: &str, prints: &str) {
        fs::create_dir_all(folder).unwrap();
        let file = folder.join(program);
        fs::write(&file, format!("#!/bin/sh\necho '{prints}'\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn versions_are_found_and_what_is_missing_is_named() {
        let root = tempfile::tempdir().unwrap();
        let (a, b) = (root.path().join("a"), root.path().join("b"));
        let folders = [a.clone(), b.clone()];
        put(&a, ETCD, "etcd Version: 3.7.3");
        let error = Programs::find(&folders).unwrap_err().to_string();
        assert!(
            error.contains("kube-apiserver") && error.contains(&b.display().to_string()),
            "{error}"
        );
        put(&a, API_SERVER, "Kubernetes v1.37.2");
        put(&b, API_SERVER, "Kubernetes v1.36.3");
        put(&a, CONTROLLER_MANAGER, "Kubernetes v1.37.2");
        let error = Programs::find(&folders).unwrap_err().to_string();
        assert!(error.contains("kube-controller-manager v1.36.3"), "{error}");
        put(&b, CONTROLLER_MANAGER, "Kubernetes v1.36.3");
        let programs = Programs::find(&folders).unwrap();
        assert_eq!(programs.versions().collect::<Vec<_>>(), ["v1.36.3", "v1.37.2"]);
        assert_eq!(programs.release("v1.36.3").unwrap().api_server, b.join(API_SERVER));
        let error = programs.release("v1.35.0").unwrap_err().to_string();
        assert!(error.contains("kube-apiserver v1.35.0"), "{error}");
    }

    #[test]
    fn a_program_that_tells_nothing_is_named() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), ETCD, "hello");
        let error = Programs::find(&[root.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains("etcd does not tell its version"), "{error}");
    }
}
