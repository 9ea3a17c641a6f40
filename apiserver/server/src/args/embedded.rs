//! `guestcluster-apiserver embedded`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::Logging;
use crate::{embedded, layers::Layers};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Folder for everything that the supervisor keeps; made when missing
    #[arg(
        long,
        value_name = "DIR",
        default_value = "guestclusters-data",
        env = "GUESTCLUSTERS_DATA_DIR"
    )]
    data_dir: PathBuf,
    /// Address to serve on; port 0 picks a free one, written to the kubeconfig
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6443")]
    listen: SocketAddr,
    /// Which layers run here: all, none, or some of guest,machine,vm
    #[arg(long, value_name = "LAYERS", default_value = "all")]
    layers: Layers,
    /// YAML file with delays and faults of the simulated VMs; seeds ConfigMap guestclusters-system/sim-driver
    #[arg(long, value_name = "FILE")]
    sim_config: Option<PathBuf>,
    /// File in kube-apiserver's AuthenticationConfiguration format: OpenID issuers to trust beside the own one
    #[arg(long, value_name = "FILE")]
    authentication_config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) logging: Logging,
}

impl Arguments {
    pub(super) fn into_config(self) -> anyhow::Result<embedded::Config> {
        Ok(embedded::Config {
            data_dir: self.data_dir,
            listen: self.listen,
            layers: self.layers,
            sim_config: content("--sim-config", self.sim_config.as_deref())?,
            authentication_config: content("--authentication-config", self.authentication_config.as_deref())?,
        })
    }
}

/// The content of a file that an option names.
fn content(option: &str, path: Option<&Path>) -> anyhow::Result<Option<String>> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("{option}: cannot read {}", path.display()))
    };
    path.map(read).transpose()
}
