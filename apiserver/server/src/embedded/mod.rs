//! A whole supervisor in one process: API server, store, layers, VMs.

mod pki;
mod seed;
mod sign_in;
mod supervisor;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use generic_apiserver::cache::Limits as History;

pub(crate) use pki::UserRequest;
use seed::FIRST_USER_NAMESPACE;
use supervisor::Supervisor;

use crate::{audit, data_dir::DataDir, driver, layers::Layers, lifetime, sso::FIRST_USER_PASSWORD};

/// What an embedded supervisor is started with.
pub(crate) struct Config {
    /// Folder for everything that it keeps.
    pub(crate) data_dir: PathBuf,
    /// Where it serves; port 0 picks a free one.
    pub(crate) listen: SocketAddr,
    /// Which layers run.
    pub(crate) layers: Layers,
    /// What VMs are.
    pub(crate) driver: driver::Choice,
    /// Content of the sim driver's configuration, for the first start.
    pub(crate) sim_config: Option<String>,
    /// Content of a file in the AuthenticationConfiguration format: issuers beside the own one.
    pub(crate) authentication_config: Option<String>,
    /// Whether those who ask for credentials must show their SSO token, too.
    pub(crate) require_subject_token: bool,
    /// How much of the past watches can resume from.
    pub(crate) history: History,
    /// The audit log, if any.
    pub(crate) audit: Option<audit::Config>,
    /// How long it serves on after it was told to stop.
    pub(crate) shutdown_delay: Duration,
}

/// Runs the supervisor until SIGTERM or SIGINT.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    lifetime::run(
        Supervisor::start(config),
        |supervisor| announce(config, supervisor),
        config.shutdown_delay,
    )
}

/// A kubeconfig for a user of the supervisor that keeps its data in `data_dir`.
pub(crate) fn user_kubeconfig(data_dir: &std::path::Path, user: &UserRequest<'_>) -> anyhow::Result<String> {
    pki::user_kubeconfig(&DataDir::open(data_dir)?, user)
}

fn announce(config: &Config, supervisor: &Supervisor) {
    let address = supervisor.address();
    tracing::info!(%address, sso = supervisor.issuer(), "serving");
    let file = |name: &str| config.data_dir.join(name);
    let password = file(FIRST_USER_PASSWORD);
    eprintln!("The supervisor serves on https://{address}. Use it as an administrator with:");
    eprintln!("  export KUBECONFIG={}", file("admin.kubeconfig").display());
    eprintln!("People sign in at {}, with:", supervisor.issuer());
    eprintln!(
        "  kubectl guest login --server https://{address} --ca-sha256 {} -n {FIRST_USER_NAMESPACE}",
        supervisor.fingerprint()
    );
    if password.exists() {
        eprintln!(
            "The first is dev@guest.local, whose password is in {}",
            password.display()
        );
    }
}

/// Parses the sim driver's configuration file, so that a mistake is told before anything starts.
fn check_sim_config(text: &str) -> anyhow::Result<()> {
    sim_driver::Config::from_yaml(text).map(drop).context("--sim-config")
}
