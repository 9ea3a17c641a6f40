//! Changing a kubeconfig: under the lock that kubectl takes, and whole or not at all.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::NamedTempFile;
use tokio::time::{Instant, sleep};

use super::{document::Document, files::read};
use crate::error::{Error, Result};

/// Longest to wait for another program that writes: kubectl holds the lock for milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// Changes one file. It is read under the lock, so what others wrote before stays.
pub(crate) async fn edit(path: &Path, change: impl FnOnce(&mut Document)) -> Result<()> {
    // The file behind a link is changed, and the link stays.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let failed = |error: std::io::Error| Error::failed(format!("kubeconfig {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let _lock = Lock::take(&path).await?;
    let mut document = read(&path)?;
    let before = document.clone();
    change(&mut document);
    if document == before && path.exists() {
        return Ok(());
    }
    replace(&path, &document.to_yaml()?).map_err(failed)
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // Mode 0600 from the beginning.
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
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

impl Lock {
    async fn take(path: &Path) -> Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let deadline = Instant::now() + PATIENCE;
        loop {
            match File::create_new(&path) {
                Ok(_) => return Ok(Self { path }),
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(Error::failed(format!("{}: {error}", path.display())));
                }
                Err(_) if Instant::now() < deadline => sleep(LOOK).await,
                Err(_) => {
                    return Err(Error::failed(format!(
                        "{} is there: another program is changing the kubeconfig, or has left it behind",
                        path.display()
                    ))
                    .next(format!("If no other program runs: rm {}", path.display())));
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
    use super::*;

    #[tokio::test]
    async fn a_file_is_changed_whole_and_many_changes_all_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("config");
        let changes = (0..20).map(|number| {
            let path = path.clone();
            async move {
                let entry = move |document: &mut Document| {
                    document.set(
                        super::super::document::List::Users,
                        &format!("u{number}"),
                        serde_json::json!({}),
                    );
                };
                edit(&path, entry).await
            }
        });
        for changed in futures::future::join_all(changes).await {
            changed.unwrap();
        }
        let names = read(&path).unwrap();
        assert_eq!(names.names(super::super::document::List::Users).count(), 20);
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
