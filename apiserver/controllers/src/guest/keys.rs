//! The keys of a guest: made before its control plane, kept in the supervisor's own namespace, removed with the guest. Lost ones
//! are never made anew by themselves: the nodes would not know them.

use std::collections::{BTreeMap, HashMap};

use guestcluster_credentials::{PublicKey, SigningKey, trust_object};
use guestcluster_types::{
    GuestCluster,
    conditions::{CREDENTIALS_READY, reasons},
    labels::{self, REPLACE_TRUST_KEY},
    names::{self, SIGNING_KEY, SYSTEM_NAMESPACE, TRUST_KEY},
    upstream::kubeadm::KubeadmControlPlane,
};
use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, PostParams},
    core::Status,
};
use parking_lot::Mutex;

use super::{
    apply::{Failure, refusal},
    plan::Blocked,
};

/// The trust key that a guest should have.
#[derive(Default)]
pub(super) struct Expected {
    /// The one that its control plane was made with; none before there is one.
    built_with: Option<PublicKey>,
    /// The id of one in whose place the user wants another.
    replaced: Option<String>,
}

impl Expected {
    pub(super) fn of(guest: &GuestCluster, control_plane: Option<&KubeadmControlPlane>) -> Expected {
        let files = control_plane.map(|live| live.spec.kubeadm_config_spec.files.as_slice());
        let mut files = files.unwrap_or_default().iter();
        let file = files.find(|file| file.path == trust_object::PUBLIC_KEY_FILE);
        Expected {
            built_with: file.and_then(|file| PublicKey::from_pem(file.content.as_deref()?).ok()),
            replaced: guest.annotations().get(REPLACE_TRUST_KEY).cloned(),
        }
    }

    /// The key that is missing, if one is.
    fn unlike(&self, kept: Option<&PublicKey>) -> Option<&PublicKey> {
        let built_with = self.built_with.as_ref()?;
        let is_there = kept.is_some_and(|kept| kept.kid() == built_with.kid());
        let is_replaced = self.replaced.as_deref() == Some(built_with.kid());
        (!is_there && !is_replaced).then_some(built_with)
    }
}

/// The public halves of trust keys that were read: they never change while their guest lives.
#[derive(Default)]
pub(super) struct Keys {
    known: Mutex<HashMap<String, String>>,
}

impl Keys {
    /// Public half of the guest's trust key, PEM. Makes the guest's keys when there are none, and none are `expected`.
    pub(super) async fn trust_key(
        &self,
        client: &Client,
        guest_uid: &str,
        expected: &Expected,
    ) -> Result<String, Failure> {
        if let Some(known) = self.known.lock().get(guest_uid) {
            return Ok(known.clone());
        }
        let refused = |error| refusal(error, "the keys of the guest");
        let secrets = secrets(client);
        let found = secrets.get_opt(&names::guest_keys_secret(guest_uid)).await;
        let found = found.map_err(refused)?;
        let read = |secret: &Secret| public_trust_key(secret).map_err(|problem| refused(unusable(guest_uid, &problem)));
        let kept = found.as_ref().map(read).transpose()?;
        if let Some(lost) = expected.unlike(kept.as_ref()) {
            return Err(Failure::Blocked(keys_lost(guest_uid, lost)));
        }
        let public = match kept {
            Some(kept) => kept,
            None => read(&make(&secrets, guest_uid).await.map_err(refused)?)?,
        };
        let public = public.to_pem();
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

fn public_trust_key(secret: &Secret) -> Result<PublicKey, String> {
    let data = secret.data.as_ref().and_then(|data| data.get(TRUST_KEY));
    let pem = data.and_then(|pem| std::str::from_utf8(&pem.0).ok());
    let key = SigningKey::from_pem(pem.ok_or(format!("it has no {TRUST_KEY}"))?).map_err(|error| error.to_string())?;
    Ok(key.public().clone())
}

/// What only somebody with a backup can mend, or who says that there is none.
fn keys_lost(guest_uid: &str, lost: &PublicKey) -> Blocked {
    let (secret, kid) = (names::guest_keys_secret(guest_uid), lost.kid());
    Blocked {
        condition: CREDENTIALS_READY,
        reason: reasons::KEYS_LOST,
        message: format!(
            "Secret {SYSTEM_NAMESPACE}/{secret} does not hold the keys that this cluster was made with; restore it from a backup. Where \
             there is none, annotate the GuestCluster with {REPLACE_TRUST_KEY}={kid}: new keys are made and the control-plane nodes \
             replaced. Until then nothing is changed, and nobody gets or loses credentials"
        ),
        object: None,
        terminal: false,
    }
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
        let public = public_trust_key(&secret).unwrap().to_pem();
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{public}");
    }

    #[test]
    fn a_secret_without_a_key_is_named() {
        let problem = public_trust_key(&Secret::default()).unwrap_err();
        assert!(problem.contains(TRUST_KEY), "{problem}");
    }

    #[test]
    fn lost_keys_are_made_anew_only_where_the_user_says_so() {
        let key = || SigningKey::generate().unwrap().public().clone();
        let (built_with, other) = (key(), key());
        let expected = |replaced: Option<&str>| Expected {
            built_with: Some(built_with.clone()),
            replaced: replaced.map(str::to_owned),
        };
        for (what, expected, kept, is_lost) in [
            ("a new guest", Expected::default(), None, false),
            ("a guest of an older revision", Expected::default(), Some(&other), false),
            ("a guest that runs", expected(None), Some(&built_with), false),
            ("a Secret that is gone", expected(None), None, true),
            ("a Secret of other keys", expected(None), Some(&other), true),
            (
                "a guest with new keys on their way",
                expected(Some(built_with.kid())),
                Some(&other),
                false,
            ),
            (
                "a guest that is to have new ones",
                expected(Some(built_with.kid())),
                None,
                false,
            ),
            (
                "one that was to have some, long ago",
                expected(Some(other.kid())),
                None,
                true,
            ),
        ] {
            assert_eq!(expected.unlike(kept).is_some(), is_lost, "{what}");
        }
        let message = keys_lost("9c1", &built_with).message;
        let annotation = format!("guestclusters.dev/replace-trust-key={}", built_with.kid());
        assert!(
            message.contains("guestclusters-system/guest-9c1") && message.contains(&annotation),
            "{message}"
        );
    }

    #[test]
    fn a_control_plane_says_what_it_was_made_with() {
        let key = SigningKey::generate().unwrap();
        let guest: GuestCluster = serde_json::from_value(serde_json::json!({
            "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster",
            "metadata": {"name": "dev", "annotations": {REPLACE_TRUST_KEY: "k"}},
            "spec": {"distribution": {"version": "v1.34"}, "topology": {"controlPlane": {
                "replicas": 1, "vmClass": "small", "storageClass": "gold"}, "nodePools": []}},
        }))
        .unwrap();
        let file = serde_json::json!({"path": trust_object::PUBLIC_KEY_FILE, "content": key.public().to_pem()});
        let live: KubeadmControlPlane =
            serde_json::from_value(serde_json::json!({"spec": {"kubeadmConfigSpec": {"files": [file]}}})).unwrap();
        let expected = Expected::of(&guest, Some(&live));
        assert_eq!(expected.built_with.unwrap().kid(), key.kid());
        assert_eq!(expected.replaced.as_deref(), Some("k"));
        assert!(Expected::of(&guest, None).built_with.is_none());
    }
}
