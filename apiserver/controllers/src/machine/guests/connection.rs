//! One guest's connection: made, watched, and made again when it breaks.

use super::{Change, NodeChange, Nodes, Shared, State};
use crate::machine::engine::Key;
use crate::machine::error::Error;
use crate::machine::secrets;
use crate::retries::summary;
use crate::watching::Pauses;
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Node};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::WatchStreamExt;
use kube::runtime::wait::await_condition;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Config};
use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::sleep;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A probe that takes longer counts as failed.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// So many failures of the watch in a row, and the kubeconfig is read again.
const FAILURES: u32 = 3;

pub(super) struct Connection {
    cluster: Key,
    state: Arc<State>,
    shared: Weak<Shared>,
}

impl Connection {
    pub(super) fn new(cluster: Key, state: Arc<State>, shared: Weak<Shared>) -> Self {
        Self { cluster, state, shared }
    }

    /// Keeps the guest connected, until it is dropped or nobody holds the connections any more.
    pub(super) async fn run(self) {
        let mut pauses = Pauses::default();
        loop {
            match self.open().await {
                Ok((client, initialized)) => {
                    pauses = Pauses::default();
                    let failure = tokio::select! {
                        failure = self.watch_nodes(client.clone(), initialized) => failure,
                        never = self.await_initialized(client, initialized) => match never {},
                    };
                    self.down(&failure);
                }
                Err(error) => self.down(&error.to_string()),
            }
            if self.shared.strong_count() == 0 {
                return;
            }
            if let Some(pause) = pauses.next() {
                sleep(pause).await;
            }
        }
    }

    /// Reads the kubeconfig and asks the guest the one question that also tells whether it is initialized.
    async fn open(&self) -> Result<(Client, bool), Error> {
        let supervisor = self
            .shared
            .upgrade()
            .and_then(|shared| shared.supervisor.get().cloned());
        let supervisor = supervisor.ok_or_else(|| Error::Invalid("the connections are closed".to_owned()))?;
        let kubeconfig = secrets::kubeconfig(&supervisor, &self.cluster).await?;
        let client = client_of(&kubeconfig).await?;
        let initialized =
            tokio::time::timeout(PROBE_TIMEOUT, kubeadm_config(&client).get_metadata_opt(KUBEADM_CONFIG)).await;
        let initialized =
            initialized.map_err(|_| Error::Invalid("the guest's API server does not answer in time".to_owned()))?;
        Ok((
            client,
            initialized
                .map_err(Error::guest("reading ConfigMap kubeadm-config"))?
                .is_some(),
        ))
    }

    /// Waits for the end of `kubeadm init`, tells, and never returns.
    async fn await_initialized(&self, client: Client, already: bool) -> Infallible {
        if !already {
            let exists = |config: Option<&ConfigMap>| config.is_some();
            let mut pauses = Pauses::default();
            while await_condition(kubeadm_config(&client), KUBEADM_CONFIG, exists)
                .await
                .is_err()
            {
                sleep(pauses.next().unwrap_or_default()).await;
            }
            self.state.link.write().initialized = true;
            self.tell(Change::Link);
        }
        std::future::pending().await
    }

    /// Follows the Nodes and returns why that is no longer possible. The guest counts as connected when its Nodes are
    /// known: before that, nobody can say which Machines have none.
    async fn watch_nodes(&self, client: Client, initialized: bool) -> String {
        let events = watcher(Api::<Node>::all(client.clone()), watcher::Config::default()).backoff(Pauses::default());
        let mut events = std::pin::pin!(events);
        let (mut listed, mut failures) = (HashSet::new(), 0);
        loop {
            match events.try_next().await {
                Ok(Some(event)) => {
                    failures = 0;
                    let complete = matches!(event, Event::InitDone);
                    self.take_in(event, &mut listed);
                    if complete {
                        self.up(&client, initialized);
                    }
                }
                Ok(None) => return "the watch of Nodes ended".to_owned(),
                Err(error) => {
                    failures += 1;
                    if failures >= FAILURES {
                        return watch_failure(&error);
                    }
                }
            }
        }
    }

    fn take_in(&self, event: Event<Node>, listed: &mut HashSet<String>) {
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(node) => {
                listed.insert(node.metadata.name.clone().unwrap_or_default());
                self.put(node);
            }
            Event::InitDone => {
                let gone = |nodes: &Nodes| {
                    nodes
                        .by_name
                        .keys()
                        .filter(|name| !listed.contains(*name))
                        .cloned()
                        .collect::<Vec<_>>()
                };
                let gone = gone(&self.state.nodes.read());
                for name in &gone {
                    self.remove(name);
                }
            }
            Event::Apply(node) => self.put(node),
            Event::Delete(node) => self.remove(&node.metadata.name.unwrap_or_default()),
        }
    }

    fn put(&self, mut node: Node) {
        // What nobody here reads, and what grows with a node's use.
        node.metadata.managed_fields = None;
        if let Some(status) = &mut node.status {
            (status.images, status.volumes_attached, status.volumes_in_use) = (None, None, None);
        }
        let change = self.state.nodes.write().put(node);
        self.tell(Change::Node(change));
    }

    fn remove(&self, name: &str) {
        let before = self.state.nodes.write().remove(name);
        self.tell(Change::Node(NodeChange {
            before,
            after: None,
            conditions: true,
        }));
    }

    fn up(&self, client: &Client, initialized: bool) {
        tracing::debug!(cluster = %self.cluster, "connected to the guest");
        let mut link = self.state.link.write();
        link.client = Some(client.clone());
        link.failure = None;
        link.initialized |= initialized;
        drop(link);
        self.tell(Change::Link);
    }

    fn down(&self, failure: &str) {
        tracing::debug!(cluster = %self.cluster, failure, "not connected to the guest");
        let mut link = self.state.link.write();
        let news = link.client.take().is_some() || link.failure.as_deref() != Some(failure);
        link.failure = Some(failure.into());
        drop(link);
        if news {
            self.tell(Change::Link);
        }
    }

    fn tell(&self, change: Change) {
        if let Some(shared) = self.shared.upgrade()
            && let Some(listener) = shared.listener.get()
        {
            listener(&self.cluster, change);
        }
    }
}

const KUBEADM_CONFIG: &str = "kubeadm-config";

fn kubeadm_config(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), "kube-system")
}

async fn client_of(kubeconfig: &str) -> Result<Client, Error> {
    // The text holds a private key: no part of it may get into an error.
    let unusable = || Error::Invalid("the guest's kubeconfig is not usable".to_owned());
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).map_err(|_| unusable())?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.map_err(|_| unusable())?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.default_retry = false;
    Client::try_from(config).map_err(|_| unusable())
}

fn watch_failure(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => summary(error),
        other => other.to_string(),
    }
}
