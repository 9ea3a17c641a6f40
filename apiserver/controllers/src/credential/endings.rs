//! When records end by themselves: nothing that they are about can be shown any more.

use std::{sync::Arc, time::Duration};

use guestcluster_types::{GuestCredential, GuestRevocation, labels, upstream::capi::Cluster};
use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Preconditions},
    runtime::controller::Action,
};

use super::{Context, Error, status};

/// How long a record is kept after its end: clocks differ, and guests remember an answer for some seconds.
const KEPT: SignedDuration = SignedDuration::from_mins(5);
/// The longest life of a token.
const LONGEST_TOKEN: SignedDuration = SignedDuration::from_hours(1);
/// How often a record that is being deleted looks whether its guest is still there.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// A credential's record ends some time after the credential; one that is being revoked, as soon as its guest is gone.
pub(super) async fn credential(credential: Arc<GuestCredential>, context: Arc<Context>) -> Result<Action, Error> {
    let end = credential.spec.expiration_timestamp.0 + KEPT;
    let left = end.duration_since(Timestamp::now());
    let deleting = credential.metadata.deletion_timestamp.is_some();
    if deleting && (left <= SignedDuration::ZERO || is_gone(&context, &credential).await?) {
        status::let_go(&context.client, &credential).await?;
        return Ok(Action::await_change());
    }
    if deleting {
        return Ok(Action::requeue(LOOK_AGAIN));
    }
    if let Ok(left) = Duration::try_from(left)
        && !left.is_zero()
    {
        return Ok(Action::requeue(left));
    }
    let api: Api<GuestCredential> =
        Api::namespaced(context.client.clone(), &credential.namespace().unwrap_or_default());
    delete(&api, credential.as_ref()).await
}

/// A revocation ends when its block is over and every token that it is about has expired.
pub(super) async fn revocation(revocation: Arc<GuestRevocation>, context: Arc<Context>) -> Result<Action, Error> {
    let spec = &revocation.spec;
    let Some(issued_before) = &spec.issued_before else {
        return Ok(Action::await_change());
    };
    let tokens = issued_before.0 + LONGEST_TOKEN + KEPT;
    let end = spec.block_until.as_ref().map_or(tokens, |until| until.0.max(tokens));
    if let Ok(left) = Duration::try_from(end.duration_since(Timestamp::now()))
        && !left.is_zero()
    {
        return Ok(Action::requeue(left));
    }
    let api: Api<GuestRevocation> =
        Api::namespaced(context.client.clone(), &revocation.namespace().unwrap_or_default());
    delete(&api, revocation.as_ref()).await
}

/// Whether neither GuestCluster nor Cluster of the guest exists any more.
async fn is_gone(context: &Context, credential: &GuestCredential) -> Result<bool, Error> {
    let (namespace, wanted) = (credential.namespace().unwrap_or_default(), &credential.spec.cluster_ref);
    let guests = context.guests.state();
    let is_guest = |uid: Option<&str>| uid == Some(wanted.uid.as_str());
    let known = guests
        .iter()
        .any(|guest| is_guest(guest.status.as_ref().and_then(|status| status.guest_uid.as_deref())));
    if known {
        return Ok(false);
    }
    let clusters: Api<Cluster> = Api::namespaced(context.client.clone(), &namespace);
    let cluster = clusters.get_metadata_opt(&wanted.name).await?;
    Ok(!cluster.is_some_and(|cluster| is_guest(cluster.labels().get(labels::GUEST_UID).map(String::as_str))))
}

async fn delete<K>(api: &Api<K>, object: &K) -> Result<Action, Error>
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid: object.meta().uid.clone(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match api.delete(&object.name_any(), &parameters).await {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Action::await_change()),
        other => other.map(|_| Action::await_change()).map_err(Error::from),
    }
}
