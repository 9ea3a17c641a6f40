//! The store that several servers share: etcd.
//!
//! A keyspace is a prefix in etcd. Keys are etcd's own, a key's revision is its `mod_revision`, and a write is one
//! transaction that compares it. Reads are linearizable. etcd counts its revisions over everything that is in it, so those
//! of a keyspace have gaps; a watch is asked how far it has come when a reader waits for a revision that was no write of ours.
//!
//! What clients see is etcd's revision and an [offset](offset), which a restore raises.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::task::JoinSet;

mod client;
mod compaction;
mod connector;
mod credentials;
mod failure;
mod keyspace;
mod newest;
mod offset;
mod probe;
mod protocol;
#[cfg(test)]
mod tests;
mod watch;

use client::Client;
use keyspace::Keyspace;

use super::{Revision, Store, StoreError};

/// Where etcd is, and how to talk to it. Files are read again for each connection.
#[derive(Clone, Debug)]
pub struct Config {
    /// `http://` or `https://` URLs of its members; the next one is asked when one fails.
    pub servers: Vec<String>,
    /// What all keys begin with.
    pub prefix: String,
    /// PEM of the authorities of etcd's certificates; none for the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM of a client certificate and of its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// A user of etcd's, and the file that holds the password.
    pub user: Option<(String, PathBuf)>,
    /// How much of the past etcd keeps; none where others compact it.
    pub compaction: Option<Duration>,
}

/// A connection to etcd with its background work, which ends when it and its keyspaces are dropped, or closed.
pub struct Etcd {
    client: Arc<Client>,
    prefix: String,
    offset: u64,
    work: parking_lot::Mutex<JoinSet<()>>,
}

impl Etcd {
    /// Connects, reads the offset of revisions, and begins to compact where that is asked for.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when an address or a file can't be used, or etcd does not answer.
    pub async fn connect(config: Config) -> Result<Arc<Self>, StoreError> {
        let prefix = format!("/{}/", config.prefix.trim_matches('/'));
        let client = Arc::new(Client::new(&config)?);
        let offset = offset::read(&client, &prefix).await?;
        let mut work = JoinSet::new();
        work.spawn(probe::run(client.clone(), prefix.clone()));
        if let Some(interval) = config.compaction {
            work.spawn(compaction::run(client.clone(), interval));
        }
        Ok(Arc::new(Self {
            client,
            prefix,
            offset,
            work: parking_lot::Mutex::new(work),
        }))
    }

    /// The keyspace of all keys that begin with `prefix`. No keyspace's prefix may begin with another's.
    pub fn keyspace(&self, prefix: &str) -> Arc<dyn Store> {
        let prefix = [&self.prefix, prefix].concat();
        Arc::new(Keyspace::new(self.client.clone(), prefix, self.offset))
    }

    /// Moves the revisions that clients see on to `revision`, or leaves them where they are further. Who is connected does not
    /// notice: nobody may serve meanwhile, and whoever serves next connects anew.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when etcd does not answer.
    pub async fn raise(&self, revision: Revision) -> Result<(), StoreError> {
        let now = self.keyspace("").revision().await?;
        let offset = self.offset + revision.saturating_sub(now);
        offset::write(&self.client, &self.prefix, offset).await
    }

    /// Whether etcd answers, as a health check.
    ///
    /// # Errors
    /// What an operator reads, when it does not.
    pub fn health(&self) -> Result<(), String> {
        self.client.health()
    }

    /// Ends the background work.
    pub fn close(&self) {
        self.work.lock().abort_all();
    }
}
