//! The command line: arguments to configuration, nothing done yet.

mod aggregated;
mod bound;
mod check;
mod embedded;
mod etcd;
mod guest_agent;
mod kubeconfig;
mod manifests;
mod snapshot;
mod sso;
mod vm_driver;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use generic_apiserver::cache::Limits;

use crate::{audit, logging};

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
    /// Run a whole supervisor in this process: API server, store, all three layers, and VMs that are simulated or processes
    Embedded(embedded::Arguments),
    /// Serve guestclusters.dev behind the kube-apiserver of a supervisor, and run layers there
    Aggregated(Box<aggregated::Arguments>),
    /// Print what the aggregated mode needs on its supervisor: APIService, Service, rights
    Manifests(manifests::Arguments),
    /// Look whether a supervisor has all that guest clusters need, and who could get around their credentials
    Check(check::Arguments),
    /// Write the objects of an aggregated server to a file, or put them back into either of its stores
    Snapshot(snapshot::Arguments),
    /// Print releases, VM classes and storage classes for a supervisor whose VMs are simulated or processes
    Catalogue(manifests::CatalogueArguments),
    /// Run an OpenID issuer with a login page, for development only; or change its users
    Sso(sso::Arguments),
    /// Run on a control-plane node of a guest: let its kube-apiserver accept credentials, as the supervisor last said
    GuestAgent(guest_agent::Arguments),
    /// Print a kubeconfig for a user of an embedded supervisor, by a client certificate
    Kubeconfig(kubeconfig::Arguments),
    /// Become a program that is killed when its parent ends
    #[command(hide = true)]
    Bound(bound::Arguments),
}

/// What every server takes.
#[derive(Args)]
struct Logging {
    /// What to log, as `info`; `info,requests=debug` logs every request
    #[arg(long, value_name = "FILTER", default_value = DEFAULT_LOG, env = "GUESTCLUSTERS_LOG")]
    log: String,
}

/// How much of the past watches and continued lists can go back to: five minutes, or less where the memory for it is full.
#[derive(Args)]
struct WatchHistory {
    /// Memory for what was written in the last five minutes, in MiB; a watch that resumes from before it must list anew
    #[arg(long, value_name = "MIB", default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..))]
    watch_history_mib: u16,
}

impl WatchHistory {
    fn into_limits(self) -> Limits {
        Limits {
            history_bytes: usize::from(self.watch_history_mib) << 20,
            ..Limits::default()
        }
    }
}

/// How a server goes away.
#[derive(Args)]
struct Stopping {
    /// How long to serve on, not ready any more, when told to stop: whoever balances load needs time to notice
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    shutdown_delay: u32,
}

impl Stopping {
    fn delay(&self) -> Duration {
        Duration::from_secs(self.shutdown_delay.into())
    }
}

/// Where audit events go.
#[derive(Args)]
struct Auditing {
    /// File for audit events, a JSON document a line; rotated at 100 MiB
    #[arg(long, value_name = "FILE")]
    audit_log_path: Option<PathBuf>,
    /// File in the form of audit.k8s.io/v1 Policy; without it, who did what is kept, and no bodies
    #[arg(long, value_name = "FILE", requires = "audit_log_path")]
    audit_policy_file: Option<PathBuf>,
}

impl Auditing {
    fn into_config(self) -> anyhow::Result<Option<audit::Config>> {
        let policy = content("--audit-policy-file", self.audit_policy_file.as_deref())?;
        Ok(self.audit_log_path.map(|path| audit::Config { path, policy }))
    }
}

/// The content of a file that an option names.
fn content(option: &str, path: Option<&Path>) -> anyhow::Result<Option<String>> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("{option}: cannot read {}", path.display()))
    };
    path.map(read).transpose()
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
            Command::Snapshot(arguments) => arguments.run(),
            Command::Check(arguments) => arguments.run(),
            Command::Catalogue(arguments) => arguments.run(),
            Command::Sso(arguments) => arguments.run(),
            Command::GuestAgent(arguments) => {
                logging::start(&arguments.logging.log)?;
                crate::guest_agent::run(&arguments.into_config()?)
            }
            Command::Kubeconfig(arguments) => arguments.run(),
            Command::Bound(arguments) => arguments.run(),
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
