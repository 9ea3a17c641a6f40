//! A lock between processes. The system frees it when its holder ends, however it ends.

use std::{
    fs::{File, TryLockError},
    path::Path,
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::error::{Error, Result, cause};

/// Longest that another process may hold it: an exchange and a refresh with all their deadlines.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks; the system tells nobody when a lock becomes free.
const LOOK: Duration = Duration::from_millis(10);

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock. It has a file of its own, as the data file is replaced by every write.
    pub(super) async fn take(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| Error::failed(format!("{}: {}", path.display(), cause(&error)));
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(failed)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(LOOK).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::failed(format!("another process holds {}", path.display()))
                        .next("See which one: another kubectl guest that hangs. Ending it frees the lock."));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_holds_it_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path).await.unwrap();
        let mut second = Box::pin(Lock::take(&path));
        let waited = tokio::time::timeout(Duration::from_millis(50), &mut second).await;
        assert!(waited.is_err(), "the second one waits");
        drop(first);
        assert!(second.await.is_ok());
    }
}
