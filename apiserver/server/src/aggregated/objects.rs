//! Where the objects are: in a file of this server's own, or in an etcd that several servers share.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use generic_apiserver::storage::{
    Store,
    encrypted::{Encrypted, EncryptionConfiguration},
    etcd::Etcd,
    redb::Engine,
};

use super::Config;
use crate::data_dir::DataDir;

/// Part of a file that is kept in memory; the watch cache holds every object besides.
const CACHE_BYTES: usize = 4 * 1024 * 1024;
/// Where our objects are in the store; simulated guests have keyspaces of their own beside it.
pub(crate) const KEYSPACE: &str = "agg/";
/// The file of the objects.
pub(crate) const FILE: &str = "guestclusters.redb";
/// The file of simulated guests where etcd keeps the objects: they live and die with one process.
const SIMULATED_FILE: &str = "simulated.redb";

/// The open stores.
pub(super) struct Objects {
    etcd: Option<Arc<Etcd>>,
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
}

impl Objects {
    /// Opens the store that is configured.
    pub(super) async fn open(config: &Config, dir: &DataDir) -> anyhow::Result<Self> {
        let encryption = config.encryption.as_deref().map(EncryptionConfiguration::from_yaml);
        let encryption = encryption.transpose().context("--encryption-provider-config")?;
        let (etcd, engine) = Self::stores(config, dir).await?;
        let store = match &etcd {
            Some(etcd) => etcd.keyspace(KEYSPACE),
            None => engine.keyspace(KEYSPACE),
        };
        let store = match encryption {
            Some(encryption) => Encrypted::over(store, KEYSPACE, encryption),
            None => store,
        };
        Ok(Self { etcd, engine, store })
    }

    async fn stores(config: &Config, dir: &DataDir) -> anyhow::Result<(Option<Arc<Etcd>>, Arc<Engine>)> {
        let file = dir.file(FILE);
        let Some(etcd) = &config.etcd else {
            return Ok((None, Engine::open(&file, CACHE_BYTES)?));
        };
        ensure!(
            !file.exists(),
            "--etcd-servers: {} holds objects that etcd would not show; name another --data-dir",
            file.display()
        );
        let engine = if config.layers.vm {
            Engine::open(&dir.file(SIMULATED_FILE), CACHE_BYTES)?
        } else {
            Engine::in_memory()?
        };
        let etcd = Etcd::connect(etcd.clone()).await.context("--etcd-servers")?;
        Ok((Some(etcd), engine))
    }

    /// Our objects.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Where simulated guests are.
    pub(super) fn simulated(&self) -> Arc<Engine> {
        self.engine.clone()
    }

    /// The etcd, where one is used.
    pub(super) fn etcd(&self) -> Option<&Arc<Etcd>> {
        self.etcd.as_ref()
    }

    /// Finishes what is written and closes everything.
    pub(super) async fn close(&self) {
        if let Some(etcd) = &self.etcd {
            etcd.close();
        }
        self.engine.close().await;
    }
}
