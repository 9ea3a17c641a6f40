//! The namespaces of the host, and NamespaceLifecycle over them: nothing is created in one that is missing or going away.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use futures::StreamExt as _;
use generic_apiserver::{
    Status,
    admission::{Admission, AdmissionRequest, Step},
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt as _,
    runtime::{WatchStreamExt as _, watcher},
};
use kubernetes_apiserver::namespaces::{self, NamespacePhase};
use parking_lot::RwLock;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::ask::ask;

/// Refuses a create in a missing (404) or terminating (403) namespace of the host, as kube-apiserver words it. What is not
/// known to be active is looked up before it is refused; a look-up that fails is a failure.
pub(crate) struct HostNamespaces {
    api: Api<Namespace>,
    known: RwLock<Known>,
}

/// All namespaces by name, while the watch that tells of them runs.
#[derive(Debug, Default)]
struct Known {
    namespaces: HashMap<String, Followed>,
    /// Those of a list that is still being read.
    listed: HashMap<String, Followed>,
    is_current: bool,
}

#[derive(Debug)]
struct Followed {
    /// As expressions see it: without who manages or owns it.
    object: Arc<Value>,
    is_active: bool,
}

impl HostNamespaces {
    /// Asks with the rights of this client, which needs `get`, `list` and `watch` on namespaces. Every create is a look-up
    /// until [`HostNamespaces::follow`] runs.
    pub(crate) fn new(client: Client) -> Arc<HostNamespaces> {
        Arc::new(HostNamespaces {
            api: Api::all(client),
            known: RwLock::default(),
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
                self.known.write().learn(event.ok());
            }
        };
        stop.run_until_cancelled(following).await;
        self.known.write().learn(None);
    }

    /// A namespace as an object: as the watch has it, or else as it is. 404 when there is none.
    pub(crate) async fn object(&self, name: &str) -> Result<Arc<Value>, Status> {
        if let Some(known) = self.known.read().get(name) {
            return Ok(known.object.clone());
        }
        match self.read(name).await? {
            Some(namespace) => Ok(Followed::new(namespace).object),
            None => Err(NamespacePhase::not_found(name)),
        }
    }

    async fn phase(&self, namespace: &str) -> Result<NamespacePhase, Status> {
        if self.known.read().has(namespace) {
            return Ok(NamespacePhase::Active);
        }
        Ok(match self.read(namespace).await? {
            None => NamespacePhase::Missing,
            Some(namespace) if is_active(&namespace) => NamespacePhase::Active,
            Some(_) => NamespacePhase::Terminating,
        })
    }

    async fn read(&self, name: &str) -> Result<Option<Namespace>, Status> {
        let found = ask(|| self.api.get_opt(name)).await;
        found.map_err(|why| Status::internal(format!("namespace {name:?} cannot be read: {why}")))
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

impl Known {
    fn get(&self, name: &str) -> Option<&Followed> {
        self.namespaces.get(name).filter(|_| self.is_current)
    }

    /// Whether there is such an active one.
    fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|namespace| namespace.is_active)
    }

    /// Takes in what the watch says; none when it broke, and nothing is known until it says something again.
    fn learn(&mut self, event: Option<watcher::Event<Namespace>>) {
        match event {
            None => self.is_current = false,
            Some(watcher::Event::Init) => self.listed.clear(),
            Some(watcher::Event::InitApply(namespace)) => {
                self.listed.insert(namespace.name_any(), Followed::new(namespace));
            }
            Some(watcher::Event::InitDone) => {
                self.namespaces = std::mem::take(&mut self.listed);
                self.is_current = true;
            }
            Some(watcher::Event::Apply(namespace)) => {
                self.namespaces.insert(namespace.name_any(), Followed::new(namespace));
                self.is_current = true;
            }
            Some(watcher::Event::Delete(namespace)) => {
                self.namespaces.remove(&namespace.name_any());
                self.is_current = true;
            }
        }
    }
}

impl Followed {
    fn new(mut namespace: Namespace) -> Followed {
        namespace.metadata.managed_fields = None;
        namespace.metadata.owner_references = None;
        Followed {
            is_active: is_active(&namespace),
            // Maps with keys that are texts, and nothing that can't be written.
            object: Arc::new(serde_json::to_value(&namespace).unwrap_or_default()),
        }
    }
}

fn is_active(namespace: &Namespace) -> bool {
    namespace.metadata.deletion_timestamp.is_none()
}

#[cfg(test)]
mod tests;
