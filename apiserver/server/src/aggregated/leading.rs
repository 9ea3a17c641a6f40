//! The controllers run in one process of a deployment: the one that holds the Lease.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::lease::Lease;
use crate::controllers::{Controllers, Environment};

/// How long controllers may take to finish what they are doing. Shorter than what is left of the Lease when it is given up for
/// lost, so that nothing of theirs overlaps with the next holder.
const CONTROLLERS_STOP: Duration = Duration::from_secs(4);

/// Runs the controllers whenever the Lease is held, until `stop`; an error is one that a restart may mend.
pub(super) async fn lead(lease: Lease, environment: Environment, stop: CancellationToken) -> anyhow::Result<()> {
    while let Some(held) = lease.acquire(&stop).await {
        tracing::info!("controllers start: this process holds the Lease");
        let mut controllers = Controllers::start(&environment).await?;
        let lost = held.lost();
        let failure = tokio::select! {
            failure = controllers.failed() => Some(failure),
            () = lost.cancelled() => None,
            () = stop.cancelled() => None,
        };
        controllers.stop(CONTROLLERS_STOP).await;
        tracing::info!(lost = lost.is_cancelled(), "controllers have stopped");
        held.release().await;
        if let Some(failure) = failure {
            return Err(failure);
        }
    }
    Ok(())
}
