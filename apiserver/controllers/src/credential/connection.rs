//! The way into guests, and their keys: read once, and again when something fails.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use guestcluster_types::names;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use parking_lot::Mutex;

use super::{Error, keys::Keys};

/// Longest that a connection to a guest may take to be made, and a request to be answered.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);
/// How long keys that were read are taken for those that are there.
const READ_AGAIN: Duration = Duration::from_mins(10);

/// Open connections and keys, by guest UID.
#[derive(Default)]
pub(super) struct Connections {
    clients: Mutex<HashMap<String, Client>>,
    keys: Mutex<HashMap<String, (Arc<Keys>, Instant)>>,
    /// Guests that were seen to have their roles since the connection was made.
    founded: Mutex<HashSet<String>>,
}

impl Connections {
    /// The keys of a guest; read again once in a while, as somebody may put others there.
    pub(super) async fn keys(&self, client: &Client, guest_uid: &str) -> Result<Arc<Keys>, Error> {
        if let Some((known, read)) = self.keys.lock().get(guest_uid)
            && read.elapsed() < READ_AGAIN
        {
            return Ok(known.clone());
        }
        let keys = Arc::new(Keys::read(client, guest_uid).await?);
        let known = (keys.clone(), Instant::now());
        self.keys.lock().insert(guest_uid.to_owned(), known);
        Ok(keys)
    }

    /// Reads the keys of a guest anew when they are needed.
    pub(super) fn forget_keys(&self, guest_uid: &str) {
        self.keys.lock().remove(guest_uid);
    }

    /// A client of the guest, by Cluster API's kubeconfig.
    pub(super) async fn open(
        &self,
        client: &Client,
        namespace: &str,
        cluster: &str,
        guest_uid: &str,
    ) -> Result<Client, Error> {
        if let Some(open) = self.clients.lock().get(guest_uid) {
            return Ok(open.clone());
        }
        let name = names::kubeconfig_secret(cluster);
        let secret = Api::<Secret>::namespaced(client.clone(), namespace).get(&name).await?;
        let inside = client_of(&secret, &name).await?;
        self.clients.lock().insert(guest_uid.to_owned(), inside.clone());
        Ok(inside)
    }

    /// Whether the guest was seen to have its roles, by this connection.
    pub(super) fn is_founded(&self, guest_uid: &str) -> bool {
        self.founded.lock().contains(guest_uid)
    }

    pub(super) fn set_founded(&self, guest_uid: &str) {
        self.founded.lock().insert(guest_uid.to_owned());
    }

    /// Forgets a guest's connection and keys.
    pub(super) fn close(&self, guest_uid: &str) {
        self.founded.lock().remove(guest_uid);
        self.clients.lock().remove(guest_uid);
        self.keys.lock().remove(guest_uid);
    }
}

// No part of a Secret may get into an error.
async fn client_of(secret: &Secret, name: &str) -> Result<Client, Error> {
    let unusable = || Error::Unusable(format!("Secret {name} has no usable kubeconfig"));
    let kubeconfig = text(secret, "value").and_then(|text| Kubeconfig::from_yaml(text).ok());
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig.ok_or_else(unusable)?, &options).await;
    let mut config = config.map_err(|_| unusable())?;
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(ANSWER);
    config.default_retry = false;
    Client::try_from(config).map_err(|_| unusable())
}

fn text<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    std::str::from_utf8(&secret.data.as_ref()?.get(key)?.0).ok()
}
