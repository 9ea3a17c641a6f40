//! Writes what a guest trusts into the guest.

use std::collections::BTreeMap;

use guestcluster_credentials::{
    SigningKey, Trust,
    trust_object::{CONFIG_MAP, KEY, NAMESPACE},
};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{Error, FIELD_MANAGER};

/// What lies in the guest.
pub(super) struct Object {
    /// What it says; none where there is nothing that the trust key signed.
    pub(super) trust: Option<Trust>,
    /// The signed text.
    pub(super) jws: String,
    /// Annotations of the ConfigMap: its nodes report there.
    pub(super) annotations: BTreeMap<String, String>,
}

/// What lies in the guest at this moment.
pub(super) async fn read(inside: &Client, key: &SigningKey) -> Result<Object, Error> {
    let map = maps(inside).get_opt(CONFIG_MAP).await?.unwrap_or_default();
    let jws = map.data.and_then(|mut data| data.remove(KEY)).unwrap_or_default();
    Ok(Object {
        // What this key did not sign is somebody else's, or damaged.
        trust: Trust::verify(&jws, key.public()).ok(),
        jws,
        annotations: map.metadata.annotations.unwrap_or_default(),
    })
}

/// Signs it and writes it into the guest.
pub(super) async fn write(inside: &Client, trust: Trust, key: &SigningKey) -> Result<Object, Error> {
    let jws = trust.sign(key).map_err(|error| {
        Error::Unusable(format!(
            "what guest {} trusts can't be signed: {error}",
            trust.guest_uid
        ))
    })?;
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG_MAP, "namespace": NAMESPACE},
        "data": {KEY: jws},
    });
    let (maps, parameters) = (maps(inside), PatchParams::apply(FIELD_MANAGER).force());
    let written = match maps.patch(CONFIG_MAP, &parameters, &Patch::Apply(&object)).await {
        Err(kube::Error::Api(status)) if status.code == 404 => {
            make_namespace(inside).await?;
            maps.patch(CONFIG_MAP, &parameters, &Patch::Apply(&object)).await?
        }
        other => other?,
    };
    Ok(Object {
        trust: Some(trust),
        jws,
        annotations: written.metadata.annotations.unwrap_or_default(),
    })
}

fn maps(inside: &Client) -> Api<ConfigMap> {
    Api::namespaced(inside.clone(), NAMESPACE)
}

/// The guest's namespace for what is ours.
pub(super) async fn make_namespace(inside: &Client) -> kube::Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    Api::<Namespace>::all(inside.clone())
        .patch(NAMESPACE, &parameters, &Patch::Apply(&namespace))
        .await?;
    Ok(())
}
