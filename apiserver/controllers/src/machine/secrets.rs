//! The Secrets that Cluster API keeps in a cluster's namespace: their names and keys, and how they are read. Always by
//! name, never by a watch: a watch would hold every guest's keys in memory.

use super::engine::Key;
use super::error::Error;
use guestcluster_credentials::x509::CertifiedKey;
use guestcluster_types::upstream::capi::{CLUSTER_NAME_LABEL, SECRET_TYPE};
use guestcluster_types::validation::is_dns_subdomain;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::PostParams;
use kube::{Api, Client};
use std::collections::BTreeMap;

/// Key of a certificate.
const CERTIFICATE: &str = "tls.crt";
/// Key of a private key.
const PRIVATE_KEY: &str = "tls.key";
/// Key of a kubeconfig and of bootstrap data.
pub(crate) const VALUE: &str = "value";

/// What a cluster's Secrets are for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// The authority of the API server and its clients.
    ClusterAuthority,
    /// The authority of etcd.
    EtcdAuthority,
    /// The authority of the front proxy.
    ProxyAuthority,
    /// The key of service account tokens.
    ServiceAccounts,
    /// The administrator's kubeconfig.
    Kubeconfig,
    /// The API server's client certificate for an etcd that is not ours.
    EtcdClient,
}

impl Purpose {
    /// Name of the cluster's Secret for this.
    pub(crate) fn secret_name(self, cluster: &str) -> String {
        let suffix = match self {
            Self::ClusterAuthority => "ca",
            Self::EtcdAuthority => "etcd",
            Self::ProxyAuthority => "proxy",
            Self::ServiceAccounts => "sa",
            Self::Kubeconfig => "kubeconfig",
            Self::EtcdClient => "apiserver-etcd-client",
        };
        format!("{cluster}-{suffix}")
    }
}

/// The administrator's kubeconfig of a cluster.
pub(crate) async fn kubeconfig(client: &Client, cluster: &Key) -> Result<String, Error> {
    let name = Purpose::Kubeconfig.secret_name(&cluster.name);
    let secret = get(client, &cluster.namespace, &name)
        .await?
        .ok_or_else(|| missing(&name, VALUE))?;
    text(&secret, &name, VALUE)
}

/// Certificate and private key of a cluster, if the Secret exists.
pub(crate) async fn pair(client: &Client, cluster: &Key, purpose: Purpose) -> Result<Option<CertifiedKey>, Error> {
    let name = purpose.secret_name(&cluster.name);
    let Some(secret) = get(client, &cluster.namespace, &name).await? else {
        return Ok(None);
    };
    // An authority that is managed elsewhere may come without its key.
    let key = text(&secret, &name, PRIVATE_KEY).unwrap_or_default();
    Ok(Some(CertifiedKey {
        certificate: text(&secret, &name, CERTIFICATE)?,
        key,
    }))
}

/// A Secret by name.
pub(crate) async fn get(client: &Client, namespace: &str, name: &str) -> Result<Option<Secret>, Error> {
    if !is_dns_subdomain(name) {
        // No Secret has such a name, and no request can be made of it.
        return Ok(None);
    }
    Api::<Secret>::namespaced(client.clone(), namespace)
        .get_opt(name)
        .await
        .map_err(Error::api("reading a Secret"))
}

/// Creates a Secret; false if one of that name exists.
pub(crate) async fn create(client: &Client, secret: &Secret) -> Result<bool, Error> {
    let namespace = secret.metadata.namespace.as_deref().unwrap_or_default();
    let params = PostParams {
        field_manager: Some(super::writes::MANAGER.to_owned()),
        ..PostParams::default()
    };
    match Api::<Secret>::namespaced(client.clone(), namespace)
        .create(&params, secret)
        .await
    {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(false),
        Err(error) => Err(Error::api("creating a Secret")(error)),
    }
}

/// A Secret of a cluster with a certificate and a key.
pub(crate) fn of_pair(cluster: &Key, purpose: Purpose, owners: Vec<OwnerReference>, pair: CertifiedKey) -> Secret {
    let data = [(CERTIFICATE, pair.certificate), (PRIVATE_KEY, pair.key)];
    of_cluster(cluster, &purpose.secret_name(&cluster.name), owners, data)
}

/// A Secret as Cluster API keeps them.
pub(crate) fn of_cluster<const N: usize>(
    cluster: &Key,
    name: &str,
    owners: Vec<OwnerReference>,
    data: [(&str, String); N],
) -> Secret {
    let data = data
        .into_iter()
        .map(|(key, value)| (key.to_owned(), ByteString(value.into_bytes())));
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(cluster.namespace.to_string()),
            labels: Some(BTreeMap::from([(
                CLUSTER_NAME_LABEL.to_owned(),
                cluster.name.to_string(),
            )])),
            owner_references: Some(owners),
            ..ObjectMeta::default()
        },
        type_: Some(SECRET_TYPE.to_owned()),
        data: Some(data.collect()),
        ..Secret::default()
    }
}

fn text(secret: &Secret, name: &str, key: &'static str) -> Result<String, Error> {
    let value = secret
        .data
        .as_ref()
        .and_then(|data| data.get(key))
        .ok_or_else(|| missing(name, key))?;
    String::from_utf8(value.0.clone()).map_err(|_| missing(name, key))
}

fn missing(name: &str, key: &'static str) -> Error {
    Error::Secret {
        name: name.to_owned(),
        key,
    }
}
