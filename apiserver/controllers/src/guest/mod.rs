//! The guest layer: from a GuestCluster to the objects of Cluster API, and back up to its status.
//!
//! One reconcile reads like its steps: dereference (from mirrors that watches keep), validate, build, apply, status. The objects
//! of a guest carry its UID as a label and have no owner; what lacks the label is never touched.

mod apply;
mod build;
mod delete;
mod dereference;
mod events;
mod identity;
mod mirror;
mod mirrors;
mod orphans;
mod plan;
mod progress;
mod reconcile;
mod retries;
mod status;
mod validate;
mod writing;

use std::{convert::Infallible, sync::Arc};

use futures::{Stream, StreamExt, stream};
use guestcluster_types::GuestCluster;
use kube::{
    Api, Client,
    core::DeserializeGuard,
    runtime::{
        WatchStreamExt, applier,
        controller::{self, Error as Outcome},
        reflector::{self, ObjectRef, Store, store::Writer},
        watcher,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use mirrors::{Mirrors, News, unguarded};
pub use orphans::Orphans;
use reconcile::{Context, reconcile, retry};

/// Guests that are worked on at one time.
const CONCURRENCY: u16 = 32;
/// Changes that wait to be looked at; a watch waits when it is full.
const NEWS: usize = 1024;

/// Runs the guest layer until `stop`, and keeps `orphans` up to date. Kinds that are not served yet are waited for.
pub async fn run(client: Client, orphans: Orphans, stop: CancellationToken) {
    let mirrors = Arc::new(Mirrors::new());
    let (sender, receiver) = mpsc::channel(NEWS);
    let (guests, writer) = reflector::store();
    let queue = stream::select(changed_guests(&client, writer), told_guests(receiver, guests.clone()));
    let queue = queue
        .map(Ok::<_, Infallible>)
        .take_until(stop.clone().cancelled_owned())
        .boxed();
    let context = Arc::new(Context::new(client.clone(), mirrors.clone(), guests.clone()));
    let config = controller::Config::default().concurrency(CONCURRENCY);
    let work = applier(
        |guest, context| Box::pin(reconcile(guest, context)),
        retry,
        context,
        guests,
        queue,
        config,
    );
    tokio::select! {
        () = mirrors.watch(&client, &sender) => {}
        () = work.for_each(async |outcome| log(&outcome)) => {}
    }
}

/// The GuestClusters that somebody has changed.
fn changed_guests(
    client: &Client,
    mut writer: Writer<GuestCluster>,
) -> impl Stream<Item = ObjectRef<GuestCluster>> + Send + use<> {
    let api: Api<DeserializeGuard<GuestCluster>> = Api::all(client.clone());
    watcher(api, watcher::Config::default())
        .default_backoff()
        .filter_map(move |event| {
            let event = match event {
                Ok(event) => unguarded(event).map(|event| event.modify(|guest| guest.metadata.managed_fields = None)),
                Err(error) => {
                    tracing::warn!(%error, "watch of GuestClusters failed, trying again");
                    None
                }
            };
            let changed = event.and_then(|event| {
                writer.apply_watcher_event(&event);
                match event {
                    watcher::Event::Apply(guest) | watcher::Event::InitApply(guest) => {
                        Some(ObjectRef::from_obj(&guest))
                    }
                    watcher::Event::Delete(_) | watcher::Event::Init | watcher::Event::InitDone => None,
                }
            });
            futures::future::ready(changed)
        })
}

/// The GuestClusters that something in the layer below is news for.
fn told_guests(
    news: mpsc::Receiver<News>,
    guests: Store<GuestCluster>,
) -> impl Stream<Item = ObjectRef<GuestCluster>> + Send {
    ReceiverStream::new(news).flat_map(move |news| {
        stream::iter(match news {
            News::Cluster(key) => vec![ObjectRef::new(&key.name).within(&key.namespace)],
            News::Everybody => guests
                .state()
                .iter()
                .map(|guest| ObjectRef::from_obj(guest.as_ref()))
                .collect(),
        })
    })
}

fn log<T, Q: std::error::Error>(outcome: &Result<T, Outcome<reconcile::Error, Q>>) {
    match outcome {
        // What belongs to a Cluster that nobody asked for here, or a guest that is gone.
        Ok(_) | Err(Outcome::ObjectNotFound(_)) => {}
        Err(error) => tracing::warn!(%error, "guest layer"),
    }
}
