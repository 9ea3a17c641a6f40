//! NamespaceLifecycle over the namespaces of the host: nothing is created in one that is missing or going away.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use futures::StreamExt as _;
use generic_apiserver::{
    Status,
    admission::{Admission, AdmissionRequest, Step},
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt as _,
    core::PartialObjectMeta,
    runtime::{WatchStreamExt as _, watcher},
};
use kubernetes_apiserver::namespaces::{self, NamespacePhase};
use parking_lot::RwLock;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::ask::ask;

type Metadata = PartialObjectMeta<Namespace>;

/// Refuses a create in a missing (404) or terminating (403) namespace of the host, as kube-apiserver words it. What is not
/// known to be active is looked up before it is refused; a look-up that fails is a failure.
pub(crate) struct HostNamespaces {
    api: Api<Metadata>,
    active: RwLock<Active>,
}

/// The names of the active namespaces, while the watch that tells of them runs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Active {
    names: HashSet<String>,
    /// The names of a list that is still being read.
    listed: HashSet<String>,
    is_current: bool,
}

impl HostNamespaces {
    /// Asks with the rights of this client, which needs `get`, `list` and `watch` on namespaces. Every create is a look-up
    /// until [`HostNamespaces::follow`] runs.
    pub(crate) fn new(client: Client) -> Arc<HostNamespaces> {
        Arc::new(HostNamespaces {
            api: Api::all(client),
            active: RwLock::default(),
        })
    }

    /// Follows the host's namespaces until `stop`.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let following = async {
            let events = watcher(self.api.clone(), watcher::Config::default());
            let mut events = std::pin::pin!(events.default_backoff());
            while let Some(event) = events.next().await {
                if let Err(error) = &event {
                    tracing::warn!(%error, "the host's namespaces cannot be followed; trying again");
                }
                self.active.write().learn(event.ok());
            }
        };
        stop.run_until_cancelled(following).await;
        self.active.write().learn(None);
    }

    async fn phase(&self, namespace: &str) -> Result<NamespacePhase, Status> {
        if self.active.read().has(namespace) {
            return Ok(NamespacePhase::Active);
        }
        let found = ask(|| self.api.get_opt(namespace)).await;
        let found = found.map_err(|why| Status::internal(format!("namespace {namespace:?} cannot be read: {why}")))?;
        Ok(match found {
            None => NamespacePhase::Missing,
            Some(metadata) if is_active(&metadata) => NamespacePhase::Active,
            Some(_) => NamespacePhase::Terminating,
        })
    }
}

#[async_trait]
impl Admission for HostNamespaces {
    fn name(&self) -> &'static str {
        namespaces::NAME
    }

    fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool {
        step == Step::Admit && namespaces::stores_in_a_namespace(request)
    }

    async fn admit(&self, request: &AdmissionRequest<'_>, _: Option<&mut Value>) -> Result<(), Status> {
        let names = &request.resource.names;
        self.phase(request.namespace)
            .await?
            .admit_create(names, request.name, request.namespace)
    }
}

impl Active {
    fn has(&self, namespace: &str) -> bool {
        self.is_current && self.names.contains(namespace)
    }

    /// Takes in what the watch says; none when it broke, and nothing is known until it says something again.
    fn learn(&mut self, event: Option<watcher::Event<Metadata>>) {
        match event {
            None => self.is_current = false,
            Some(watcher::Event::Init) => self.listed.clear(),
            Some(watcher::Event::InitApply(metadata)) => {
                if is_active(&metadata) {
                    self.listed.insert(metadata.name_any());
                }
            }
            Some(watcher::Event::InitDone) => {
                self.names = std::mem::take(&mut self.listed);
                self.is_current = true;
            }
            Some(watcher::Event::Apply(metadata)) => {
                if is_active(&metadata) {
                    self.names.insert(metadata.name_any());
                } else {
                    self.names.remove(&metadata.name_any());
                }
                self.is_current = true;
            }
            Some(watcher::Event::Delete(metadata)) => {
                self.names.remove(&metadata.name_any());
                self.is_current = true;
            }
        }
    }
}

fn is_active(metadata: &Metadata) -> bool {
    metadata.metadata.deletion_timestamp.is_none()
}

#[cfg(test)]
mod tests;
