//! The keys of a guest: made before its control plane, kept in the supervisor's own namespace, removed with the guest.

use std::collections::{BTreeMap, HashMap};

use guestcluster_credentials::{PublicKey, SigningKey};
use guestcluster_types::{
    labels,
    names::{self, SIGNING_KEY, SYSTEM_NAMESPACE, TRUST_KEY},
};
use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
    core::Status,
};
use parking_lot::Mutex;

/// The public halves of trust keys that were read: they never change while their guest lives.
#[derive(Default)]
pub(super) struct Keys {
    known: Mutex<HashMap<String, String>>,
}

impl Keys {
    /// Public half of the guest's trust key, PEM. Makes the guest's keys when there are none.
    pub(super) async fn trust_key(&self, client: &Client, guest_uid: &str) -> kube::Result<String> {
        if let Some(known) = self.known.lock().get(guest_uid) {
            return Ok(known.clone());
        }
        let secrets = secrets(client);
        let secret = match secrets.get_opt(&names::guest_keys_secret(guest_uid)).await? {
            Some(secret) => secret,
            None => make(&secrets, guest_uid).await?,
        };
        let public = public_trust_key(&secret).map_err(|problem| unusable(guest_uid, &problem))?;
        self.known.lock().insert(guest_uid.to_owned(), public.clone());
        Ok(public)
    }

    /// Removes the keys of a guest that is gone.
    pub(super) async fn remove(&self, client: &Client, guest_uid: &str) -> kube::Result<()> {
        let name = names::guest_keys_secret(guest_uid);
        match secrets(client).delete(&name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error),
        }
        self.known.lock().remove(guest_uid);
        Ok(())
    }
}

fn secrets(client: &Client) -> Api<Secret> {
    Api::namespaced(client.clone(), SYSTEM_NAMESPACE)
}

/// Creates the Secret; whoever was first made the keys.
async fn make(secrets: &Api<Secret>, guest_uid: &str) -> kube::Result<Secret> {
    let secret = new_secret(guest_uid).map_err(|problem| unusable(guest_uid, &problem))?;
    match secrets.create(&PostParams::default(), &secret).await {
        Err(kube::Error::Api(status)) if status.code == 409 => secrets.get(&names::guest_keys_secret(guest_uid)).await,
        other => other,
    }
}

fn new_secret(guest_uid: &str) -> Result<Secret, String> {
    let pem = || {
        SigningKey::generate()
            .and_then(|key| key.to_pem())
            .map_err(|error| error.to_string())
    };
    let data: BTreeMap<_, _> = [
        (TRUST_KEY.to_owned(), ByteString(pem()?.into_bytes())),
        (SIGNING_KEY.to_owned(), ByteString(pem()?.into_bytes())),
    ]
    .into();
    Ok(Secret {
        metadata: ObjectMeta {
            name: Some(names::guest_keys_secret(guest_uid)),
            namespace: Some(SYSTEM_NAMESPACE.to_owned()),
            labels: Some([(labels::GUEST_UID.to_owned(), guest_uid.to_owned())].into()),
            ..ObjectMeta::default()
        },
        type_: Some("guestclusters.dev/keys".to_owned()),
        data: Some(data),
        ..Secret::default()
    })
}

fn public_trust_key(secret: &Secret) -> Result<String, String> {
    let data = secret.data.as_ref().and_then(|data| data.get(TRUST_KEY));
    let pem = data.and_then(|pem| std::str::from_utf8(&pem.0).ok());
    let key = SigningKey::from_pem(pem.ok_or(format!("it has no {TRUST_KEY}"))?).map_err(|error| error.to_string())?;
    Ok(PublicKey::to_pem(key.public()))
}

/// Keys that can't be used are an error of the supervisor, which somebody must look at.
fn unusable(guest_uid: &str, problem: &str) -> kube::Error {
    let message = format!(
        "Secret {SYSTEM_NAMESPACE}/{} with the guest's keys can't be used: {problem}",
        names::guest_keys_secret(guest_uid)
    );
    kube::Error::Api(Box::new(Status::failure(&message, "InternalError").with_code(500)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_keys_are_two_and_the_public_half_is_told() {
        let secret = new_secret("9c1").unwrap();
        assert_eq!(secret.metadata.name.as_deref(), Some("guest-9c1"));
        let data = secret.data.clone().unwrap();
        assert_ne!(data[TRUST_KEY], data[SIGNING_KEY]);
        let public = public_trust_key(&secret).unwrap();
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{public}");
    }

    #[test]
    fn a_secret_without_a_key_is_named() {
        let problem = public_trust_key(&Secret::default()).unwrap_err();
        assert!(problem.contains(TRUST_KEY), "{problem}");
    }
}
