//! The command line: arguments to configuration, nothing done yet.

mod aggregated;
mod embedded;
mod kubeconfig;
mod manifests;
mod sso;

use clap::{Args, Parser, Subcommand};

use crate::logging;

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
    Embedded(embedded::Arguments),
    /// Serve guestclusters.dev behind the kube-apiserver of a supervisor, and run layers there
    Aggregated(aggregated::Arguments),
    /// Print what the aggregated mode needs on its supervisor: APIService, Service, rights
    Manifests(manifests::Arguments),
    /// Print releases, VM classes and storage classes for a supervisor with simulated VMs
    Catalogue,
    /// Run an OpenID issuer with a login page, for development only; or change its users
    Sso(sso::Arguments),
    /// Print a kubeconfig for a user of an embedded supervisor, by a client certificate
    Kubeconfig(kubeconfig::Arguments),
}

/// What every server takes.
#[derive(Args)]
struct Logging {
    /// What to log, as `info` or `info,generic_apiserver=debug`
    #[arg(long, value_name = "FILTER", default_value = DEFAULT_LOG, env = "GUESTCLUSTERS_LOG")]
    log: String,
}

impl Arguments {
    /// Runs the command that was asked for.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Embedded(arguments) => {
                logging::start(&arguments.logging.log)?;
                crate::embedded::run(&arguments.into_config()?)
            }
            Command::Aggregated(arguments) => {
                logging::start(&arguments.logging.log)?;
                crate::aggregated::run(&arguments.into_config()?)
            }
            Command::Manifests(arguments) => arguments.run(),
            Command::Catalogue => manifests::catalogue(),
            Command::Sso(arguments) => arguments.run(),
            Command::Kubeconfig(arguments) => arguments.run(),
        }
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
