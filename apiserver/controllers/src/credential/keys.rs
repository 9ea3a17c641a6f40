//! The keys of a guest, as their Secret holds them.

use guestcluster_credentials::{PublicKey, SigningKey};
use guestcluster_types::names::{
    self, NEXT_SIGNING_KEY, PREVIOUS_SIGNING_KEY, SIGNING_KEY, SYSTEM_NAMESPACE, TRUST_KEY,
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt as _};

use super::Error;

/// Annotations of the Secret: since when the key that signs does, until when the last one is accepted, and which wish for another
/// one was heard last.
pub(super) const SIGNS_SINCE: &str = "guestclusters.dev/signs-since";
pub(super) const PREVIOUS_UNTIL: &str = "guestclusters.dev/previous-until";
pub(super) const ROTATED_FOR: &str = "guestclusters.dev/rotated-for";

/// The keys.
pub(super) struct Keys {
    /// Signs what the guest trusts.
    pub(super) trust: SigningKey,
    /// Signs its credentials.
    pub(super) signing: SigningKey,
    pub(super) signs_since: Timestamp,
    /// Will sign them.
    pub(super) next: Option<SigningKey>,
    /// Has signed them, and until when that counts.
    pub(super) previous: Option<(PublicKey, Timestamp)>,
    /// The wish for another key that was heard last.
    pub(super) rotated_for: Option<String>,
    /// Of the Secret, so that nobody's change is written over.
    pub(super) resource_version: Option<String>,
}

impl Keys {
    /// Those that the guest layer has made for a guest.
    pub(super) async fn read(client: &Client, guest_uid: &str) -> Result<Keys, Error> {
        let name = names::guest_keys_secret(guest_uid);
        let secret = secrets(client).get(&name).await?;
        Keys::of(&secret).map_err(|key| unusable(&name, key))
    }

    /// What guests are to accept tokens by, in the same order whichever of them signs.
    pub(super) fn published(&self) -> Vec<PublicKey> {
        let signing = [self.signing.public()];
        let next = self.next.as_ref().map(SigningKey::public);
        let previous = self.previous.as_ref().map(|(key, _)| key);
        let mut all: Vec<_> = signing.into_iter().chain(next).chain(previous).cloned().collect();
        all.sort_by(|a, b| a.kid().cmp(b.kid()));
        all
    }

    /// The name of the key that is missing or can't be used, if one is.
    pub(super) fn of(secret: &Secret) -> Result<Keys, &'static str> {
        let private = |key: &'static str| text(secret, key).map(|pem| SigningKey::from_pem(pem).map_err(|_| key));
        let needed = |key: &'static str| private(key).unwrap_or(Err(key));
        let time = |annotation| secret.annotations().get(annotation)?.parse::<Timestamp>().ok();
        let made = secret.creation_timestamp().map(|made| made.0);
        let previous = text(secret, PREVIOUS_SIGNING_KEY).map(PublicKey::from_pem).transpose();
        Ok(Keys {
            trust: needed(TRUST_KEY)?,
            signing: needed(SIGNING_KEY)?,
            signs_since: time(SIGNS_SINCE).or(made).unwrap_or(Timestamp::MAX),
            next: private(NEXT_SIGNING_KEY).transpose()?,
            previous: previous
                .map_err(|_| PREVIOUS_SIGNING_KEY)?
                .map(|key| (key, time(PREVIOUS_UNTIL).unwrap_or(Timestamp::MIN))),
            rotated_for: secret.annotations().get(ROTATED_FOR).cloned(),
            resource_version: secret.resource_version(),
        })
    }
}

/// Where the keys of guests are.
pub(super) fn secrets(client: &Client) -> Api<Secret> {
    Api::namespaced(client.clone(), SYSTEM_NAMESPACE)
}

// No part of a Secret may get into an error.
fn unusable(name: &str, key: &str) -> Error {
    Error::Unusable(format!("Secret {SYSTEM_NAMESPACE}/{name} has no usable {key}"))
}

fn text<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    std::str::from_utf8(&secret.data.as_ref()?.get(key)?.0).ok()
}
