//! Which files a kubeconfig is made of, by kubectl's rules.

use std::path::{Path, PathBuf};

use super::document::{Document, List};
use crate::error::{Error, Result};

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

    /// Whether there is any.
    pub(crate) fn exist(&self) -> bool {
        self.0.iter().any(|path| path.exists())
    }

    /// All of them that exist, read.
    pub(crate) fn read(&self) -> Result<Vec<(PathBuf, Document)>> {
        let mut documents = Vec::new();
        for path in self.0.iter().filter(|path| path.exists()) {
            documents.push((path.clone(), read(path)?));
        }
        Ok(documents)
    }

    /// What they hold.
    pub(crate) fn contents(&self) -> Result<Vec<Document>> {
        Ok(self.read()?.into_iter().map(|(_, document)| document).collect())
    }

    /// Where an entry is written: where it is already, else where kubectl would add it.
    pub(crate) fn of_entry(&self, documents: &[(PathBuf, Document)], list: List, name: &str) -> PathBuf {
        let holder = documents
            .iter()
            .find(|(_, document)| document.get(list, name).is_some());
        holder.map_or_else(|| self.for_new_entries(), |(path, _)| path.clone())
    }

    /// Where the current context is written: the first file that names one decides, so it must be changed there.
    pub(crate) fn of_current_context(&self, documents: &[(PathBuf, Document)]) -> PathBuf {
        let holder = documents
            .iter()
            .find(|(_, document)| document.current_context().is_some());
        holder.map_or_else(|| self.for_new_entries(), |(path, _)| path.clone())
    }

    /// The first file that exists, else the last one, as kubectl decides.
    fn for_new_entries(&self) -> PathBuf {
        let existing = self.0.iter().find(|path| path.exists());
        existing.or_else(|| self.0.last()).cloned().unwrap_or_default()
    }
}

/// Reads one file; one that is not there is a new kubeconfig.
pub(super) fn read(path: &Path) -> Result<Document> {
    let failed = |why: String| Error::failed(format!("kubeconfig {}: {why}", path.display()));
    match std::fs::read_to_string(path) {
        Ok(text) => Document::parse(&text).map_err(|error| failed(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Document::default()),
        Err(error) => Err(failed(error.to_string())),
    }
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
        let documents = files.read().unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(files.of_entry(&documents, List::Users, "u"), at("second"));
        assert_eq!(files.of_entry(&documents, List::Users, "v"), at("first"));
        assert_eq!(files.of_current_context(&documents), at("second"));
    }

    #[test]
    fn a_flag_names_the_only_file() {
        let files = Files::find(Some(Path::new("/a/b"))).unwrap();
        assert_eq!(files, Files(vec!["/a/b".into()]));
        assert!(!files.exist());
    }
}
