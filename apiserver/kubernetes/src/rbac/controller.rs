//! Keeps the rules of aggregated ClusterRoles.

use std::{sync::Arc, time::Duration};

use generic_apiserver::{
    Status,
    authn::User,
    cache::{Next, ResourceCache, Watcher},
    registry::{Registry, Resource},
};
use tokio_util::sync::CancellationToken;

use super::{
    aggregate::{aggregate, cluster_role, set_rules},
    policy::PolicyRule,
};

/// How long to wait after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Runs until it is stopped; sleeps while no ClusterRole changes.
pub(crate) struct AggregationController {
    roles: Arc<Resource>,
    user: User,
}

impl AggregationController {
    /// None when the registry serves no ClusterRoles.
    pub(crate) fn new(registry: &Registry) -> Option<AggregationController> {
        let roles = registry.resource("rbac.authorization.k8s.io", "clusterroles")?;
        Some(AggregationController {
            roles,
            user: crate::controller_user("clusterrole-aggregation-controller"),
        })
    }

    pub(crate) async fn run(self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(&self) {
        let Some(cache) = self.roles.cache() else { return };
        loop {
            // Holds no snapshot while it waits: an idle cluster must not keep what it has parsed.
            let revision = cache.snapshot().revision();
            let complete = self.pass(cache).await;
            match cache.watch(revision) {
                Ok(changes) if complete => {
                    if !a_change(changes).await {
                        return;
                    }
                }
                _ => tokio::time::sleep(RETRY).await,
            }
        }
    }

    /// Brings all aggregated roles up to date. False when some could not be.
    async fn pass(&self, cache: &ResourceCache) -> bool {
        let mut complete = true;
        for (name, rules) in stale(cache) {
            let set = |role: &mut serde_json::Value| {
                set_rules(role, &rules);
                Ok::<(), Status>(())
            };
            if let Err(status) = self.roles.update(&self.user, "", &name, set).await {
                tracing::warn!(role = name, error = status.message, "could not aggregate the role");
                complete = false;
            }
        }
        complete
    }
}

/// Aggregated roles whose rules are not those of their parts, with the rules that they should have.
fn stale(cache: &ResourceCache) -> Vec<(String, Vec<PolicyRule>)> {
    let roles: Vec<_> = cache
        .snapshot()
        .iter()
        .filter_map(|entry| cluster_role(&entry.encoded))
        .collect();
    aggregate(&roles)
}

/// Waits for the next change; false when there will be none.
async fn a_change(mut changes: Watcher) -> bool {
    !matches!(changes.next().await, Next::Closed)
}
