//! The redb file: its tables, how values are written, and reads at one revision.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use redb::backends::{FileBackend, InMemoryBackend};
use redb::{
    Builder, Database, Durability, ReadTransaction, ReadableDatabase as _, ReadableTable as _, StorageBackend, Table,
    TableDefinition, WriteTransaction,
};

use crate::storage::{Item, Page, Revision, StoreError};

/// Everything that is stored: keyspace prefix and key, to the revision of the last write (8 bytes, little endian) and
/// the value.
const DATA: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("data");
/// Keyspace prefix, to the revision of its last commit.
const KEYSPACES: TableDefinition<'_, &str, u64> = TableDefinition::new("keyspaces");
/// [`FORMAT_KEY`] and [`REVISION_KEY`].
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

const FORMAT_KEY: &str = "format";
const REVISION_KEY: &str = "revision";
/// The layout of these tables.
const FORMAT: u64 = 1;
/// A new store begins here, since clients take revision 0 for "none".
const FIRST_REVISION: Revision = 1;
/// Bytes of values after which a page ends.
const PAGE_BYTES: usize = 4 << 20;
const HEADER: usize = size_of::<Revision>();

/// An open redb database with our tables.
pub(super) struct File {
    database: Database,
}

/// What must be known before anything is served.
pub(super) struct State {
    /// The newest revision ever used.
    pub(super) revision: Revision,
    /// The keyspaces that had commits, with the revision of the last one.
    pub(super) keyspaces: Vec<(String, Revision)>,
}

impl File {
    pub(super) fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let is_new = !path.exists();
        let file = owner_only()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let file = file.map_err(|error| unavailable(format!("{}: {error}", path.display())))?;
        let backend = FileBackend::new(file).map_err(failed)?;
        let opened = Self::with_backend(backend, cache_bytes)?;
        if is_new {
            sync_directory(path).map_err(failed)?;
        }
        Ok(opened)
    }

    pub(super) fn in_memory() -> Result<Self, StoreError> {
        // The backend is memory already: a cache of it would hold everything twice.
        Self::with_backend(InMemoryBackend::new(), 0)
    }

    pub(super) fn with_backend(backend: impl StorageBackend, cache_bytes: usize) -> Result<Self, StoreError> {
        let database = Builder::new()
            .set_cache_size(cache_bytes)
            .create_with_backend(backend)
            .map_err(failed)?;
        let file = Self { database };
        file.prepare()?;
        Ok(file)
    }

    /// Makes the tables of a new file; checks the format of an old one.
    fn prepare(&self) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(failed)?;
        let mut meta = transaction.open_table(META).map_err(failed)?;
        let format = meta.get(FORMAT_KEY).map_err(failed)?.map(|format| format.value());
        match format {
            Some(FORMAT) => return Ok(()),
            Some(other) => {
                return Err(unavailable(format!(
                    "the file has format {other}, this program {FORMAT}"
                )));
            }
            None => {}
        }
        meta.insert(FORMAT_KEY, FORMAT).map_err(failed)?;
        meta.insert(REVISION_KEY, FIRST_REVISION).map_err(failed)?;
        drop(meta);
        transaction.open_table(DATA).map_err(failed)?;
        transaction.open_table(KEYSPACES).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    pub(super) fn state(&self) -> Result<State, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let meta = transaction.open_table(META).map_err(failed)?;
        let revision = meta
            .get(REVISION_KEY)
            .map_err(failed)?
            .map_or(FIRST_REVISION, |revision| revision.value());
        let table = transaction.open_table(KEYSPACES).map_err(failed)?;
        let mut keyspaces = Vec::new();
        for row in table.iter().map_err(failed)? {
            let (prefix, revision) = row.map_err(failed)?;
            keyspaces.push((prefix.value().to_owned(), revision.value()));
        }
        Ok(State { revision, keyspaces })
    }

    pub(super) fn get(&self, space: &str, key: &str) -> Result<Option<Item>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let data = transaction.open_table(DATA).map_err(failed)?;
        let full = [space, key].concat();
        let Some(value) = data.get(full.as_bytes()).map_err(failed)? else {
            return Ok(None);
        };
        item(key, value.value()).map(Some)
    }

    /// Up to `limit` items of a keyspace under `prefix`, at one revision. None when the keyspace never had a commit.
    pub(super) fn range(
        &self,
        space: &str,
        prefix: &str,
        start_after: Option<&str>,
        limit: usize,
    ) -> Result<(Page, Option<Revision>), StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let revision = last_commit(&transaction, space)?;
        let data = transaction.open_table(DATA).map_err(failed)?;
        let (start, end) = bounds(&[space, prefix].concat(), start_after.map(|key| [space, key].concat()));
        let range = (start.as_ref().map(Vec::as_slice), end.as_ref().map(Vec::as_slice));
        let mut page = Page {
            items: Vec::new(),
            revision: revision.unwrap_or_default(),
            more: false,
        };
        if is_empty(range) {
            return Ok((page, revision));
        }
        let mut bytes = 0;
        for row in data.range::<&[u8]>(range).map_err(failed)? {
            if page.items.len() >= limit || bytes >= PAGE_BYTES {
                page.more = true;
                break;
            }
            let (key, value) = row.map_err(failed)?;
            let key = key
                .value()
                .get(space.len()..)
                .and_then(|key| std::str::from_utf8(key).ok());
            bytes += value.value().len();
            page.items.push(item(key.ok_or_else(corrupt)?, value.value())?);
        }
        Ok((page, revision))
    }

    pub(super) fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::Immediate).map_err(failed)?;
        Ok(transaction)
    }
}

