//! A folder for all files of a supervisor.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::leaks;

/// A temporary folder; kept for whoever looks for the reason when a test fails.
#[derive(Debug)]
pub(crate) struct Folder(Option<TempDir>);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("guestclusters-test.").tempdir();
        Self(Some(folder.expect("a temporary folder")))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.as_ref().expect("taken only when it is dropped").path()
    }
}

impl Folder {
    /// Leaves it to somebody else.
    pub(crate) fn released(mut self) -> PathBuf {
        self.0.take().expect("taken only when it is dropped").keep()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.0.take()
        {
            eprintln!("all logs are kept in {}", folder.keep().display());
        }
        if let Some(folder) = &self.0 {
            leaks::assert_none_in_logs(folder.path());
        }
    }
}
