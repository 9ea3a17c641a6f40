//! What the collector does to objects. Each is done to the very object that was judged, and one that is gone is fine.

use std::sync::Arc;

use generic_apiserver::{
    Status,
    authn::User,
    registry::{DeleteOptions, Preconditions, Propagation, Resource},
    storage::Revision,
};
use serde_json::Value;

use super::graph::Object;
use crate::metadata::ORPHAN;

/// Deletes this very state of an object.
pub(super) async fn delete(
    resource: &Resource,
    user: &User,
    object: &Object,
    uid: &str,
    revision: Revision,
    propagation: Propagation,
) -> Result<(), Status> {
    let options = DeleteOptions {
        propagation: Some(propagation),
        preconditions: Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: Some(revision.to_string()),
        },
        ..DeleteOptions::default()
    };
    match resource.delete(user, &object.namespace, &object.name, options).await {
        Err(status) if status.code != 404 => Err(status),
        _ => Ok(()),
    }
}

/// Takes references to these owners away.
pub(super) async fn drop_owners(
    resource: &Resource,
    user: &User,
    object: &Object,
    uid: &str,
    owners: &[Box<str>],
) -> Result<(), Status> {
    change(resource, user, object, uid, |metadata| {
        retain(metadata, "ownerReferences", |reference| {
            !owners.iter().any(|owner| reference["uid"] == **owner)
        });
    })
    .await
}

/// Takes a finalizer away.
pub(super) async fn drop_finalizer(
    resource: &Resource,
    user: &User,
    object: &Object,
    uid: &str,
    finalizer: &str,
) -> Result<(), Status> {
    change(resource, user, object, uid, |metadata| {
        retain(metadata, "finalizers", |held| held != finalizer);
    })
    .await
}

/// Takes an object away from its dependents as their owner, then its finalizer `orphan`.
pub(super) async fn orphan(
    resource: &Resource,
    user: &User,
    object: &Object,
    uid: &str,
    dependents: &[(Arc<Resource>, Object)],
) -> Result<(), Status> {
    for (resource, dependent) in dependents {
        // Any UID: what counts is the reference.
        drop_owners(resource, user, dependent, "", &[uid.into()]).await?;
    }
    drop_finalizer(resource, user, object, uid, ORPHAN).await
}

/// Keeps some items of a list. An empty one goes, as nobody sees one of a kube-apiserver.
fn retain(metadata: &mut Value, field: &str, keep: impl FnMut(&Value) -> bool) {
    let Some(metadata) = metadata.as_object_mut() else {
        return;
    };
    if let Some(items) = metadata.get_mut(field).and_then(Value::as_array_mut) {
        items.retain(keep);
        if items.is_empty() {
            metadata.remove(field);
        }
    }
}

/// Changes the metadata of an object that still has this UID (empty: any). An object that is gone is fine.
async fn change(
    resource: &Resource,
    user: &User,
    object: &Object,
    uid: &str,
    change: impl Fn(&mut Value) + Send + Sync,
) -> Result<(), Status> {
    let changed = resource.update(user, &object.namespace, &object.name, |live| {
        let metadata = &mut live["metadata"];
        if uid.is_empty() || metadata["uid"] == *uid {
            change(metadata);
        }
        Ok(())
    });
    match changed.await {
        Err(status) if status.code != 404 => Err(status),
        _ => Ok(()),
    }
}
