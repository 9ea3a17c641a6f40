//! The certificates of an etcd that Cluster API does not manage (`etcd: external`): it expects them in two Secrets before the
//! control plane begins, and never makes them. They go with the guest's VSphereCluster.

use std::collections::HashSet;

use guestcluster_credentials::x509::{CA_VALIDITY, CertificateAuthority, CertifiedKey, X509Error};
use guestcluster_types::{
    conditions::{CONTROL_PLANE_INITIALIZED, reasons},
    labels,
    names::{self, SYSTEM_NAMESPACE},
    upstream::{
        capi::{CLUSTER_NAME_LABEL, SECRET_TYPE},
        capv::VSphereCluster,
    },
};
use k8s_openapi::{
    ByteString,
    api::core::v1::Secret,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::{
    Api, Client, Resource as _, ResourceExt as _,
    api::{DeleteParams, PostParams},
};
use parking_lot::Mutex;

use super::{
    apply::{Failure, refusal},
    dereference::belongs_to,
    plan::{Blocked, Identity, Object},
};

/// As kubeadm calls kube-apiserver in front of its etcd.
const CLIENT: &str = "kube-apiserver-etcd-client";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// The guests that were seen to have them.
#[derive(Default)]
pub(super) struct Certificates {
    known: Mutex<HashSet<String>>,
}

impl Certificates {
    /// Makes what is missing. The authority's key stays in the supervisor's own namespace, for whoever runs the members: Cluster API
    /// takes a key for a file of the nodes.
    pub(super) async fn ensure(
        &self,
        client: &Client,
        identity: &Identity,
        owner: &VSphereCluster,
    ) -> Result<(), Failure> {
        if self.known.lock().contains(&identity.uid) {
            return Ok(());
        }
        let made = |made: Result<CertifiedKey, X509Error>| made.map_err(|error| unusable(identity, &error.to_string()));
        let ours = Place::of_supervisor(client, identity);
        let authority = match ours.find().await? {
            Some(found) => ours.pair(&found)?,
            None => {
                let generated = CertificateAuthority::generate("etcd-ca").map(|(_, pair)| pair);
                ours.create(&made(generated)?, true).await?
            }
        };
        let theirs = Place::of_cluster(client, identity, owner, names::etcd_secret(&identity.name));
        if theirs.find().await?.is_none() {
            theirs.create(&authority, false).await?;
        }
        let theirs = Place::of_cluster(client, identity, owner, names::etcd_client_secret(&identity.name));
        if theirs.find().await?.is_none() {
            let signed = CertificateAuthority::from_pem(&authority.certificate, &authority.key)
                .and_then(|authority| authority.issue_client(CLIENT, None, CA_VALIDITY));
            theirs.create(&made(signed)?, true).await?;
        }
        self.known.lock().insert(identity.uid.clone());
        Ok(())
    }

    /// Removes the authority of a guest that is gone; the rest went with the guest.
    pub(super) async fn remove(&self, client: &Client, identity: &Identity) -> kube::Result<()> {
        let ours = Place::of_supervisor(client, identity);
        match ours.api.delete(&ours.name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error),
        }
        self.known.lock().remove(&identity.uid);
        Ok(())
    }
}

/// Where one Secret is, or is to be.
struct Place<'a> {
    api: Api<Secret>,
    name: String,
    identity: &'a Identity,
    /// What it goes with.
    owner: Option<&'a VSphereCluster>,
}

impl<'a> Place<'a> {
    fn of_supervisor(client: &Client, identity: &'a Identity) -> Self {
        Self {
            api: Api::namespaced(client.clone(), SYSTEM_NAMESPACE),
            name: names::guest_etcd_secret(&identity.uid),
            identity,
            owner: None,
        }
    }

    fn of_cluster(client: &Client, identity: &'a Identity, owner: &'a VSphereCluster, name: String) -> Self {
        Self {
            api: Api::namespaced(client.clone(), &identity.namespace),
            name,
            identity,
            owner: Some(owner),
        }
    }

    /// The guest's Secret, if there is one. A Secret of anything else is in the way.
    async fn find(&self) -> Result<Option<Secret>, Failure> {
        let found = self.api.get_opt(&self.name).await;
        let found = found.map_err(|error| refusal(error, "the certificates of etcd"))?;
        match found {
            Some(secret) if !belongs_to(&secret, &self.identity.uid) => Err(Failure::Blocked(self.taken())),
            found => Ok(found),
        }
    }

    /// Creates the Secret, with or without the key. Whoever was first made it.
    async fn create(&self, pair: &CertifiedKey, with_key: bool) -> Result<CertifiedKey, Failure> {
        match self
            .api
            .create(&PostParams::default(), &self.secret(pair, with_key))
            .await
        {
            Ok(_) => Ok(pair.clone()),
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let found = self.find().await?;
                found.map_or_else(
                    || Err(unusable(self.identity, "a Secret comes and goes")),
                    |found| self.pair(&found),
                )
            }
            Err(error) => Err(refusal(error, "the certificates of etcd")),
        }
    }

    fn secret(&self, pair: &CertifiedKey, with_key: bool) -> Secret {
        let key = with_key.then_some((KEY, &pair.key));
        let data = [(CERTIFICATE, &pair.certificate)].into_iter().chain(key);
        let data = data.map(|(key, value)| (key.to_owned(), ByteString(value.clone().into_bytes())));
        let labels = [
            (labels::GUEST_UID, &self.identity.uid),
            (CLUSTER_NAME_LABEL, &self.identity.name),
        ];
        Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                labels: Some(labels.map(|(key, value)| (key.to_owned(), value.clone())).into()),
                owner_references: self.owner.map(|owner| vec![reference(owner)]),
                ..ObjectMeta::default()
            },
            type_: Some(SECRET_TYPE.to_owned()),
            data: Some(data.collect()),
            ..Secret::default()
        }
    }

    fn pair(&self, secret: &Secret) -> Result<CertifiedKey, Failure> {
        let text = |key: &str| {
            let value = secret.data.as_ref().and_then(|data| data.get(key));
            let text = value.and_then(|value| std::str::from_utf8(&value.0).ok());
            let missing = || unusable(self.identity, &format!("Secret {} has no {key}", self.name));
            text.map(str::to_owned).ok_or_else(missing)
        };
        Ok(CertifiedKey {
            certificate: text(CERTIFICATE)?,
            key: text(KEY).unwrap_or_default(),
        })
    }

    fn taken(&self) -> Blocked {
        let (name, namespace) = (&self.name, &self.identity.namespace);
        Blocked {
            condition: CONTROL_PLANE_INITIALIZED,
            reason: reasons::NAME_TAKEN,
            message: format!(
                "Secret {name} exists in namespace {namespace} and does not belong to this cluster; rename the cluster, or remove the Secret"
            ),
            object: Some(Object::new("Secret", name)),
            terminal: true,
        }
    }
}

fn reference(owner: &VSphereCluster) -> OwnerReference {
    OwnerReference {
        api_version: VSphereCluster::api_version(&()).into_owned(),
        kind: VSphereCluster::kind(&()).into_owned(),
        name: owner.name_any(),
        uid: owner.uid().unwrap_or_default(),
        ..OwnerReference::default()
    }
}

/// No part of a key may get into an error.
fn unusable(identity: &Identity, problem: &str) -> Failure {
    let message = format!("the certificates of the etcd of {}: {problem}", identity.name);
    Failure::Api(kube::Error::Api(Box::new(
        kube::core::Status::failure(&message, "InternalError").with_code(500),
    )))
}
