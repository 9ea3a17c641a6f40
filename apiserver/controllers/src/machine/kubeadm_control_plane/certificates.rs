//! The Secrets of a guest: its authorities, the key of service account tokens, and the administrator's kubeconfig.

use crate::machine::context::Context;
use crate::machine::engine::{Key, Next};
use crate::machine::error::Error;
use crate::machine::secrets::{self, Purpose, VALUE};
use crate::machine::writes::{MANAGER, controlled_by};
use guestcluster_credentials::kubeconfig::Kubeconfig;
use guestcluster_credentials::x509::{CertificateAuthority, CertifiedKey, generate_key_pair};
use guestcluster_types::upstream::ApiEndpoint;
use guestcluster_types::upstream::capi::Cluster;
use guestcluster_types::upstream::kubeadm::{CERTIFICATES_EXPIRY_ANNOTATION, KubeadmControlPlane};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use std::time::Duration;

const USER: &str = "kubernetes-admin";
const GROUP: &str = "system:masters";
/// Life of the administrator's client certificate.
const CLIENT_LIFE: Duration = Duration::from_hours(365 * 24);
/// The kubeconfig is made anew when half of its certificate's life is over.
const RENEW_BEFORE: Duration = Duration::from_secs(CLIENT_LIFE.as_secs() / 2);

/// Creates what is missing. Presence is known from a watch of metadata; contents are read only when they are needed.
pub(super) async fn ensure(context: &Context, cluster: &Cluster, object: &KubeadmControlPlane) -> Result<(), Error> {
    let key = Key::of(cluster);
    let external_etcd = object
        .spec
        .kubeadm_config_spec
        .cluster_configuration
        .as_ref()
        .is_some_and(guestcluster_types::upstream::kubeadm::ClusterConfiguration::has_external_etcd);
    for purpose in [
        Purpose::ClusterAuthority,
        Purpose::EtcdAuthority,
        Purpose::ProxyAuthority,
        Purpose::ServiceAccounts,
    ] {
        if exists(context, &key, purpose) {
            continue;
        }
        if external_etcd && purpose == Purpose::EtcdAuthority {
            // Whoever runs that etcd provides it.
            return Err(Error::Secret {
                name: purpose.secret_name(&key.name),
                key: "tls.crt",
            });
        }
        let secret = secrets::of_pair(&key, purpose, controlled_by(object), generate(purpose)?);
        create(context, &secret).await?;
    }
    if external_etcd {
        for purpose in [Purpose::EtcdAuthority, Purpose::EtcdClient] {
            adopt(context, &key.sibling(&purpose.secret_name(&key.name)), object).await?;
        }
    }
    if cluster.spec.control_plane_endpoint.is_known() {
        ensure_kubeconfig(context, cluster, object).await?;
    }
    Ok(())
}

/// Makes the control plane the controller of a Secret that somebody else provided, as Cluster API does.
async fn adopt(context: &Context, secret: &Key, object: &KubeadmControlPlane) -> Result<(), Error> {
    let Some(known) = context.secrets.get(secret) else {
        return Ok(());
    };
    let mut owners = known.metadata.owner_references.clone().unwrap_or_default();
    if owners.iter().any(|owner| owner.controller == Some(true)) {
        return Ok(());
    }
    owners.extend(controlled_by(object));
    let (uid, version) = (&known.metadata.uid, &known.metadata.resource_version);
    let metadata = json!({"uid": uid, "resourceVersion": version, "ownerReferences": owners});
    patch(context, secret, &json!({ "metadata": metadata }), "adopting a Secret").await
}

/// When the kubeconfig must be looked at again.
pub(super) fn next(context: &Context, cluster: &Cluster) -> Next {
    let left = kubeconfig_end(context, &Key::of(cluster)).map(|end| end.duration_since(Timestamp::now()));
    let left = left
        .and_then(|left| Duration::try_from(left).ok())
        .and_then(|left| left.checked_sub(RENEW_BEFORE));
    left.map_or(Next::Event, Next::After)
}

fn exists(context: &Context, cluster: &Key, purpose: Purpose) -> bool {
    context
        .secrets
        .get(&cluster.sibling(&purpose.secret_name(&cluster.name)))
        .is_some()
}

fn generate(purpose: Purpose) -> Result<CertifiedKey, Error> {
    let name = match purpose {
        Purpose::ServiceAccounts => {
            let (key, public) = generate_key_pair()?;
            return Ok(CertifiedKey {
                certificate: public,
                key,
            });
        }
        Purpose::EtcdAuthority => "etcd-ca",
        Purpose::ProxyAuthority => "front-proxy-ca",
        _ => "kubernetes",
    };
    let (_, pair) = CertificateAuthority::generate(name)?;
    Ok(pair)
}

