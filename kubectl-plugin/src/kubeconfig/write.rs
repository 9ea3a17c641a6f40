//! Changing a kubeconfig: under the locks that kubectl takes, and each file whole or not at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::NamedTempFile;
use tokio::time::{Instant, sleep};

use super::{
    document::Document,
    files::{Files, read},
};
use crate::{
    error::{Error, Result, cause},
    shell,
};

/// Longest to wait for another program that writes: kubectl holds a lock for milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);
const ELSEWHERE: &str = "Name another file: --kubeconfig FILE; or let it be printed: --print";

/// The files of a kubeconfig while nobody else changes them. What is read under the locks is all that others wrote before.
pub(crate) struct Locked {
    documents: Vec<(PathBuf, Document)>,
    before: Vec<(PathBuf, Document)>,
    /// By their paths. One that can't be taken is only told when its file is to be changed.
    locks: BTreeMap<PathBuf, Result<Lock>>,
}

impl Files {
    /// Locks them, and reads them.
    pub(crate) async fn lock(&self) -> Result<Locked> {
        let to_be_changed = self.for_new_entries();
        if let Some(folder) = to_be_changed.parent() {
            fs::create_dir_all(folder).map_err(|error| unwritable(&to_be_changed, &error))?;
        }
        let existing = self.existing().map(PathBuf::as_path);
        let paths: BTreeSet<_> = existing.chain([to_be_changed.as_path()]).flat_map(lock_paths).collect();
        let deadline = Instant::now() + PATIENCE;
        let mut locks = BTreeMap::new();
        // In this order, as kubectl does, so that nobody waits for each other.
        for path in paths {
            let lock = match Lock::take(&path, deadline).await {
                Err(Taking::Held(error)) => return Err(error),
                Err(Taking::Unwritable(error)) => Err(error),
                Ok(lock) => Ok(lock),
            };
            locks.insert(path, lock);
        }
        let mut documents = Vec::new();
        for path in self.existing() {
            documents.push((path.clone(), read(path)?));
        }
        Ok(Locked {
            before: documents.clone(),
            documents,
            locks,
        })
    }
}

impl Locked {
    /// What they hold now.
    pub(super) fn documents(&self) -> &[(PathBuf, Document)] {
        &self.documents
    }

    /// Their contents alone.
    pub(super) fn contents(&self) -> Vec<Document> {
        self.documents.iter().map(|(_, document)| document.clone()).collect()
    }

    /// Changes one of them; nothing is written yet.
    pub(super) fn edit(&mut self, path: PathBuf, change: impl FnOnce(&mut Document)) {
        let known = self.documents.iter_mut().find(|(known, _)| *known == path);
        if let Some((_, document)) = known {
            return change(document);
        }
        let mut document = Document::default();
        change(&mut document);
        self.documents.push((path, document));
    }

    /// Checks that a file can be changed.
    pub(super) fn check_writable(&self, path: &Path) -> Result<()> {
        for lock in lock_paths(path) {
            if let Some(Err(error)) = self.locks.get(&lock) {
                return Err(error.clone());
            }
        }
        NamedTempFile::new_in(folder(&behind_links(path)))
            .map(drop)
            .map_err(|error| unwritable(path, &error))
    }

    /// Writes what was changed, and lets others write again.
    pub(super) fn write(self) -> Result<()> {
        for (path, document) in &self.documents {
            let before = self.before.iter().find(|(known, _)| known == path);
            if before.is_some_and(|(_, before)| before == document) {
                continue;
            }
            self.check_writable(path)?;
            replace(&behind_links(path), &document.to_yaml()?).map_err(|error| unwritable(path, &error))?;
        }
        Ok(())
    }
}

/// The file behind a link is changed, and the link stays.
fn behind_links(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// kubectl locks a file by the name that it was given; who reaches it by another name, or a link, locks the file itself.
fn lock_paths(path: &Path) -> BTreeSet<PathBuf> {
    let in_folder = fs::canonicalize(folder(path)).ok();
    let named = in_folder.and_then(|folder| Some(folder.join(path.file_name()?)));
    let named = named.unwrap_or_else(|| path.to_owned());
    let locks = |path: PathBuf| {
        let mut name = path.into_os_string();
        name.push(".lock");
        PathBuf::from(name)
    };
    [behind_links(&named), named].map(locks).into()
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::failed(format!(
        "kubeconfig {} can't be changed: {}",
        path.display(),
        cause(error)
    ))
    .next(ELSEWHERE)
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // Mode 0600 from the beginning.
    let mut file = NamedTempFile::new_in(folder(path))?;
    file.write_all(text.as_bytes())?;
    if let Ok(metadata) = fs::metadata(path) {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// `FILE.lock`, as client-go makes it.
struct Lock {
    path: PathBuf,
}

/// Why there is no lock.
enum Taking {
    /// Somebody else has it.
    Held(Error),
    /// Nobody can write there.
    Unwritable(Error),
}

impl Lock {
    async fn take(path: &Path, deadline: Instant) -> std::result::Result<Self, Taking> {
        loop {
            match File::create_new(path) {
                Ok(_) => return Ok(Self { path: path.to_owned() }),
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(Taking::Unwritable(unwritable(&path.with_extension(""), &error)));
                }
                Err(_) if Instant::now() < deadline => sleep(LOOK).await,
                Err(_) => {
                    let why = format!(
                        "{} is there: another program is changing the kubeconfig, or has left it behind",
                        path.display()
                    );
                    let remove = format!("If no other program runs: rm {}", shell::word(&path.to_string_lossy()));
                    return Err(Taking::Held(Error::failed(why).next(remove)));
                }
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever finds it left behind is told what to do.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::document::List, *};

    async fn edit(path: &Path, change: impl FnOnce(&mut Document)) -> Result<()> {
        let mut locked = Files::find(Some(path))?.lock().await?;
        locked.edit(path.to_owned(), change);
        locked.write()
    }

    #[tokio::test]
    async fn a_file_is_changed_whole_and_many_changes_all_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("config");
        let changes = (0..20).map(|number| {
            let path = path.clone();
            async move {
                let name = format!("u{number}");
                edit(&path, |document| {
                    document.set(List::Users, &name, serde_json::json!({}));
                })
                .await
            }
        });
        for changed in futures::future::join_all(changes).await {
            changed.unwrap();
        }
        let names = read(&path).unwrap();
        assert_eq!(names.names(List::Users).count(), 20);
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no lock and no temporary file is left");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_new_file_is_private_and_an_old_one_keeps_its_mode_and_its_link() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("config"), folder.path().join("link"));
        edit(&path, |document| document.set_current_context("a")).await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        edit(&link, |document| document.set_current_context("b")).await.unwrap();
        assert_eq!(mode(&path), 0o640);
        assert!(link.is_symlink());
        assert_eq!(read(&path).unwrap().current_context(), Some("b"));
        // By the name that was given and by its own, each once.
        assert_eq!(lock_paths(&link).len(), 2);
        assert_eq!(lock_paths(&path).len(), 1);
        assert!(lock_paths(&link).is_superset(&lock_paths(&path)));
        let both = Files::list([path.clone(), link, path]);
        assert_eq!(both.lock().await.unwrap().locks.len(), 2);
    }

    #[tokio::test]
    async fn a_file_that_is_no_kubeconfig_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "- no kubeconfig").unwrap();
        let error = edit(&path, |document| document.set_current_context("a"))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("config: it is no kubeconfig"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "- no kubeconfig");
        assert!(!folder.path().join("config.lock").exists());
    }
}
