//! The keys of a guest: in a Secret of our own namespace, named after the guest, never in a namespace of users.

use guestcluster_credentials::{CannotSign, Claims, SigningKey};
use guestcluster_types::{
    Refusal,
    names::{self, SIGNING_KEY, SYSTEM_NAMESPACE},
};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};

use super::{guests::secret, refused::Refused};

/// What signs the credentials of a guest. Secret: it has no `Debug`.
pub(super) struct Keys {
    signing: SigningKey,
}

impl Keys {
    /// The token.
    pub(super) fn mint(&self, claims: &Claims) -> Result<String, CannotSign> {
        self.signing.mint(claims)
    }
}

/// Reads the keys of a guest, which the guest layer has made before its control plane.
pub(super) async fn read(client: &Client, guest_uid: &str) -> Result<Keys, Refused> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let name = names::guest_keys_secret(guest_uid);
    let found = secret(&secrets, &name).await?;
    let pem = found.and_then(|secret| secret.data?.remove(SIGNING_KEY));
    let key = pem.and_then(|pem| SigningKey::from_pem(std::str::from_utf8(&pem.0).ok()?).ok());
    let signing = key.ok_or_else(|| {
        tracing::error!(secret = name, "the Secret has no usable key for credentials");
        let why = "this guest cluster has no key for credentials yet; try again in a moment";
        Refused::new(Refusal::KeyNotReady, why)
    })?;
    Ok(Keys { signing })
}
