//! The host's quotas, for our kinds: kube-apiserver asks them about its own objects alone, while its controller counts ours too.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use futures::StreamExt as _;
use generic_apiserver::{Status, admission::AdmissionRequest};
use k8s_openapi::api::core::v1 as core;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, PostParams},
    core::PartialObjectMeta,
    runtime::{WatchStreamExt as _, watcher},
};
use kubernetes_apiserver::quota::{Asked, Charge, Quotas, ResourceQuota, refused};
use parking_lot::RwLock;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::ask::ask;

/// How often a quota that others write at the same time is tried.
const ATTEMPTS: usize = 8;

type Metadata = PartialObjectMeta<core::ResourceQuota>;

/// Reads the host's quotas when something is created in a namespace that has any, and writes into their status what it uses.
/// Its kube-controller-manager counts, and puts right what was reserved for nothing.
pub(crate) struct HostQuotas {
    client: Client,
    known: RwLock<Known>,
    /// One of ours at a time: only others are in the way.
    turn: tokio::sync::Mutex<()>,
}

/// Which namespaces have quotas, while the watch that tells of them runs.
#[derive(Debug, Default)]
struct Known {
    /// Namespace and name of each.
    quotas: BTreeSet<(String, String)>,
    /// Those of a list that is still being read.
    listed: BTreeSet<(String, String)>,
    is_current: bool,
}

impl HostQuotas {
    /// Asks with the rights of this client, which needs `get`, `list` and `watch` on quotas, and `update` on their status.
    pub(crate) fn new(client: Client) -> Arc<HostQuotas> {
        Arc::new(HostQuotas {
            client,
            known: RwLock::default(),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// Follows which namespaces have quotas, until `stop`. Before and after, every create is a look-up.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let quotas: Api<Metadata> = Api::all(self.client.clone());
        let following = async {
            let events = watcher(quotas, watcher::Config::default());
            let mut events = std::pin::pin!(events.default_backoff());
            while let Some(event) = events.next().await {
                if let Err(error) = &event {
                    tracing::warn!(%error, "the host's quotas cannot be followed; trying again");
                }
                self.known.write().learn(event.ok());
            }
        };
        stop.run_until_cancelled(following).await;
        self.known.write().learn(None);
    }

    fn of_namespace(&self, namespace: &str) -> Api<core::ResourceQuota> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

#[async_trait]
impl Quotas for HostQuotas {
    fn any(&self, namespace: &str) -> bool {
        let known = self.known.read();
        let of_namespace = (namespace.to_owned(), String::new());
        let next = known.quotas.range(of_namespace..).next();
        !known.is_current || next.is_some_and(|(other, _)| other == namespace)
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

impl Known {
    /// Takes in what the watch says; none when it broke, and nothing is known until it says something again.
    fn learn(&mut self, event: Option<watcher::Event<Metadata>>) {
        let key = |quota: &Metadata| (quota.namespace().unwrap_or_default(), quota.name_any());
        match event {
            None => self.is_current = false,
            Some(watcher::Event::Init) => self.listed.clear(),
            Some(watcher::Event::InitApply(quota)) => drop(self.listed.insert(key(&quota))),
            Some(watcher::Event::InitDone) => {
                self.quotas = std::mem::take(&mut self.listed);
                self.is_current = true;
            }
            Some(watcher::Event::Apply(quota)) => {
                self.quotas.insert(key(&quota));
                self.is_current = true;
            }
            Some(watcher::Event::Delete(quota)) => {
                self.quotas.remove(&key(&quota));
                self.is_current = true;
            }
        }
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
