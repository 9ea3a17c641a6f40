//! The command line: arguments to configuration, nothing done yet.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{embedded, logging};

/// The client library logs every failed connection as an error of its own, also those to a guest that just went; whoever called
/// it says what matters.
const DEFAULT_LOG: &str = "info,kube_client=off,kube_runtime=error";

/// The supervisor of guest clusters.
#[derive(Parser)]
#[command(name = "guestcluster-apiserver", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a whole supervisor in this process: API server, store, all three layers, simulated VMs
    Embedded(EmbeddedArguments),
    /// Print a kubeconfig for a user of an embedded supervisor, by a client certificate
    Kubeconfig(KubeconfigArguments),
}

#[derive(Args)]
struct EmbeddedArguments {
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
    /// Which layers run here
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Layer::All])]
    layers: Vec<Layer>,
    /// YAML file with delays and faults of the simulated VMs; seeds ConfigMap guestclusters-system/sim-driver
    #[arg(long, value_name = "FILE")]
    sim_config: Option<PathBuf>,
    /// What to log, as `info` or `info,generic_apiserver=debug`
    #[arg(long, value_name = "FILTER", default_value = DEFAULT_LOG, env = "GUESTCLUSTERS_LOG")]
    log: String,
}

#[derive(Args)]
struct KubeconfigArguments {
    /// Data folder of the embedded supervisor
    #[arg(
        long,
        value_name = "DIR",
        default_value = "guestclusters-data",
        env = "GUESTCLUSTERS_DATA_DIR"
    )]
    data_dir: PathBuf,
    /// User name in the certificate
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Group in the certificate
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Default namespace of the context
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    /// Hours until the certificate expires, 1 to 8760
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
    valid_hours: u32,
}

/// A layer of DESIGN's picture, or a group of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layer {
    /// Guest, machine and VM layer
    All,
    /// GuestCluster to Cluster API objects
    Guest,
    /// Cluster API objects to VM objects
    Machine,
    /// VM objects to VMs
    Vm,
    /// No controller writes anything
    None,
}

impl Arguments {
    /// Runs the command that was asked for.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Embedded(arguments) => {
                logging::start(&arguments.log)?;
                embedded::run(arguments.into_config()?)
            }
            Command::Kubeconfig(arguments) => arguments.run(),
        }
    }
}

impl EmbeddedArguments {
    fn into_config(self) -> anyhow::Result<embedded::Config> {
        if self.layers.len() > 1
            && self
                .layers
                .iter()
                .any(|layer| matches!(layer, Layer::All | Layer::None))
        {
            anyhow::bail!("--layers: all and none stand alone; name layers as guest,vm");
        }
        let sim_config = match &self.sim_config {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .with_context(|| format!("--sim-config: cannot read {}", path.display()))?,
            ),
            None => None,
        };
        Ok(embedded::Config {
            data_dir: self.data_dir,
            listen: self.listen,
            layers: self.layers,
            sim_config,
        })
    }
}

impl KubeconfigArguments {
    fn run(self) -> anyhow::Result<()> {
        let user = embedded::UserRequest {
            name: &self.user,
            group: self.group.as_deref(),
            namespace: self.namespace.as_deref(),
            validity: Duration::from_secs(u64::from(self.valid_hours) * 3600),
        };
        print!("{}", embedded::user_kubeconfig(&self.data_dir, &user)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
