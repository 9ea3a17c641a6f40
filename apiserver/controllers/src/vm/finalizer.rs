//! Adding and removing the layer's finalizer, guarded by the resourceVersion that was read.

use std::fmt::Debug;

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Error, FIELD_MANAGER, FINALIZER};

/// A namespaced kind that can be read and patched.
pub(super) trait Kind: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug {}

impl<K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug> Kind for K {}

/// Whether the object has the finalizer.
pub(super) fn present(object: &impl ResourceExt) -> bool {
    object.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// Adds the finalizer, so that the object outlives what the driver has of it.
pub(super) async fn add<K: Kind>(api: &Api<K>, object: &K) -> Result<(), Error> {
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(FINALIZER.to_owned());
    write(api, object, &finalizers).await
}

/// Removes the finalizer; an object that is gone already is fine.
pub(super) async fn remove<K: Kind>(api: &Api<K>, object: &K) -> Result<(), Error> {
    let finalizers: Vec<_> = object
        .finalizers()
        .iter()
        .filter(|name| *name != FINALIZER)
        .cloned()
        .collect();
    match write(api, object, &finalizers).await {
        Err(Error::Api(kube::Error::Api(status))) if status.code == 404 => Ok(()),
        other => other,
    }
}

async fn write<K: Kind>(api: &Api<K>, object: &K, finalizers: &[String]) -> Result<(), Error> {
    let patch = json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    api.patch(&object.name_any(), &params, &Patch::Merge(patch)).await?;
    Ok(())
}
