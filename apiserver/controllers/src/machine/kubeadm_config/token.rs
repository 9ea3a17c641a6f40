//! Bootstrap tokens: short-lived Secrets in the guest that let a machine join.

use crate::machine::error::Error;
use crate::machine::writes::MANAGER;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use rand::RngExt;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a token lives without being refreshed.
pub(super) const LIFE: Duration = Duration::from_mins(15);
const NAMESPACE: &str = "kube-system";
const TYPE: &str = "bootstrap.kubernetes.io/token";
const GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A token; only its id may be seen.
pub(super) struct Token {
    pub(super) id: String,
    secret: String,
}

impl Token {
    /// A random token.
    pub(super) fn generate() -> Self {
        Self {
            id: random(6),
            secret: random(16),
        }
    }

    /// What the joining machine presents.
    pub(super) fn text(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }

    /// Makes the token known in the guest.
    pub(super) async fn create(&self, guest: &Client, machine: &str, now: Timestamp) -> Result<(), Error> {
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let created = secrets(guest).create(&params, &self.as_secret(machine, now)?).await;
        created.map(|_| ()).map_err(Error::guest("creating a bootstrap token"))
    }

    fn as_secret(&self, machine: &str, now: Timestamp) -> Result<Secret, Error> {
        let data = [
            ("token-id", self.id.clone()),
            ("token-secret", self.secret.clone()),
            ("expiration", expiration(now)?),
            ("usage-bootstrap-authentication", "true".to_owned()),
            ("usage-bootstrap-signing", "true".to_owned()),
            ("auth-extra-groups", GROUP.to_owned()),
            ("description", format!("lets Machine {machine} join")),
        ];
        Ok(Secret {
            metadata: ObjectMeta {
                name: Some(secret_name(&self.id)),
                namespace: Some(NAMESPACE.to_owned()),
                ..ObjectMeta::default()
            },
            type_: Some(TYPE.to_owned()),
            data: Some(
                data.into_iter()
                    .map(|(key, value)| (key.to_owned(), ByteString(value.into_bytes())))
                    .collect::<BTreeMap<_, _>>(),
            ),
            ..Secret::default()
        })
    }
}

/// Gives the token `id` its whole life again. A token that is gone stays gone.
pub(super) async fn refresh(guest: &Client, id: &str, now: Timestamp) -> Result<(), Error> {
    let expiration = ByteString(expiration(now)?.into_bytes());
    let patch = Patch::Merge(json!({ "data": { "expiration": expiration } }));
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match secrets(guest).patch_metadata(&secret_name(id), &params, &patch).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        outcome => outcome
            .map(|_| ())
            .map_err(Error::guest("refreshing a bootstrap token")),
    }
}

fn secrets(guest: &Client) -> Api<Secret> {
    Api::namespaced(guest.clone(), NAMESPACE)
}

fn secret_name(id: &str) -> String {
    format!("bootstrap-token-{id}")
}

fn expiration(now: Timestamp) -> Result<String, Error> {
    let life = SignedDuration::try_from(LIFE).map_err(|error| Error::Invalid(error.to_string()))?;
    let end = now
        .checked_add(life)
        .map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn random(length: usize) -> String {
    let mut random = rand::rng();
    (0..length)
        .map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_kubeadm_and_the_api_server_read() {
        let now: Timestamp = "2026-11-22T10:00:00.5Z".parse().unwrap();
        let token = Token::generate();
        let secret = token.as_secret("dev-a-1", now).unwrap();
        let value = |key: &str| String::from_utf8(secret.data.as_ref().unwrap()[key].0.clone()).unwrap();
        assert_eq!(
            secret.metadata.name.as_deref(),
            Some(format!("bootstrap-token-{}", token.id).as_str())
        );
        assert_eq!(token.text(), format!("{}.{}", value("token-id"), value("token-secret")));
        assert_eq!((value("token-id").len(), value("token-secret").len()), (6, 16));
        assert_eq!(value("expiration"), "2026-11-22T10:15:00Z");
        assert_eq!(value("auth-extra-groups"), GROUP);
        assert_ne!(Token::generate().text(), token.text());
    }
}
