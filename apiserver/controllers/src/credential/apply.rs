//! Writes what a guest trusts into the guest.

use std::collections::BTreeMap;

use guestcluster_credentials::{
    SigningKey, Trust,
    trust_object::{CONFIG_MAP, KEY, NAMESPACE},
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{Error, FIELD_MANAGER, build};

/// What lies in the guest.
pub(super) struct Written {
    /// The signed object.
    pub(super) jws: String,
    /// Annotations of the ConfigMap: its nodes report there.
    pub(super) annotations: BTreeMap<String, String>,
}

/// Writes `wanted` unless it is there, under the next generation.
pub(super) async fn trust(inside: &Client, wanted: Trust, key: &SigningKey) -> Result<Written, Error> {
    let maps: Api<ConfigMap> = Api::namespaced(inside.clone(), NAMESPACE);
    let live = maps.get_opt(CONFIG_MAP).await?;
    let jws = live
        .as_ref()
        .and_then(|map| map.data.as_ref()?.get(KEY))
        .cloned()
        .unwrap_or_default();
    // What this key did not sign is somebody else's, or damaged: it is replaced.
    let found = Trust::verify(&jws, key.public()).ok();
    let now = Timestamp::now();
    let next = Trust::next_generation(found.as_ref(), now);
    let wanted = match &found {
        Some(found) => Trust {
            generation: found.generation,
            ..build::carried_over(wanted, found, now)
        },
        None => wanted,
    };
    let unchanged = found.is_some_and(|found| found == wanted);
    if let (true, Some(map)) = (unchanged, live) {
        return Ok(Written {
            jws,
            annotations: map.metadata.annotations.unwrap_or_default(),
        });
    }
    let next = Trust {
        generation: next,
        ..wanted
    };
    let jws = next
        .sign(key)
        .map_err(|error| Error::Unusable(format!("what guest {} trusts can't be signed: {error}", next.guest_uid)))?;
    write(inside, &maps, &jws).await
}

async fn write(inside: &Client, maps: &Api<ConfigMap>, jws: &str) -> Result<Written, Error> {
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG_MAP, "namespace": NAMESPACE},
        "data": {KEY: jws},
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let written = match maps.patch(CONFIG_MAP, &parameters, &Patch::Apply(&object)).await {
        Err(kube::Error::Api(status)) if status.code == 404 => {
            make_namespace(inside).await?;
            maps.patch(CONFIG_MAP, &parameters, &Patch::Apply(&object)).await?
        }
        other => other?,
    };
    Ok(Written {
        jws: jws.to_owned(),
        annotations: written.metadata.annotations.unwrap_or_default(),
    })
}

/// The guest's namespace for what is ours.
async fn make_namespace(inside: &Client) -> Result<(), Error> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    Api::<Namespace>::all(inside.clone())
        .patch(NAMESPACE, &parameters, &Patch::Apply(&namespace))
        .await?;
    Ok(())
}
