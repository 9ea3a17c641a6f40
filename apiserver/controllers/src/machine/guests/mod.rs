//! Connections to the guests' API servers, one per guest, made from the Secret `<cluster>-kubeconfig`. A connected
//! guest's Nodes are watched, and whoever is interested is told when they change.

mod connection;

use super::engine::Key;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Client;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// The connections of this process to guests, made as guests come up. Clones share them.
#[derive(Clone, Default)]
pub struct GuestClients {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Reads the kubeconfigs; set by whoever runs the layer.
    supervisor: OnceLock<Client>,
    guests: Mutex<HashMap<Key, Guest>>,
    listener: OnceLock<Listener>,
}

type Listener = Box<dyn Fn(&Key, Change) + Send + Sync>;

struct Guest {
    cluster_uid: String,
    state: Arc<State>,
    stop: CancellationToken,
}

/// What changed in a guest.
pub(crate) enum Change {
    /// The connection was made or lost, or the control plane was found initialized.
    Link,
    /// A Node changed.
    Node(NodeChange),
}

/// What changed of a Node.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct NodeChange {
    /// Its provider ID before.
    pub(crate) before: Option<String>,
    /// Its provider ID now.
    pub(crate) after: Option<String>,
    /// Whether its conditions say something else, and not just the same again; also if it came or went.
    pub(crate) conditions: bool,
}

/// How a guest can be reached.
#[derive(Clone)]
pub(crate) enum Link {
    /// Nobody tried yet.
    None,
    /// Trying; the text says why the last attempt failed, if there was one.
    Trying(Option<Arc<str>>),
    /// Connected.
    Up(Client),
}

#[derive(Default)]
struct State {
    link: RwLock<LinkState>,
    nodes: RwLock<Nodes>,
}

#[derive(Default)]
struct LinkState {
    client: Option<Client>,
    failure: Option<Arc<str>>,
    initialized: bool,
}

#[derive(Default)]
struct Nodes {
    by_name: HashMap<String, Arc<Node>>,
    by_provider_id: HashMap<String, String>,
}

impl GuestClients {
    /// A client with an administrator's rights in the guest of the Cluster `name`, while it is connected.
    pub fn client(&self, namespace: &str, name: &str) -> Option<Client> {
        match self.link(&Key::new(namespace, name)) {
            Link::Up(client) => Some(client),
            Link::None | Link::Trying(_) => None,
        }
    }

    /// Sets what reads kubeconfigs, and who is told of changes; the first call counts.
    pub(crate) fn listen(&self, supervisor: Client, listener: impl Fn(&Key, Change) + Send + Sync + 'static) {
        let _ = self.shared.supervisor.set(supervisor);
        let _ = self.shared.listener.set(Box::new(listener));
    }

    /// Connects to the guest of a Cluster and stays connected, unless that was asked before.
    pub(crate) fn connect(&self, cluster: &Key, cluster_uid: &str) {
        let mut guests = self.shared.guests.lock();
        if guests
            .get(cluster)
            .is_some_and(|guest| guest.cluster_uid == cluster_uid)
        {
            return;
        }
        let (state, stop) = (Arc::<State>::default(), CancellationToken::new());
        let guest = Guest {
            cluster_uid: cluster_uid.to_owned(),
            state: Arc::clone(&state),
            stop: stop.clone(),
        };
        if let Some(former) = guests.insert(cluster.clone(), guest) {
            former.stop.cancel();
        }
        let connection = connection::Connection::new(cluster.clone(), state, Arc::downgrade(&self.shared));
        tokio::spawn(async move { stop.run_until_cancelled(connection.run()).await });
    }

    /// Ends the connection to a guest.
    pub(crate) fn close(&self, cluster: &Key) {
        if let Some(guest) = self.shared.guests.lock().remove(cluster) {
            guest.stop.cancel();
        }
    }

    /// Ends all connections.
    pub(crate) fn close_all(&self) {
        for (_, guest) in self.shared.guests.lock().drain() {
            guest.stop.cancel();
        }
    }

    pub(crate) fn link(&self, cluster: &Key) -> Link {
        let Some(state) = self.state(cluster) else {
            return Link::None;
        };
        let link = state.link.read();
        match &link.client {
            Some(client) => Link::Up(client.clone()),
            None => Link::Trying(link.failure.clone()),
        }
    }

