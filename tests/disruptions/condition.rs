//! What is waited for before a disruption goes on.

use std::time::Duration;

use guestcluster_tests::until;

/// Longest for what must happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until something holds.
pub(crate) fn await_that(what: &str, mut holds: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    until(PATIENCE, || match holds() {
        Ok(true) => Ok(()),
        Ok(false) => Err("not yet".to_owned()),
        Err(error) => Err(format!("{error:#}")),
    })
    .map_err(|last| anyhow::anyhow!("{what}: {last}"))
}
