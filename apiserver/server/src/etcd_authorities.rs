//! The authorities of guests' etcds that Cluster API does not look after, as the guest layer keeps them in our own namespace.

use std::collections::BTreeMap;

use async_trait::async_trait;
use guestcluster_credentials::x509::CertifiedKey;
use guestcluster_types::{
    labels,
    names::{self, SYSTEM_NAMESPACE},
    upstream::capi::{CLUSTER_NAME_LABEL, Cluster},
};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, Resource, ResourceExt as _};
use process_driver::EtcdAuthorities;
use vm_driver::ObjectKey;

/// They are read when a control-plane VM asks for its own.
pub(crate) struct KeptAuthorities {
    client: Client,
}

impl KeptAuthorities {
    /// Read by this client.
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The UID of the guest that a VM belongs to: Cluster API's objects carry the name of its Cluster, and that the UID.
    async fn guest(&self, vm: &ObjectKey, labels: &BTreeMap<String, String>) -> Result<String, String> {
        let (name, namespace) = (&vm.name, &vm.namespace);
        let cluster = labels
            .get(CLUSTER_NAME_LABEL)
            .ok_or_else(|| format!("VM {name} has no label {CLUSTER_NAME_LABEL}, which names its guest"))?;
        let clusters: Api<Cluster> = Api::namespaced(self.client.clone(), namespace);
        let found = clusters.get_metadata_opt(cluster).await;
        let found = found.map_err(|error| refused(&format!("reading Cluster {cluster}"), &error))?;
        let uid = found.and_then(|found| found.labels().get(labels::GUEST_UID).cloned());
        uid.ok_or_else(|| {
            let kind = Cluster::kind(&());
            format!(
                "{kind} {cluster} of namespace {namespace} is missing, or has no label {}",
                labels::GUEST_UID
            )
        })
    }
}

#[async_trait]
impl EtcdAuthorities for KeptAuthorities {
    async fn authority(&self, vm: &ObjectKey, labels: &BTreeMap<String, String>) -> Result<CertifiedKey, String> {
        let name = names::guest_etcd_secret(&self.guest(vm, labels).await?);
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), SYSTEM_NAMESPACE);
        let secret = secrets.get_opt(&name).await;
        let secret = secret.map_err(|error| refused(&format!("reading Secret {name}"), &error))?;
        let secret =
            secret.ok_or_else(|| format!("Secret {name} of namespace {SYSTEM_NAMESPACE} does not exist yet"))?;
        let text = |key: &str| {
            let value = secret.data.as_ref().and_then(|data| data.get(key));
            let text = value.and_then(|value| String::from_utf8(value.0.clone()).ok());
            text.ok_or_else(|| format!("Secret {name} of namespace {SYSTEM_NAMESPACE} has no readable {key}"))
        };
        Ok(CertifiedKey {
            certificate: text("tls.crt")?,
            key: text("tls.key")?,
        })
    }
}

/// The library's own words show requests with their headers.
fn refused(what: &str, error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{what}: {}", status.message),
        _ => format!("{what}: no answer"),
    }
}
