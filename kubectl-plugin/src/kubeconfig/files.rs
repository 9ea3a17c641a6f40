//! Which files a kubeconfig is made of, by kubectl's rules.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::document::{Document, List};
use crate::error::{Error, Result, cause};

/// For how long a file is looked at again that another program is writing: half a second.
const LOOKS: usize = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// The files, the first one wins. At least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files(Vec<PathBuf>);

impl Files {
    /// The file of `--kubeconfig`, else those of KUBECONFIG, else `~/.kube/config`.
    pub(crate) fn find(flag: Option<&Path>) -> Result<Self> {
        if let Some(path) = flag {
            return Ok(Self(vec![path.to_owned()]));
        }
        let variable = std::env::var_os("KUBECONFIG").unwrap_or_default();
        let listed: Vec<PathBuf> = std::env::split_paths(&variable)
            .filter(|path| !path.as_os_str().is_empty())
            .collect();
        if !listed.is_empty() {
            return Ok(Self(listed));
        }
        let home =
            std::env::home_dir().ok_or_else(|| Error::failed("HOME is not set").next("Set HOME or KUBECONFIG."))?;
        Ok(Self(vec![home.join(".kube").join("config")]))
    }

    /// Several.
    #[cfg(test)]
    pub(super) fn list(files: impl Into<Vec<PathBuf>>) -> Self {
        Self(files.into())
    }

    /// Those that there are.
    pub(crate) fn existing(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.iter().filter(|path| path.exists())
    }

    /// What they hold. Another program may change them at any time.
    pub(crate) fn contents(&self) -> Result<Vec<Document>> {
        let is_empty = |document: &Document| *document == Document::default();
        self.existing()
            .map(|path| settled(path, || read(path), is_empty))
            .collect()
    }

    /// Where an entry is written: where it is already, else where kubectl would add it.
    pub(super) fn of_entry(&self, documents: &[(PathBuf, Document)], list: List, name: &str) -> PathBuf {
        let holder = documents
            .iter()
            .find(|(_, document)| document.get(list, name).is_some());
        holder.map_or_else(|| self.for_new_entries(), |(path, _)| path.clone())
    }

    /// Where the current context is written: the first file that names one decides, so it must be changed there.
    pub(super) fn of_current_context(&self, documents: &[(PathBuf, Document)]) -> PathBuf {
        let holder = documents
            .iter()
            .find(|(_, document)| document.current_context().is_some());
        holder.map_or_else(|| self.for_new_entries(), |(path, _)| path.clone())
    }

    /// The first file that exists, else the last one, as kubectl decides.
    pub(super) fn for_new_entries(&self) -> PathBuf {
        let existing = self.0.iter().find(|path| path.exists());
        existing.or_else(|| self.0.last()).cloned().unwrap_or_default()
    }
}

/// Reads one file; one that is not there is a new kubeconfig.
pub(super) fn read(path: &Path) -> Result<Document> {
    match std::fs::read_to_string(path) {
        Ok(text) => Document::parse(&text).map_err(|error| unreadable(path, &error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Document::default()),
        Err(error) => Err(unreadable(path, &cause(&error))),
    }
}

/// A kubeconfig that is left alone.
pub(crate) fn unreadable(path: &Path, why: &str) -> Error {
    Error::failed(format!("kubeconfig {}: {why}", path.display()))
        .next("Mend it, or name another one: --kubeconfig FILE, or KUBECONFIG")
}

/// What a file holds without its lock. kubectl empties a file before it fills it, so what seems empty or broken is looked at again.
pub(crate) fn settled<T>(path: &Path, look: impl Fn() -> Result<T>, is_empty: impl Fn(&T) -> bool) -> Result<T> {
    let lock = path.with_added_extension("lock");
    for _ in 0..LOOKS {
        let seen = look();
        if seen.as_ref().is_ok_and(|seen| !is_empty(seen)) {
            return seen;
        }
        // A program that does nothing else meanwhile.
        std::thread::sleep(BETWEEN_LOOKS);
        if !lock.exists() {
            break;
        }
    }
    look()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_go_where_they_are_and_new_ones_where_kubectl_puts_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let files = Files(vec![at("absent"), at("first"), at("second")]);
        assert_eq!(files.for_new_entries(), at("second"), "none is there: the last one");
        std::fs::write(at("first"), "").unwrap();
        let mut second = Document::default();
        second.set(List::Users, "u", json!({}));
        second.set_current_context("c");
        std::fs::write(at("second"), second.to_yaml().unwrap()).unwrap();
        let documents: Vec<_> = [at("first"), at("second")]
            .map(|path| (path.clone(), read(&path).unwrap()))
            .into();
        assert_eq!(files.of_entry(&documents, List::Users, "u"), at("second"));
        assert_eq!(files.of_entry(&documents, List::Users, "v"), at("first"));
        assert_eq!(files.of_current_context(&documents), at("second"));
    }

    #[test]
    fn a_flag_names_the_only_file() {
        let files = Files::find(Some(Path::new("/a/b"))).unwrap();
        assert_eq!(files, Files(vec!["/a/b".into()]));
        assert_eq!(files.existing().count(), 0);
    }

    #[test]
    fn a_file_that_is_being_written_is_read_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (path, lock) = (folder.path().join("config"), folder.path().join("config.lock"));
        std::fs::write(&path, "").unwrap();
        std::fs::write(&lock, "").unwrap();
        let writer = std::thread::spawn({
            let path = path.clone();
            move || {
                std::thread::sleep(BETWEEN_LOOKS * 2);
                std::fs::write(&path, "current-context: a").unwrap();
                std::fs::remove_file(&lock).unwrap();
            }
        });
        let contents = Files(vec![path]).contents().unwrap();
        writer.join().unwrap();
        assert_eq!(contents[0].current_context(), Some("a"));
    }
}
