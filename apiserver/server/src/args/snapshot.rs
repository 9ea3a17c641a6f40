//! `guestcluster-apiserver snapshot`.

use std::path::PathBuf;

use super::etcd::EtcdServers;
use crate::snapshot::{self, Place};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Write all objects to a file. With etcd, servers may go on meanwhile
    Save {
        /// The file, which must not exist yet. What is encrypted in the store is so there
        file: PathBuf,
        #[command(flatten)]
        store: Store,
    },
    /// Put the objects of a file into an empty store of either kind, while every server of it is stopped
    Restore {
        /// A file that `save` has written
        file: PathBuf,
        /// Remove what is there before
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        store: Store,
    },
}

#[derive(clap::Args)]
struct Store {
    /// Folder of the server whose objects are meant, where no etcd is named
    #[arg(
        long,
        value_name = "DIR",
        default_value = "guestclusters-data",
        env = "GUESTCLUSTERS_DATA_DIR"
    )]
    data_dir: PathBuf,
    #[command(flatten)]
    etcd: EtcdServers,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Save { file, store } => snapshot::save(&file, store.into_place()),
            Command::Restore { file, replace, store } => snapshot::restore(&file, store.into_place(), replace),
        }
    }
}

impl Store {
    fn into_place(self) -> Place {
        self.etcd
            .into_config()
            .map_or(Place::Folder(self.data_dir), Place::Etcd)
    }
}
