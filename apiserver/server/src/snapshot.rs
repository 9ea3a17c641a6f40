//! `guestcluster-apiserver snapshot`: the objects of an aggregated server in a file, and back into either store.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufReader, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use generic_apiserver::storage::{
    Store,
    etcd::{self, Etcd},
    redb::{self, Engine},
    snapshot::{self, LEAP, Occupied, Snapshot},
};

use crate::{
    aggregated::objects::{FILE, KEYSPACE},
    data_dir::DataDir,
};

/// Where the objects are.
pub(crate) enum Place {
    /// In a server's folder.
    Folder(PathBuf),
    /// In an etcd.
    Etcd(etcd::Config),
}

/// Writes all objects of `place` to `file`, which must not exist yet. Those in an etcd may be written meanwhile; a server that
/// has them in its folder must be stopped.
pub(crate) fn save(file: &Path, place: Place) -> anyhow::Result<()> {
    ensure!(
        !file.exists(),
        "{} exists already: name another file, or remove it",
        file.display()
    );
    let snapshot = runtime()?.block_on(async {
        match place {
            Place::Folder(folder) => {
                ensure!(
                    folder.join(FILE).exists(),
                    "--data-dir: {} holds no objects of an aggregated server",
                    folder.display()
                );
                let dir = DataDir::open_or_create(&folder)?;
                let _lock = dir.lock()?;
                let path = dir.file(FILE);
                let engine = Engine::open(&path, 0)?;
                let taken = Snapshot::take(&*engine.keyspace(KEYSPACE)).await;
                engine.close().await;
                Ok(taken?)
            }
            Place::Etcd(config) => Ok(Snapshot::take(&*connect(config).await?.keyspace(KEYSPACE)).await?),
        }
    })?;
    write_whole(file, &snapshot).with_context(|| format!("cannot write {}", file.display()))?;
    println!(
        "{} objects at resourceVersion {} are in {}",
        snapshot.len(),
        snapshot.revision(),
        file.display()
    );
    Ok(())
}

/// Puts the objects of `file` into `place`, which must be empty, or is emptied before where `replace`. Every server that has its
/// objects there must be stopped. Revisions move on, so that no client takes anything that it has seen for something newer.
pub(crate) fn restore(file: &Path, place: Place, replace: bool) -> anyhow::Result<()> {
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let snapshot =
        Snapshot::read(BufReader::new(opened)).with_context(|| format!("{} is no snapshot", file.display()))?;
    runtime()?.block_on(async {
        match place {
            Place::Folder(folder) => {
                let dir = DataDir::open_or_create(&folder)?;
                let _lock = dir.lock()?;
                let path = dir.file(FILE);
                let engine = Engine::open(&path, 0)?;
                let highest = admit(&*engine.keyspace(KEYSPACE), replace).await;
                engine.close().await;
                drop(engine);
                redb::raise(&path, KEYSPACE, snapshot.revision().max(highest?) + LEAP)?;
                let engine = Engine::open(&path, 0)?;
                let put = put(&snapshot, &*engine.keyspace(KEYSPACE)).await;
                engine.close().await;
                put
            }
            Place::Etcd(config) => {
                let etcd = connect(config.clone()).await?;
                let highest = admit(&*etcd.keyspace(KEYSPACE), replace).await?;
                etcd.raise(snapshot.revision().max(highest) + LEAP).await?;
                put(&snapshot, &*connect(config).await?.keyspace(KEYSPACE)).await
            }
        }
    })?;
    println!(
        "{} objects of resourceVersion {} are restored; servers may start",
        snapshot.len(),
        snapshot.revision()
    );
    Ok(())
}

/// Nothing is touched in a store that has objects and shall keep them. The highest revision there.
async fn admit(store: &dyn Store, replace: bool) -> anyhow::Result<u64> {
    let page = store.range("", None, 1).await?;
    if let Some(item) = page.items.first() {
        ensure!(
            replace,
            "the store is not empty: it has {}; --replace removes what is there before",
            item.key
        );
    }
    Ok(store.revision().await?)
}

async fn put(snapshot: &Snapshot, store: &dyn Store) -> anyhow::Result<()> {
    snapshot::clear(store).await?;
    match snapshot.put(store).await {
        Err(Occupied::Key(key)) => anyhow::bail!(
            "somebody else writes there at the same time ({key}): stop every server, and restore again with --replace"
        ),
        other => Ok(other?),
    }
}

async fn connect(config: etcd::Config) -> anyhow::Result<std::sync::Arc<Etcd>> {
    // Nobody compacts for a command that ends.
    let config = etcd::Config {
        compaction: None,
        ..config
    };
    Etcd::connect(config).await.context("--etcd-servers")
}

/// Whole or not at all, readable by its owner only: it has everything that is stored.
fn write_whole(path: &Path, snapshot: &Snapshot) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    let mut out = BufWriter::new(file);
    snapshot.write(&mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    fs::rename(&temporary, path)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}
