//! What bootstrap data is made from.

use super::cloud_init::file;
use crate::machine::conditions::{Verdict, no_owner};
use crate::machine::context::{Context, in_namespace_of};
use crate::machine::engine::Key;
use crate::machine::error::Error;
use crate::machine::secrets::{self, Purpose};
use crate::machine::validate::missing_cluster;
use crate::machine::writes::controller_of;
use guestcluster_credentials::x509::CertifiedKey;
use guestcluster_types::upstream::capi::{Cluster, Machine};
use guestcluster_types::upstream::kubeadm::{ClusterConfiguration, File, KubeadmConfig, SecretKey};
use kube::ResourceExt;
use std::sync::Arc;

/// The objects that a KubeadmConfig serves.
pub(super) struct Parts {
    pub(super) config: Arc<KubeadmConfig>,
    pub(super) machine: Arc<Machine>,
    pub(super) cluster: Arc<Cluster>,
}

/// The objects, or which one is missing.
pub(super) fn parts(context: &Context, config: Arc<KubeadmConfig>) -> Result<Parts, Verdict> {
    let nobody = || no_owner::<Machine>("spec.bootstrap.configRef");
    let owner = controller_of::<Machine>(&config.metadata).ok_or_else(nobody)?;
    let machine = context
        .machines
        .get(&in_namespace_of(&*config, &owner.name))
        .filter(|machine| machine.metadata.uid.as_ref() == Some(&owner.uid))
        .ok_or_else(nobody)?;
    let cluster = &machine.spec.cluster_name;
    let missing = || {
        Verdict::no(
            "ClusterDoesNotExist",
            format!("Machine {}: {}", owner.name, missing_cluster(cluster)),
        )
    };
    let cluster = context
        .clusters
        .get(&in_namespace_of(&*machine, cluster))
        .ok_or_else(missing)?;
    Ok(Parts {
        config,
        machine,
        cluster,
    })
}

/// Where kubeadm looks for a pair: certificate, private key.
const FILES: [(Purpose, &str, &str); 4] = [
    (
        Purpose::ClusterAuthority,
        "/etc/kubernetes/pki/ca.crt",
        "/etc/kubernetes/pki/ca.key",
    ),
    (
        Purpose::EtcdAuthority,
        "/etc/kubernetes/pki/etcd/ca.crt",
        "/etc/kubernetes/pki/etcd/ca.key",
    ),
    (
        Purpose::ProxyAuthority,
        "/etc/kubernetes/pki/front-proxy-ca.crt",
        "/etc/kubernetes/pki/front-proxy-ca.key",
    ),
    (
        Purpose::ServiceAccounts,
        "/etc/kubernetes/pki/sa.pub",
        "/etc/kubernetes/pki/sa.key",
    ),
];

/// Where kube-apiserver looks for its certificate for an etcd that is not ours.
const ETCD_CLIENT: (Purpose, &str, &str) = (
    Purpose::EtcdClient,
    "/etc/kubernetes/pki/apiserver-etcd-client.crt",
    "/etc/kubernetes/pki/apiserver-etcd-client.key",
);

/// The files of a control-plane machine's certificates and keys.
pub(super) async fn certificates(context: &Context, parts: &Parts, external_etcd: bool) -> Result<Vec<File>, Error> {
    let mut files = Vec::with_capacity(2 * FILES.len());
    for place in places(external_etcd) {
        files.extend(files_of(pair(context, parts, place.0).await?, place));
    }
    Ok(files)
}

/// Purpose, path of the certificate and, where the machine gets the private key, its path.
type Place = (Purpose, &'static str, Option<&'static str>);

pub(super) fn places(external_etcd: bool) -> impl Iterator<Item = Place> {
    let client = external_etcd.then_some(ETCD_CLIENT);
    FILES.into_iter().chain(client).map(move |(purpose, certificate, key)| {
        // An etcd that is not ours gives its CA certificate, and no key.
        let has_key = !(external_etcd && purpose == Purpose::EtcdAuthority);
        (purpose, certificate, has_key.then_some(key))
    })
}

pub(super) fn files_of(pair: CertifiedKey, (_, certificate, key): Place) -> impl Iterator<Item = File> {
    let key = key.map(|path| file(path, "0600", pair.key));
    [file(certificate, "0640", pair.certificate)].into_iter().chain(key)
}

/// The cluster's authority.
pub(super) async fn authority(context: &Context, parts: &Parts) -> Result<CertifiedKey, Error> {
    pair(context, parts, Purpose::ClusterAuthority).await
}

async fn pair(context: &Context, parts: &Parts, purpose: Purpose) -> Result<CertifiedKey, Error> {
    let cluster = Key::of(&*parts.cluster);
    let pair = secrets::pair(&context.client, &cluster, purpose).await?;
    pair.ok_or_else(|| Error::Secret {
        name: purpose.secret_name(&cluster.name),
        key: "tls.crt",
    })
}

/// What the control plane tells kubeadm about the cluster; a joining machine's own configuration does not say it.
pub(super) fn cluster_configuration(context: &Context, parts: &Parts) -> ClusterConfiguration {
    let reference = parts.cluster.spec.control_plane_ref.as_ref();
    let control_plane = reference.and_then(|reference| {
        context
            .control_planes
            .get(&in_namespace_of(&*parts.cluster, &reference.name))
    });
    let configuration = control_plane.and_then(|object| object.spec.kubeadm_config_spec.cluster_configuration.clone());
    configuration.unwrap_or_default()
}

/// The content of a file, or the password of a user, that comes from a Secret.
pub(super) async fn content(context: &Context, config: &KubeadmConfig, source: &SecretKey) -> Result<String, Error> {
    let missing = || {
        Error::Invalid(format!(
            "Secret {} with key {}, which a file or user of the spec names, does not exist",
            source.name, source.key
        ))
    };
    let secret = secrets::get(&context.client, &config.namespace().unwrap_or_default(), &source.name).await?;
    let value = secret
        .and_then(|secret| secret.data?.remove(&source.key))
        .ok_or_else(missing)?;
    String::from_utf8(value.0)
        .map_err(|_| Error::Invalid(format!("key {} of Secret {} is not text", source.key, source.name)))
}
