//! At most one machine begins a cluster: ConfigMap `<cluster>-lock` names it. Whoever creates the ConfigMap has the
//! lock; it belongs to the Cluster and goes with it.

use crate::machine::context::Context;
use crate::machine::error::Error;
use crate::machine::writes::{MANAGER, controlled_by};
use guestcluster_types::upstream::capi::{CLUSTER_NAME_LABEL, Cluster, Machine};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use std::collections::BTreeMap;

/// Key of the ConfigMap: name and UID of the Machine.
const HOLDER: &str = "lock-information";

/// Whether `machine` is the one that begins the cluster.
pub(super) async fn acquire(context: &Context, cluster: &Cluster, machine: &Machine) -> Result<bool, Error> {
    let api = Api::<ConfigMap>::namespaced(context.client.clone(), &cluster.namespace().unwrap_or_default());
    let lock = lock(cluster, machine);
    let params = PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    };
    match api.create(&params, &lock).await {
        Ok(_) => return Ok(true),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => return Err(Error::api("taking the lock of a control plane")(error)),
    }
    let held = api
        .get(&lock.name_any())
        .await
        .map_err(Error::api("reading the lock of a control plane"))?;
    if holder_of(&held) == holder_of(&lock) {
        return Ok(true);
    }
    if is_alive(context, cluster, &held).await? {
        return Ok(false);
    }
    // Only in the version that was read: another machine may take it over as well.
    let patch = json!({
        "metadata": { "resourceVersion": held.resource_version(), "ownerReferences": lock.metadata.owner_references },
        "data": lock.data,
    });
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match api.patch(&lock.name_any(), &params, &Patch::Merge(patch)).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_conflict() => Ok(false),
        Err(error) => Err(Error::api("taking over the lock of a control plane")(error)),
    }
}

fn lock(cluster: &Cluster, machine: &Machine) -> ConfigMap {
    let holder = format!("{}/{}", machine.name_any(), machine.uid().unwrap_or_default());
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(format!("{}-lock", cluster.name_any())),
            namespace: cluster.namespace(),
            labels: Some(BTreeMap::from([(CLUSTER_NAME_LABEL.to_owned(), cluster.name_any())])),
            owner_references: Some(controlled_by(cluster)),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(HOLDER.to_owned(), holder)])),
        ..ConfigMap::default()
    }
}

fn holder_of(lock: &ConfigMap) -> Option<&String> {
    lock.data.as_ref()?.get(HOLDER)
}

/// Whether the Machine that holds the lock still exists.
async fn is_alive(context: &Context, cluster: &Cluster, lock: &ConfigMap) -> Result<bool, Error> {
    let Some((name, uid)) = holder_of(lock).and_then(|holder| holder.split_once('/')) else {
        return Ok(false);
    };
    let api = Api::<Machine>::namespaced(context.client.clone(), &cluster.namespace().unwrap_or_default());
    let machine = api
        .get_metadata_opt(name)
        .await
        .map_err(Error::api("reading a Machine"))?;
    Ok(machine.is_some_and(|machine| machine.uid().as_deref() == Some(uid)))
}
