//! The commands: one file each, which parses, calls and renders.

mod break_glass;
mod classes;
mod completion;
mod create;
mod credential;
mod credentials;
mod delete;
mod describe;
mod get;
mod kubeconfig;
mod login;
mod logout;
mod revoke;
mod scale;
mod upgrade;
mod versions;
mod whoami;

use clap::{Parser, Subcommand};
use guestcluster_types::GuestCluster;

use crate::{connection::ConnectionFlags, error::Result};

/// Field manager of what the plugin writes.
const FIELD_MANAGER: &str = "kubectl-guest";

/// Create, look at, change and delete guest clusters, and log in to them.
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
    Login(login::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
    Create(create::Args),
    Get(get::Args),
    Describe(describe::Args),
    Scale(scale::Args),
    Upgrade(upgrade::Args),
    Delete(delete::Args),
    Versions(versions::Args),
    Classes(classes::Args),
    Credentials(credentials::Args),
    Revoke(revoke::Args),
    BreakGlass(break_glass::Args),
    Credential(credential::Args),
    Kubeconfig(kubeconfig::Args),
    Completion(completion::Args),
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connect = || self.connection.connect();
        runtime.block_on(async {
            match &self.command {
                Command::Login(args) => args.run(&self.connection).await,
                Command::Logout(args) => args.run(&self.connection).await,
                Command::Whoami(args) => args.run(&connect().await?).await,
                Command::Create(args) => args.run(&connect().await?).await,
                Command::Get(args) => args.run(&connect().await?).await,
                Command::Describe(args) => args.run(&connect().await?).await,
                Command::Scale(args) => args.run(&connect().await?).await,
                Command::Upgrade(args) => args.run(&connect().await?).await,
                Command::Delete(args) => args.run(&connect().await?).await,
                Command::Versions(args) => args.run(&connect().await?).await,
                Command::Classes(args) => args.run(&connect().await?).await,
                Command::Credentials(args) => args.run(&connect().await?).await,
                Command::Revoke(args) => args.run(&connect().await?).await,
                Command::BreakGlass(args) => args.run(&self.connection).await,
                Command::Credential(args) => args.run(&self.connection).await,
                Command::Kubeconfig(args) => args.run(&connect().await?).await,
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
