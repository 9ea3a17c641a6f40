//! The commands: one file each, which parses, calls and renders.

mod classes;
mod completion;
mod create;
mod delete;
mod describe;
mod get;
mod kubeconfig;
mod scale;
mod upgrade;
mod versions;

use clap::{Parser, Subcommand};
use guestcluster_types::GuestCluster;

use crate::{connection::ConnectionFlags, error::Result};

/// Field manager of what the plugin writes.
const FIELD_MANAGER: &str = "kubectl-guest";

/// Create, look at, change and delete guest clusters.
#[derive(Parser)]
#[command(
    name = "kubectl-guest",
    bin_name = "kubectl guest",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: ConnectionFlags,
}

#[derive(Subcommand)]
enum Command {
    Create(create::Args),
    Get(get::Args),
    Describe(describe::Args),
    Scale(scale::Args),
    Upgrade(upgrade::Args),
    Delete(delete::Args),
    Versions(versions::Args),
    Classes(classes::Args),
    Kubeconfig(kubeconfig::Args),
    Completion(completion::Args),
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<()> {
        if let Command::Completion(args) = &self.command {
            return args.run();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let connection = self.connection.connect().await?;
            match self.command {
                Command::Create(args) => args.run(&connection).await,
                Command::Get(args) => args.run(&connection).await,
                Command::Describe(args) => args.run(&connection).await,
                Command::Scale(args) => args.run(&connection).await,
                Command::Upgrade(args) => args.run(&connection).await,
                Command::Delete(args) => args.run(&connection).await,
                Command::Versions(args) => args.run(&connection).await,
                Command::Classes(args) => args.run(&connection).await,
                Command::Kubeconfig(args) => args.run(&connection).await,
                Command::Completion(args) => args.run(),
            }
        })
    }
}

/// The full version that a cluster runs, once it runs one.
fn running_version(cluster: &GuestCluster) -> Option<&String> {
    cluster.status.as_ref()?.distribution.as_ref()?.version.as_ref()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
