//! The data folder of an embedded supervisor: its files, one owner at a time, atomic writes.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use crate::whole_file;

/// The folder, open for reading and single writes.
pub(crate) struct DataDir {
    root: PathBuf,
}

/// Proof that no other process serves from the folder; released when the process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

impl DataDir {
    /// Opens the folder, making it (mode 0700) when it is missing.
    pub(crate) fn open_or_create(root: &Path) -> anyhow::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .with_context(|| format!("--data-dir: cannot make {}", root.display()))?;
        Ok(Self { root: root.to_owned() })
    }

    /// Opens the folder of a supervisor that was started before.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        let dir = Self { root: root.to_owned() };
        anyhow::ensure!(
            dir.file("ca.crt").exists(),
            "--data-dir: {} holds no supervisor; start one with: guestcluster-apiserver embedded --data-dir {}",
            root.display(),
            root.display()
        );
        Ok(dir)
    }

    /// Path of a file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Takes the folder for this process.
    pub(crate) fn lock(&self) -> anyhow::Result<Lock> {
        let path = self.file("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => anyhow::bail!(
                "--data-dir: {} is in use by another supervisor; stop it first, or name another folder",
                self.root.display()
            ),
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// Reads a text file; none when it does not exist.
    pub(crate) fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        let path = self.file(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes a file of mode 0600 whole or not at all.
    pub(crate) fn write(&self, name: &str, content: &str) -> anyhow::Result<()> {
        whole_file::write(&self.root, name, content, 0o600)
            .with_context(|| format!("cannot write {}", self.file(name).display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_second_supervisor_is_refused_and_told_why() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(folder.path()).unwrap();
        let _held = dir.lock().unwrap();
        let refused = DataDir::open_or_create(folder.path())
            .unwrap()
            .lock()
            .err()
            .unwrap()
            .to_string();
        assert!(refused.contains("in use by another supervisor"), "{refused}");
    }

    #[test]
    fn files_are_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(folder.path()).unwrap();
        dir.write("ca.key", "secret").unwrap();
        assert_eq!(
            fs::metadata(dir.file("ca.key")).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(dir.read("ca.key").unwrap().as_deref(), Some("secret"));
        assert_eq!(dir.read("absent").unwrap(), None);
    }
}
