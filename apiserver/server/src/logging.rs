//! The log: one line an event on stderr, filtered by `--log`.

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

/// Starts logging with a filter such as `info,guestcluster_controllers=debug`.
pub(crate) fn start(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("--log: {filter:?} is no log filter"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    Ok(())
}