/// The tables of one write transaction.
pub(super) struct Tables<'t> {
    data: Table<'t, &'static [u8], &'static [u8]>,
    keyspaces: Table<'t, &'static str, u64>,
    meta: Table<'t, &'static str, u64>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            data: transaction.open_table(DATA).map_err(failed)?,
            keyspaces: transaction.open_table(KEYSPACES).map_err(failed)?,
            meta: transaction.open_table(META).map_err(failed)?,
        })
    }

    /// The revision of a key's last write.
    pub(super) fn revision_of(&self, space: &str, key: &str) -> Result<Option<Revision>, StoreError> {
        let full = [space, key].concat();
        let value = self.data.get(full.as_bytes()).map_err(failed)?;
        value.map(|value| Ok(split(value.value())?.0)).transpose()
    }

    pub(super) fn put(&mut self, space: &str, key: &str, revision: Revision, value: &[u8]) -> Result<(), StoreError> {
        let full = [space, key].concat();
        let mut room = self
            .data
            .insert_reserve(full.as_bytes(), HEADER + value.len())
            .map_err(failed)?;
        let (header, body) = room.as_mut().split_at_mut(HEADER);
        header.copy_from_slice(&revision.to_le_bytes());
        body.copy_from_slice(value);
        Ok(())
    }

    /// Whether the key was there.
    pub(super) fn delete(&mut self, space: &str, key: &str) -> Result<bool, StoreError> {
        let full = [space, key].concat();
        Ok(self.data.remove(full.as_bytes()).map_err(failed)?.is_some())
    }

    pub(super) fn remove_keyspace(&mut self, space: &str) -> Result<(), StoreError> {
        let (start, end) = bounds(space, None);
        let range = (start.as_ref().map(Vec::as_slice), end.as_ref().map(Vec::as_slice));
        self.data.retain_in::<&[u8], _>(range, |_, _| false).map_err(failed)?;
        self.keyspaces.remove(space).map_err(failed)?;
        Ok(())
    }

    /// Notes the revision, and that of the last commit of each keyspace that was written.
    pub(super) fn note(&mut self, revision: Revision, last: &BTreeMap<Arc<str>, Revision>) -> Result<(), StoreError> {
        for (space, revision) in last {
            self.keyspaces.insert(&**space, revision).map_err(failed)?;
        }
        self.meta.insert(REVISION_KEY, revision).map_err(failed)?;
        Ok(())
    }
}

/// A failure of the file as callers are told of it.
pub(super) fn failed(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) if is_full(&error) => StoreError::Full(error.to_string()),
        error => unavailable(error),
    }
}

/// Whether it is room that is missing: on the device, in a quota, or below the size that files may have.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

pub(super) fn unavailable(error: impl ToString) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

fn last_commit(transaction: &ReadTransaction, space: &str) -> Result<Option<Revision>, StoreError> {
    let keyspaces = transaction.open_table(KEYSPACES).map_err(failed)?;
    Ok(keyspaces.get(space).map_err(failed)?.map(|revision| revision.value()))
}

fn item(key: &str, stored: &[u8]) -> Result<Item, StoreError> {
    let (revision, value) = split(stored)?;
    Ok(Item {
        key: key.into(),
        value: Bytes::copy_from_slice(value),
        revision,
        stale: false,
    })
}

fn split(stored: &[u8]) -> Result<(Revision, &[u8]), StoreError> {
    let (header, value) = stored.split_first_chunk::<HEADER>().ok_or_else(corrupt)?;
    Ok((Revision::from_le_bytes(*header), value))
}

fn corrupt() -> StoreError {
    unavailable("the file has an entry that this program did not write")
}

type KeyBounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The keys that begin with `prefix`, behind `start_after`.
fn bounds(prefix: &str, start_after: Option<String>) -> KeyBounds {
    let start = match start_after {
        Some(after) if after.as_str() >= prefix => Bound::Excluded(after.into_bytes()),
        _ => Bound::Included(prefix.as_bytes().to_vec()),
    };
    let mut end = prefix.as_bytes().to_vec();
    // The last byte of UTF-8 is never 255.
    let Some(last) = end.last_mut() else {
        return (start, Bound::Unbounded);
    };
    *last += 1;
    (start, Bound::Excluded(end))
}

fn is_empty((start, end): (Bound<&[u8]>, Bound<&[u8]>)) -> bool {
    match (start, end) {
        (Bound::Included(start) | Bound::Excluded(start), Bound::Excluded(end)) => start >= end,
        _ => false,
    }
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a new file's name durable.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::File::open(parent)?.sync_all()
}
