//! Credentials of guests after they were minted: what each guest trusts is written into it, and revocations end when they are
//! in force.
//!
//! One reconciler for a guest (the roles and the agent in it, what it trusts, and who waits for that), one for each kind of
//! record (its end).

mod agent;
mod apply;
mod build;
mod connection;
mod dereference;
mod endings;
mod foundation;
mod keys;
mod reconcile;
mod rotation;
mod status;

use std::{fmt::Debug, sync::Arc};

use futures::{FutureExt as _, Stream, StreamExt as _};
use guestcluster_types::{GuestCluster, GuestCredential, GuestRevocation};
use kube::{
    Api, Client, ResourceExt as _,
    runtime::{
        Controller, WatchStreamExt as _,
        controller::{self, Action, Error as Outcome},
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::{
    reports::Teller,
    retries::{DEADLINE, Retries, Retry, summary},
    runs::Runs,
};
use connection::Connections;
pub use foundation::lay_foundation;
use reconcile::{Settled, reconcile};

/// Objects of one kind that are worked on at one time.
const CONCURRENCY: u16 = 32;
/// Field manager of what is applied, on the supervisor and in guests.
const FIELD_MANAGER: &str = "guestcluster-credential-controller";

/// What every reconcile has.
struct Context {
    client: Client,
    runs: Runs,
    agent_image: Option<String>,
    teller: Teller,
    guests: Store<GuestCluster>,
    credentials: Store<GuestCredential>,
    revocations: Store<GuestRevocation>,
    connections: Connections,
    settled: Settled,
    retries: Retries,
}

/// Why a reconcile did not finish; tried again with back-off.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// An API refused or did not answer.
    #[error("{}", summary(.0))]
    Api(#[from] kube::Error),
    /// Something that only an administrator can mend, or that another layer has not made yet.
    #[error("{0}")]
    Unusable(String),
    /// It took too long.
    #[error("no end within {} s", DEADLINE.as_secs())]
    Late(#[from] tokio::time::error::Elapsed),
}

/// Runs until `stop`. By an image of the agent, guests get one on each control-plane node; without, something else runs it there.
/// What the nodes report is told to the guest layer.
pub async fn run(client: Client, agent_image: Option<String>, teller: Teller, runs: Runs, stop: CancellationToken) {
    let (guests, guest_writer) = reflector::store();
    let (credentials, credential_writer) = reflector::store();
    let (revocations, revocation_writer) = reflector::store();
    let context = Arc::new(Context {
        client: client.clone(),
        runs,
        agent_image,
        teller,
        guests: guests.clone(),
        credentials,
        revocations,
        connections: Connections::default(),
        settled: Settled::default(),
        retries: Retries::default(),
    });
    let config = || controller::Config::default().concurrency(CONCURRENCY);
    let changed = watcher(Api::<GuestCluster>::all(client.clone()), watcher::Config::default())
        .default_backoff()
        .reflect(guest_writer)
        .touched_objects();
    // What tells of a record also fills the store that the reconcile reads: by another watch it might not be there yet.
    let credential_changes = records_of::<GuestCredential>(&client, credential_writer);
    let revocation_changes = records_of::<GuestRevocation>(&client, revocation_writer);
    let of_guests = Controller::for_stream(changed, guests)
        .with_config(config())
        .watches_stream(credential_changes, |credential| {
            guest_of(credential.namespace(), &credential.spec.cluster_ref.name)
        })
        .watches_stream(revocation_changes, |revocation| {
            guest_of(revocation.namespace(), &revocation.spec.cluster_ref.name)
        })
        .graceful_shutdown_on(stop.clone().cancelled_owned())
        .run(
            async |guest, context: Arc<Context>| {
                let runs = context.runs.clone();
                runs.run("guesttrust", reconcile(guest, context)).await
            },
            retry,
            context.clone(),
        )
        .for_each(async |outcome| log(&outcome))
        .boxed();
    let all = watcher::Config::default;
    let of_credentials = Controller::new(Api::<GuestCredential>::all(client.clone()), all())
        .with_config(config())
        .graceful_shutdown_on(stop.clone().cancelled_owned())
        .run(
            async |credential, context: Arc<Context>| {
                let runs = context.runs.clone();
                runs.run("guestcredential", endings::credential(credential, context))
                    .await
            },
            retry,
            context.clone(),
        )
        .for_each(async |outcome| log(&outcome))
        .boxed();
    let of_revocations = Controller::new(Api::<GuestRevocation>::all(client), all())
        .with_config(config())
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(
            async |revocation, context: Arc<Context>| {
                let runs = context.runs.clone();
                runs.run("guestrevocation", endings::revocation(revocation, context))
                    .await
            },
            retry,
            context,
        )
        .for_each(async |outcome| log(&outcome))
        .boxed();
    tokio::join!(of_guests, of_credentials, of_revocations);
}

/// Records as they change, in the store already when they are told.
fn records_of<K>(
    client: &Client,
    writer: reflector::store::Writer<K>,
) -> impl Stream<Item = Result<K, watcher::Error>> + Send + 'static
where
    K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    watcher(Api::<K>::all(client.clone()), watcher::Config::default())
        .default_backoff()
        .reflect(writer)
        .touched_objects()
}

/// The GuestCluster that a record is about.
fn guest_of(namespace: Option<String>, name: &str) -> Option<ObjectRef<GuestCluster>> {
    Some(ObjectRef::new(name).within(&namespace?))
}

/// The pause before a failed reconcile is tried again.
fn retry<K: kube::ResourceExt>(object: Arc<K>, error: &Error, context: Arc<Context>) -> Action {
    let message = error.to_string();
    let Retry { pause, is_news } = context.retries.failed(&object.uid().unwrap_or_default(), &message);
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    if is_news {
        tracing::warn!(namespace, name, message, "credentials: trying again");
    } else {
        tracing::debug!(namespace, name, message, ?pause, "credentials: trying again");
    }
    Action::requeue(pause)
}

fn log<T, W: std::error::Error>(outcome: &Result<T, Outcome<Error, W>>) {
    match outcome {
        // The retry has told of what failed in a reconcile.
        Ok(_) | Err(Outcome::ObjectNotFound(_) | Outcome::ReconcilerFailed(..)) => {}
        Err(error) => tracing::warn!(%error, "credentials"),
    }
}
