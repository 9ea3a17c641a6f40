//! What one process of a deployment does for all, the one that holds the Lease: the controllers, and the registration. Two
//! servers with certificates of their own would correct each other's without end.

use std::time::Duration;

use kube::Client;
use tokio_util::sync::CancellationToken;

use super::{lease::Lease, registration};
use crate::controllers::{Controllers, Environment};

/// How long controllers may take to finish what they are doing. Shorter than what is left of the Lease when it is given up for
/// lost, so that nothing of theirs overlaps with the next holder.
const CONTROLLERS_STOP: Duration = Duration::from_secs(4);

/// Who leads, and with what.
pub(super) struct Leader {
    /// For the registration.
    pub(super) client: Client,
    /// Who kube-apiserver has to trust, PEM.
    pub(super) authority: Vec<u8>,
    pub(super) lease: Lease,
    pub(super) environment: Environment,
}

/// Leads whenever the Lease is held, until `stop`; an error is one that a restart may mend.
pub(super) async fn lead(leader: Leader, stop: CancellationToken) -> anyhow::Result<()> {
    let Leader {
        client,
        authority,
        lease,
        environment,
    } = leader;
    while let Some(held) = lease.acquire(&stop).await {
        tracing::info!("controllers start: this process holds the Lease");
        let mut controllers = Controllers::start(&environment).await?;
        let lost = held.lost();
        let failure = tokio::select! {
            failure = controllers.failed() => Some(failure),
            () = registration::keep(client.clone(), authority.clone()) => Some(anyhow::anyhow!("the registration is not kept")),
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
