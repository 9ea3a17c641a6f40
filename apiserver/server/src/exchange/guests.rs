//! The guest that a credential is for: its identity, where it answers, and who signs for its API.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, Weak},
    time::Duration,
};

use generic_apiserver::{
    registry::{Registry, Resource},
    status::Status,
};
use guestcluster_credentials::x509::CertificateAuthority;
use guestcluster_types::{GROUP, GuestCluster, Level, Refusal};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, Client};
use moka::future::Cache;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use super::{
    READ,
    keys::{self, Keys},
    refused::Refused,
};
use crate::records::CREDENTIAL_LEVEL;

const TURNS: usize = 64;
/// How long a Secret is not read again: a key that takes another one's place signs beside it for longer.
const MOMENT: Duration = Duration::from_secs(5);
/// Guests whose Secrets are remembered.
const GUESTS: u64 = 1024;

/// What was read a moment ago, once for all who asked at the same time.
type Moments<T> = Cache<String, T>;

/// What is known of guests: GuestClusters in this server's own store, Secrets by the client.
pub(crate) struct Guests {
    registry: Weak<Registry>,
    client: Client,
    /// By guest UID: the CA of its API, PEM, and the keys that sign for it.
    authorities: Moments<ByteString>,
    keys: Moments<Arc<Keys>>,
    /// Who writes a record, by a hash of the person: enough that people hardly wait for each other.
    turns: [Mutex<()>; TURNS],
}

/// A guest that answers.
pub(super) struct Guest {
    /// Name of its GuestCluster.
    pub(super) name: String,
    /// Its identity, which outlives the name.
    pub(super) uid: String,
    /// URL of its API.
    pub(super) server: String,
    /// The CA of its API, PEM.
    pub(super) authority: ByteString,
}