/// Creates a Secret. One that exists already is left as it is.
async fn create(context: &Context, secret: &Secret) -> Result<(), Error> {
    secrets::create(&context.client, secret).await.map(|_| ())
}

async fn ensure_kubeconfig(context: &Context, cluster: &Cluster, object: &KubeadmControlPlane) -> Result<(), Error> {
    let (key, now) = (Key::of(cluster), Timestamp::now());
    let exists = exists(context, &key, Purpose::Kubeconfig);
    let half = SignedDuration::try_from(RENEW_BEFORE).unwrap_or_default();
    if exists && kubeconfig_end(context, &key).is_none_or(|end| end.duration_since(now) > half) {
        return Ok(());
    }
    let authority = secrets::pair(&context.client, &key, Purpose::ClusterAuthority).await?;
    let authority = authority.ok_or_else(|| Error::Secret {
        name: Purpose::ClusterAuthority.secret_name(&key.name),
        key: "tls.crt",
    })?;
    let issuer = CertificateAuthority::from_pem(&authority.certificate, &authority.key)?;
    let client = issuer.issue_client(USER, Some(GROUP), CLIENT_LIFE)?;
    let kubeconfig = kubeconfig(
        &key.name,
        &cluster.spec.control_plane_endpoint,
        &authority.certificate,
        &client,
    );
    let name = Purpose::Kubeconfig.secret_name(&key.name);
    let mut secret = secrets::of_cluster(&key, &name, controlled_by(object), [(VALUE, kubeconfig)]);
    let end = now
        .checked_add(CLIENT_LIFE)
        .map_err(|error| Error::Invalid(error.to_string()))?;
    let end = end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    secret
        .annotations_mut()
        .insert(CERTIFICATES_EXPIRY_ANNOTATION.to_owned(), end);
    if exists {
        renew(context, &secret).await
    } else {
        create(context, &secret).await
    }
}

/// When the client certificate of the kubeconfig ends; none if another made it, who then renews it.
fn kubeconfig_end(context: &Context, cluster: &Key) -> Option<Timestamp> {
    let secret = context
        .secrets
        .get(&cluster.sibling(&Purpose::Kubeconfig.secret_name(&cluster.name)))?;
    secret.annotations().get(CERTIFICATES_EXPIRY_ANNOTATION)?.parse().ok()
}

async fn renew(context: &Context, secret: &Secret) -> Result<(), Error> {
    let key = Key::new(&secret.namespace().unwrap_or_default(), &secret.name_any());
    let content = json!({ "metadata": { "annotations": secret.metadata.annotations }, "data": secret.data });
    patch(context, &key, &content, "renewing a kubeconfig").await
}

async fn patch(context: &Context, secret: &Key, content: &Value, what: &'static str) -> Result<(), Error> {
    let api = Api::<Secret>::namespaced(context.client.clone(), &secret.namespace);
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patched = api.patch_metadata(&secret.name, &params, &Patch::Merge(content)).await;
    patched.map(|_| ()).map_err(Error::api(what))
}

fn kubeconfig(cluster: &str, endpoint: &ApiEndpoint, authority: &str, client: &CertifiedKey) -> String {
    let user = format!("{cluster}-admin");
    let kubeconfig = Kubeconfig {
        cluster,
        user: &user,
        context: &format!("{user}@{cluster}"),
        server: &format!("https://{endpoint}"),
        certificate_authority: authority,
        credential: client,
        namespace: None,
    };
    kubeconfig.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::config::{KubeConfigOptions, Kubeconfig};

    async fn config(host: &str) -> kube::Config {
        let (issuer, ca) = CertificateAuthority::generate("kubernetes").unwrap();
        let client = issuer.issue_client(USER, Some(GROUP), CLIENT_LIFE).unwrap();
        let endpoint = ApiEndpoint {
            host: host.to_owned(),
            port: 6443,
        };
        let parsed = Kubeconfig::from_yaml(&kubeconfig("dev", &endpoint, &ca.certificate, &client)).unwrap();
        kube::Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_client_can_use_the_kubeconfig() {
        let config = config("127.64.0.1").await;
        assert_eq!(config.cluster_url.to_string(), "https://127.64.0.1:6443/");
        assert_eq!(config.root_cert.as_ref().map(Vec::len), Some(1));
        kube::Client::try_from(config).unwrap();
    }

    #[tokio::test]
    async fn an_ipv6_endpoint_is_a_url() {
        assert_eq!(
            config("fd00::1").await.cluster_url.to_string(),
            "https://[fd00::1]:6443/"
        );
    }
}
