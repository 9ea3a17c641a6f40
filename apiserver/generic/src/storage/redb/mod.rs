//! The embedded store: one redb file, many keyspaces, one writer that commits whenever its queue drains.
//!
//! A write waits in a bounded queue. The writer's thread takes all that wait, applies each at a revision of its own inside
//! one redb transaction, syncs once, makes the commits visible to the watches in order, and answers. So 64 writers cost
//! about as many syncs as one. Revisions are the engine's: they grow over all keyspaces, and are stored in the same
//! transaction as the writes, so none is used twice after a crash.
//!
//! A keyspace is a prefix, a list of its recent commits and the cursors of its watches; it has no task and no thread.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, oneshot};

mod file;
mod keyspace;
mod log;
#[cfg(test)]
mod tests;
mod writer;

use file::File;
use keyspace::{Handle, Keyspace};
use log::Bounds;
use writer::{Job, Writer};

use super::{Revision, Store, StoreError};

/// Transactions that may wait for the writer; further ones wait for room.
const QUEUE: usize = 512;

/// One redb file with its writer. Keyspaces keep it alive; the writer ends, and frees the file, some time after the last
/// of them is dropped, or with [`Engine::close`].
pub struct Engine {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Job>,
}

/// What the engine's handle, its keyspaces and its writer share.
struct Shared {
    source: Source,
    /// None while a broken file is opened again, and after the end.
    file: RwLock<Option<File>>,
    keyspaces: Mutex<HashMap<Arc<str>, Arc<Keyspace>>>,
    /// The newest revision that is durable.
    revision: AtomicU64,
    bounds: Bounds,
}

/// Where the data lies.
enum Source {
    Path {
        path: PathBuf,
        cache_bytes: usize,
    },
    Memory,
    #[cfg(test)]
    Test(Box<dyn Fn() -> Result<File, StoreError> + Send + Sync>),
}

impl Engine {
    /// Opens or creates the file at `path`, readable by its owner only, with `cache_bytes` of page cache.
    ///
    /// Blocks; after a crash for as long as redb needs to check the file.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file can't be opened, is open elsewhere, or has another format.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Arc<Self>, StoreError> {
        Self::start(
            Source::Path {
                path: path.to_owned(),
                cache_bytes,
            },
            Bounds::default(),
        )
    }

    /// An engine without a file, whose data ends with it.
    pub fn in_memory() -> Result<Arc<Self>, StoreError> {
        Self::start(Source::Memory, Bounds::default())
    }

    /// An engine whose keyspaces remember only so many commits: a watch that pauses falls behind.
    #[cfg(test)]
    pub(crate) fn in_memory_with_history(commits: usize) -> Result<Arc<Self>, StoreError> {
        Self::start(
            Source::Memory,
            Bounds {
                commits,
                ..Bounds::default()
            },
        )
    }

    /// The keyspace of all keys that begin with `prefix`. No keyspace's prefix may begin with another's.
    ///
    /// Its revision is that of its last commit; that of the engine when it never had one.
    pub fn keyspace(self: &Arc<Self>, prefix: &str) -> Arc<dyn Store> {
        let mut keyspaces = self.shared.keyspaces.lock();
        let space = keyspaces.entry(prefix.into()).or_insert_with_key(|prefix| {
            let revision = self.shared.revision.load(Ordering::Acquire);
            Arc::new(Keyspace::new(prefix.clone(), revision, self.shared.bounds))
        });
        Arc::new(Handle::new(self.clone(), space.clone()))
    }

    /// Removes a keyspace with all that is in it. Its watches end; handles to it stay useless, and a keyspace that is
    /// made later under the same prefix starts empty, at a later revision.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the removal could not be made durable.
    pub async fn remove_keyspace(&self, prefix: &str) -> Result<(), StoreError> {
        let space = self.shared.keyspaces.lock().get(prefix).cloned();
        let Some(space) = space else { return Ok(()) };
        let (answer, answered) = oneshot::channel();
        self.submit(Job::Remove { space, answer }).await?;
        answered.await.map_err(|_| ended())?
    }

    /// Finishes the writes that wait, ends all watches, and closes the file.
    pub async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.submit(Job::Close { answer }).await.is_ok() {
            // An error means that the writer is gone, and so is the file.
            let _ = answered.await;
        }
    }

    fn start(source: Source, bounds: Bounds) -> Result<Arc<Self>, StoreError> {
        let file = source.open()?;
        let state = file.state()?;
        let keyspace = |(prefix, revision): (String, Revision)| {
            let prefix: Arc<str> = prefix.into();
            (prefix.clone(), Arc::new(Keyspace::new(prefix, revision, bounds)))
        };
        let shared = Arc::new(Shared {
            source,
            file: RwLock::new(Some(file)),
            keyspaces: Mutex::new(state.keyspaces.into_iter().map(keyspace).collect()),
            revision: AtomicU64::new(state.revision),
            bounds,
        });
        let (queue, jobs) = mpsc::channel(QUEUE);
        let writer = Writer::new(shared.clone(), jobs, state.revision);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::Unavailable(format!("cannot start the writer: {error}")))?;
        Ok(Arc::new(Self { shared, queue }))
    }

    async fn submit(&self, job: Job) -> Result<(), StoreError> {
        self.queue.send(job).await.map_err(|_| ended())
    }
}

impl Shared {
    /// Reads from the file as it is after the last sync.
    fn read<T>(&self, read: impl FnOnce(&File) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let file = self.file.read();
        read(file.as_ref().ok_or_else(ended)?)
    }

    /// Closes the file, without keeping readers waiting while that takes.
    fn close_file(&self) {
        let file = self.file.write().take();
        drop(file);
    }
}

impl Source {
    fn open(&self) -> Result<File, StoreError> {
        match self {
            Self::Path { path, cache_bytes } => File::open(path, *cache_bytes),
            Self::Memory => File::in_memory(),
            #[cfg(test)]
            Self::Test(open) => open(),
        }
    }

    /// Opens it again after a failure. Memory is not there to be opened again.
    fn reopen(&self) -> Result<File, StoreError> {
        if matches!(self, Self::Memory) {
            Err(ended())
        } else {
            self.open()
        }
    }
}

/// Moves the revisions of the file at `path` on to `revision`, or leaves them where they are further. Nothing before it can be
/// watched from then on. Nobody may have the file open.
///
/// # Errors
/// [`StoreError::Unavailable`] when the file can't be opened, is open elsewhere, or can't be written.
pub fn raise(path: &Path, keyspace: &str, revision: Revision) -> Result<(), StoreError> {
    let file = File::open(path, 0)?;
    let revision = file.state()?.revision.max(revision);
    let transaction = file.begin()?;
    file::Tables::open(&transaction)?.note(revision, &[(keyspace.into(), revision)].into())?;
    transaction.commit().map_err(file::failed)
}

fn ended() -> StoreError {
    StoreError::Unavailable("closed".to_owned())
}
