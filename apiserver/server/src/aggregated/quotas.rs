//! The host's quotas, for our kinds: kube-apiserver asks them about its own objects alone, while its controller counts ours too.

use std::sync::Arc;

use async_trait::async_trait;
use generic_apiserver::{Status, admission::AdmissionRequest};
use k8s_openapi::api::core::v1 as core;
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
    core::PartialObjectMeta,
    runtime::watcher::{self, watcher},
};
use kubernetes_apiserver::quota::{Asked, Charge, Quotas, ResourceQuota, refused};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::ask::ask;
use crate::followed::Followed;

/// How often a quota that others write at the same time is tried.
const ATTEMPTS: usize = 8;

/// Reads the host's quotas when something is created in a namespace that has any, and writes into their status what it uses.
/// Its kube-controller-manager counts, and puts right what was reserved for nothing.
pub(crate) struct HostQuotas {
    client: Client,
    known: Followed<()>,
    /// One of ours at a time: only others are in the way.
    turn: tokio::sync::Mutex<()>,
}

impl HostQuotas {
    /// Asks with the rights of this client, which needs `get`, `list` and `watch` on quotas, and `update` on their status.
    pub(crate) fn new(client: Client) -> Arc<HostQuotas> {
        Arc::new(HostQuotas {
            client,
            known: Followed::new("the host's quotas"),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// Follows which namespaces have quotas, until `stop`. Before and after, every create is a look-up.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let quotas: Api<PartialObjectMeta<core::ResourceQuota>> = Api::all(self.client.clone());
        let begin = || watcher(quotas.clone(), watcher::Config::default());
        self.known.follow(begin, |_| (), stop).await;
    }

    fn of_namespace(&self, namespace: &str) -> Api<core::ResourceQuota> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

#[async_trait]
impl Quotas for HostQuotas {
    fn any(&self, namespace: &str) -> bool {
        self.known.any(namespace).unwrap_or(true)
    }

    async fn of(&self, namespace: &str) -> Result<Vec<ResourceQuota>, Status> {
        let quotas = self.of_namespace(namespace);
        let all = ListParams::default();
        let listed = ask(|| quotas.list(&all))
            .await
            .map_err(|why| unreadable(namespace, &why))?;
        listed
            .into_iter()
            .map(|quota| Ok(ResourceQuota::read(&as_value(&quota)?)))
            .collect()
    }

    async fn reserve(
        &self,
        request: &AdmissionRequest<'_>,
        quota: &ResourceQuota,
        asked: &Asked<'_>,
    ) -> Result<(), Status> {
        let (quotas, name) = (self.of_namespace(request.namespace), quota.name.as_str());
        let _turn = self.turn.lock().await;
        for _ in 0..ATTEMPTS {
            let found = ask(|| quotas.get_opt(name)).await;
            // A quota that is gone limits nothing.
            let Some(found) = found.map_err(|why| unreadable(request.namespace, &why))? else {
                return Ok(());
            };
            let mut object = as_value(&found)?;
            let mut quota = ResourceQuota::read(&object);
            match asked.charge(&quota) {
                Charge::Nothing => return Ok(()),
                Charge::TooMuch(why) => return Err(refused(request, &why)),
                Charge::Fits(_) if request.dry_run => return Ok(()),
                Charge::Fits(used) => quota.take(used),
            }
            quota.write_used(&mut object);
            let changed = serde_json::from_value(object).map_err(|error| Status::internal(error.to_string()))?;
            match quotas.replace_status(name, &PostParams::default(), &changed).await {
                Ok(_) => return Ok(()),
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                Err(error) => return Err(unreadable(request.namespace, &super::failure::reason(&error))),
            }
        }
        Err(Status::internal(format!(
            "quota {name:?} is written by too many at one time"
        )))
    }
}

fn as_value(quota: &core::ResourceQuota) -> Result<Value, Status> {
    serde_json::to_value(quota).map_err(|error| Status::internal(error.to_string()))
}

fn unreadable(namespace: &str, why: &str) -> Status {
    Status::internal(format!("the quotas of namespace {namespace:?} cannot be asked: {why}"))
}

#[cfg(test)]
mod tests;
