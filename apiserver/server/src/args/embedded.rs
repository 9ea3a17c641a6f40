//! `guestcluster-apiserver embedded`.

use std::{net::SocketAddr, path::PathBuf};

use super::{Auditing, Logging, Stopping, WatchHistory, content, vm_driver::VmDriver};
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
    #[command(flatten)]
    driver: VmDriver,
    /// YAML file with delays and faults of the simulated VMs; seeds ConfigMap guestclusters-system/sim-driver
    #[arg(long, value_name = "FILE")]
    sim_config: Option<PathBuf>,
    /// File in kube-apiserver's AuthenticationConfiguration format: OpenID issuers to trust beside the own one
    #[arg(long, value_name = "FILE")]
    authentication_config: Option<PathBuf>,
    /// Give credentials for guests to those alone who send their SSO token with the request, so that the right to impersonate
    /// somebody gives none in their name
    #[arg(long)]
    require_subject_token: bool,
    #[command(flatten)]
    history: WatchHistory,
    #[command(flatten)]
    audit: Auditing,
    #[command(flatten)]
    stopping: Stopping,
    #[command(flatten)]
    pub(super) logging: Logging,
}

impl Arguments {
    pub(super) fn into_config(self) -> anyhow::Result<embedded::Config> {
        Ok(embedded::Config {
            driver: self.driver.choice(&self.data_dir, self.layers)?,
            data_dir: self.data_dir,
            listen: self.listen,
            layers: self.layers,
            sim_config: content("--sim-config", self.sim_config.as_deref())?,
            require_subject_token: self.require_subject_token,
            history: self.history.into_limits(),
            audit: self.audit.into_config()?,
            shutdown_delay: self.stopping.delay(),
            authentication_config: content("--authentication-config", self.authentication_config.as_deref())?,
        })
    }
}