impl Guests {
    /// The guests of this registry; `client` reads Secrets of Cluster API and of our own namespace.
    pub(crate) fn new(registry: &Arc<Registry>, client: Client) -> Guests {
        Guests {
            registry: Arc::downgrade(registry),
            client,
            authorities: moments(),
            keys: moments(),
            turns: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// One of our own resources.
    pub(super) fn resource(&self, plural: &str) -> Result<Arc<Resource>, Status> {
        let resource = self.registry()?.resource(GROUP, plural);
        resource.ok_or_else(|| Status::internal(format!("{plural} are not served")))
    }

    /// Waits until everything that was written before is seen.
    pub(super) async fn catch_up(&self) -> Result<(), Status> {
        let registry = self.registry()?;
        let current = registry.cache().wait_current().await;
        current.map(drop).map_err(|error| Status::internal(error.to_string()))
    }

    /// Waits for one's turn to write a record for this person.
    pub(super) async fn turn(&self, user: &str) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        // The remainder fits, whatever the width of the machine.
        let at = usize::try_from(hasher.finish() % TURNS as u64).unwrap_or_default();
        self.turns[at].lock().await
    }

    /// The guest UID behind a name, as last seen.
    pub(crate) fn uid(&self, namespace: &str, name: &str) -> Option<String> {
        let object = self.resource("guestclusters").ok()?.get(namespace, name)?;
        object["status"]["guestUID"].as_str().map(str::to_owned)
    }

    /// The guest of this name, as it was at the last [`Self::catch_up`]: 404 when there is none, 409 when it is being deleted,
    /// 503 while it does not answer yet.
    pub(super) async fn find(&self, namespace: &str, name: &str) -> Result<Guest, Refused> {
        let resource = self.resource("guestclusters")?;
        let names = &resource.definition().names;
        let object = resource
            .get(namespace, name)
            .ok_or_else(|| Refused::passed_on(Refusal::GuestNotFound, Status::not_found(names, name)))?;
        let cluster: GuestCluster = serde_json::from_value(object)
            .map_err(|error| Status::internal(format!("GuestCluster {name}: {error}")))?;
        if cluster.metadata.deletion_timestamp.is_some() {
            let why = "it is being deleted, and gives no credentials any more";
            let status = Status::conflict(names, name, why);
            return Err(Refused::passed_on(Refusal::GuestBeingDeleted, status));
        }
        let status = cluster.status.unwrap_or_default();
        let (Some(uid), Some(endpoint)) = (status.guest_uid, status.api_endpoint) else {
            return Err(not_yet(name));
        };
        Ok(Guest {
            name: name.to_owned(),
            authority: self.authority(namespace, name, &uid).await?,
            server: format!("https://{}", authority_part(&endpoint.host, endpoint.port)),
            uid,
        })
    }

    /// How many GuestCredentials of each level there are, as last seen.
    pub(crate) fn credentials(&self) -> BTreeMap<Level, u64> {
        let resource = self.resource("guestcredentials").ok();
        let objects = resource.and_then(|resource| Some(resource.cache()?.snapshot()));
        let mut counts = BTreeMap::new();
        for entry in objects.iter().flat_map(|objects| objects.range(None, None)) {
            let level = entry.index.fields.get(CREDENTIAL_LEVEL);
            if let Some(level) = level.and_then(|level| level.parse().ok()) {
                *counts.entry(level).or_default() += 1;
            }
        }
        counts
    }

    /// Whether there is a GuestCluster of this guest UID in a namespace, as last seen.
    pub(crate) fn exists(&self, namespace: &str, guest_uid: &str) -> Result<bool, Status> {
        let resource = self.resource("guestclusters")?;
        let objects = resource.cache().ok_or_else(Status::method_not_supported)?.snapshot();
        let is_it = |object: Value| object["status"]["guestUID"] == guest_uid;
        Ok(objects
            .range(Some(namespace), None)
            .any(|entry| serde_json::from_slice(&entry.encoded).is_ok_and(is_it)))
    }

    /// What signs client certificates of a guest, with its private key.
    pub(super) async fn signing_authority(
        &self,
        namespace: &str,
        guest: &Guest,
    ) -> Result<CertificateAuthority, Refused> {
        let name = format!("{}-ca", guest.name);
        let data = self.authority_data(namespace, &guest.name).await?;
        let text = |key: &str| std::str::from_utf8(&data.get(key)?.0).ok();
        let pair = text("tls.crt").zip(text("tls.key"));
        pair.and_then(|(certificate, key)| CertificateAuthority::from_pem(certificate, key).ok())
            .ok_or_else(|| {
                tracing::error!(
                    secret = name,
                    namespace,
                    "the Secret has no usable certificate authority"
                );
                let why = "the certificate authority of this guest cluster can't be used";
                Refused::new(Refusal::AuthorityUnusable, why)
            })
    }

    /// What signs the credentials of a guest, as it was a moment ago.
    pub(super) async fn keys(&self, guest: &Guest) -> Result<Arc<Keys>, Refused> {
        let read = async { keys::read(&self.client, &guest.uid).await.map(Arc::new) };
        known(self.keys.try_get_with_by_ref(&guest.uid, read).await)
    }

    /// The certificate (and nothing else) of Secret `<cluster>-ca`, as it was a moment ago.
    async fn authority(&self, namespace: &str, cluster: &str, guest_uid: &str) -> Result<ByteString, Refused> {
        let read = async {
            let certificate = self.authority_data(namespace, cluster).await?.remove("tls.crt");
            certificate.ok_or_else(|| not_yet(cluster))
        };
        known(self.authorities.try_get_with_by_ref(guest_uid, read).await)
    }

    async fn authority_data(&self, namespace: &str, cluster: &str) -> Result<BTreeMap<String, ByteString>, Refused> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let secret = secret(&secrets, &format!("{cluster}-ca")).await?;
        secret.and_then(|secret| secret.data).ok_or_else(|| not_yet(cluster))
    }

    fn registry(&self) -> Result<Arc<Registry>, Status> {
        let registry = self.registry.upgrade();
        registry.ok_or_else(|| Status::service_unavailable("the server is stopping"))
    }
}

fn moments<T: Clone + Send + Sync + 'static>() -> Moments<T> {
    Cache::builder().max_capacity(GUESTS).time_to_live(MOMENT).build()
}

fn known<T>(found: Result<T, Arc<Refused>>) -> Result<T, Refused> {
    found.map_err(Arc::unwrap_or_clone)
}

/// One Secret, within the deadline of an exchange.
pub(super) async fn secret(secrets: &Api<Secret>, name: &str) -> Result<Option<Secret>, Status> {
    let answer = tokio::time::timeout(READ, secrets.get_opt(name)).await;
    let failed = |why: String| {
        tracing::warn!(secret = name, why, "a Secret could not be read");
        Status::service_unavailable("the supervisor did not answer; try again")
    };
    answer
        .map_err(|_| failed("no answer in time".to_owned()))?
        .map_err(|error| failed(error.to_string()))
}

fn authority_part(host: &str, port: i32) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn not_yet(name: &str) -> Refused {
    let why = format!("guest cluster {name:?} does not answer yet; see its conditions, and try again");
    Refused::new(Refusal::GuestNotReady, why)
}
