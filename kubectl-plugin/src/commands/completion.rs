//! `kubectl guest completion`: completion for shells.

use clap::CommandFactory as _;
use clap_complete::env::Shells;

use super::Cli;
use crate::error::{Error, Result};

/// Print a completion script for a shell
///
/// The script completes the command as `kubectl-guest`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  source <(kubectl guest completion bash)")]
pub(super) struct Args {
    /// bash, elvish, fish, powershell or zsh
    shell: String,
}

impl Args {
    pub(super) fn run(&self) -> Result<()> {
        let shells = Shells::builtins();
        let Some(shell) = shells.completer(&self.shell) else {
            let known: Vec<_> = shells.names().collect();
            return Err(Error::usage(format!(
                "SHELL: {:?} is not one of {}",
                self.shell,
                known.join(", ")
            )));
        };
        let name = Cli::command().get_name().to_owned();
        Ok(shell.write_registration("KUBECTL_GUEST_COMPLETE", &name, &name, &name, &mut std::io::stdout())?)
    }
}