    /// Whether the guest has what `kubeadm init` leaves when it is through.
    pub(crate) fn is_initialized(&self, cluster: &Key) -> bool {
        self.state(cluster).is_some_and(|state| state.link.read().initialized)
    }

    /// The Node with exactly this provider ID.
    pub(crate) fn node(&self, cluster: &Key, provider_id: &str) -> Option<Arc<Node>> {
        let state = self.state(cluster)?;
        let nodes = state.nodes.read();
        nodes.by_name.get(nodes.by_provider_id.get(provider_id)?).cloned()
    }

    /// The Node of this name.
    pub(crate) fn node_named(&self, cluster: &Key, name: &str) -> Option<Arc<Node>> {
        self.state(cluster)?.nodes.read().by_name.get(name).cloned()
    }

    fn state(&self, cluster: &Key) -> Option<Arc<State>> {
        Some(Arc::clone(&self.shared.guests.lock().get(cluster)?.state))
    }
}

/// Connections that nobody holds any more end.
impl Drop for Shared {
    fn drop(&mut self) {
        for guest in self.guests.get_mut().values() {
            guest.stop.cancel();
        }
    }
}

impl Nodes {
    /// Takes a Node in, and returns what changed.
    fn put(&mut self, node: Node) -> NodeChange {
        let name = node.metadata.name.clone().unwrap_or_default();
        let conditions = self.by_name.get(&name).is_none_or(|known| told(known) != told(&node));
        let before = self.remove(&name);
        let after = provider_id(&node).map(str::to_owned);
        if let Some(id) = &after {
            self.by_provider_id.insert(id.clone(), name.clone());
        }
        self.by_name.insert(name, Arc::new(node));
        NodeChange {
            before,
            after,
            conditions,
        }
    }

    fn remove(&mut self, name: &str) -> Option<String> {
        let node = self.by_name.remove(name)?;
        let id = provider_id(&node)?;
        if self.by_provider_id.get(id).is_some_and(|holder| holder == name) {
            self.by_provider_id.remove(id);
        }
        Some(id.to_owned())
    }
}

/// What a Node's conditions say, without the time of the last sign of life.
fn told(node: &Node) -> Vec<(&str, &str, Option<&Time>)> {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions
        .map(|condition| {
            let since = condition.last_transition_time.as_ref();
            (condition.type_.as_str(), condition.status.as_str(), since)
        })
        .collect()
}

fn provider_id(node: &Node) -> Option<&str> {
    node.spec.as_ref()?.provider_id.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::NodeSpec;
    use kube::api::ObjectMeta;

    fn node(name: &str, provider_id: Option<&str>) -> Node {
        let spec = NodeSpec {
            provider_id: provider_id.map(str::to_owned),
            ..NodeSpec::default()
        };
        Node {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            spec: Some(spec),
            status: None,
        }
    }

    #[test]
    fn a_node_is_found_by_its_provider_id_whenever_that_comes() {
        let mut nodes = Nodes::default();
        nodes.put(node("a", None));
        let change = nodes.put(node("a", Some("vsphere://1")));
        assert_eq!((change.before, change.after), (None, Some("vsphere://1".to_owned())));
        assert_eq!(nodes.by_provider_id["vsphere://1"], "a");
        assert_eq!(nodes.remove("a"), Some("vsphere://1".to_owned()));
        assert!(nodes.by_name.is_empty() && nodes.by_provider_id.is_empty());
    }
    #[test]
    fn a_sign_of_life_is_no_change_of_conditions() {
        let with = |status: &str, beat: &str| {
            let conditions = serde_json::json!([{
                "type": "Ready", "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z", "lastHeartbeatTime": beat,
            }]);
            serde_json::from_value::<Node>(
                serde_json::json!({"metadata": {"name": "a"}, "status": {"conditions": conditions}}),
            )
            .unwrap()
        };
        let mut nodes = Nodes::default();
        assert!(nodes.put(with("True", "2026-01-01T00:00:01Z")).conditions, "it is new");
        assert!(!nodes.put(with("True", "2026-01-01T00:00:02Z")).conditions);
        assert!(nodes.put(with("False", "2026-01-01T00:00:03Z")).conditions);
    }
}
