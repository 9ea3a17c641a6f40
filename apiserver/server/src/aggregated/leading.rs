//! What one process of a deployment does for all, the one that holds the Lease: the controllers, the registration, and the
//! steps of the serving authorities.

use std::{sync::Arc, time::Duration};

use kube::Client;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    lease::Lease,
    registration,
    serving::{self, Authorities},
};
use crate::controllers::{Controllers, Environment};

/// How long controllers may take to finish what they are doing. Shorter than what is left of the Lease when it is given up for
/// lost, so that nothing of theirs overlaps with the next holder.
const CONTROLLERS_STOP: Duration = Duration::from_secs(4);

/// Who leads, and with what.
pub(super) struct Leader {
    /// For the registration.
    pub(super) client: Client,
    /// Who kube-apiserver has to trust; none when somebody else tells it.
    pub(super) authorities: Option<watch::Receiver<Arc<Authorities>>>,
    pub(super) lease: Lease,
    pub(super) environment: Environment,
}

/// Leads whenever the Lease is held, until `stop`; an error is one that a restart may mend.
pub(super) async fn lead(leader: Leader, stop: CancellationToken) -> anyhow::Result<()> {
    let Leader {
        client,
        authorities,
        lease,
        environment,
    } = leader;
    while let Some(held) = lease.acquire(&stop).await {
        tracing::info!("controllers start: this process holds the Lease");
        let mut controllers = Controllers::start(&environment).await?;
        let lost = held.lost();
        let failure = tokio::select! {
            failure = controllers.failed() => Some(failure),
            () = keep_trust(&client, authorities.as_ref()) => Some(anyhow::anyhow!("the registration is not kept")),
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

/// Makes kube-apiserver trust who serves, for ever.
async fn keep_trust(client: &Client, authorities: Option<&watch::Receiver<Arc<Authorities>>>) {
    let Some(authorities) = authorities else {
        return std::future::pending().await;
    };
    tokio::select! {
        () = registration::keep(client.clone(), authorities.clone()) => {}
        () = serving::keep(client.clone(), authorities.clone()) => {}
    }
}
