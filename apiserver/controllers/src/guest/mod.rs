//! The guest layer: from a GuestCluster to the objects of Cluster API, and back up to its status.
//!
//! One reconcile reads like its steps: dereference (from mirrors that watches keep), validate, build, apply, status. The objects
//! of a guest carry its UID as a label and have no owner; what lacks the label is never touched.

mod apply;
mod build;
mod delete;
mod dereference;
mod etcd;
mod events;
mod gauges;
mod guests;
mod identity;
mod keys;
mod mirror;
mod mirrors;
mod orphans;
mod phases;
mod plan;
mod progress;
mod readiness;
mod reconcile;
mod status;
mod trims;
mod validate;
mod writing;

use std::{convert::Infallible, sync::Arc};

use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use guestcluster_types::GuestCluster;
use kube::{
    Client,
    runtime::{
        applier,
        controller::{self, Error as Outcome},
        reflector::{self, ObjectRef, Store},
    },
};
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

#[cfg(test)]
pub(crate) use build::tests::with_everything;
pub use gauges::Gauges;
use guests::{Unreadable, changed_guests};
use mirrors::{Mirrors, News};
use orphans::Search;
use reconcile::{Context, reconcile, retry};

use crate::{reports::Hearer, runs::Runs};

/// Guests that are worked on at one time.
const CONCURRENCY: u16 = 32;
/// Changes that wait to be looked at; a watch waits when it is full.
const NEWS: usize = 1024;

/// Runs the guest layer until `stop`, and keeps `gauges` up to date. Kinds that are not served yet are waited for. What guests' nodes
/// report about credentials is heard by `hearer`.
pub async fn run(client: Client, gauges: Gauges, hearer: Hearer, runs: Runs, stop: CancellationToken) {
    let mirrors = Arc::new(Mirrors::new());
    let (sender, receiver) = mpsc::channel(NEWS);
    let (guests, writer) = reflector::store();
    gauges.phases.follow(&guests);
    let (unreadable, changed) = (Unreadable::default(), Arc::new(Notify::new()));
    let changed_guests = changed_guests(&client, writer, unreadable.clone(), tells(&changed));
    let (reports, reported) = hearer.split();
    let queue = stream::select(changed_guests, told_guests(receiver, guests.clone(), tells(&changed)));
    let queue = stream::select(queue, reported);
    let queue = queue
        .map(Ok::<_, Infallible>)
        .take_until(stop.clone().cancelled_owned())
        .boxed();
    let context = Arc::new(Context::new(client.clone(), mirrors.clone(), guests.clone(), reports));
    let config = controller::Config::default().concurrency(CONCURRENCY);
    let search = Search {
        client: &client,
        mirrors: &mirrors,
        guests: &guests,
        unreadable: &unreadable,
        changed: &changed,
    };
    let work = applier(
        move |guest, context| {
            let (runs, run) = (runs.clone(), Box::pin(reconcile(guest, context)));
            async move { runs.run("guestcluster", run).await }.boxed()
        },
        retry,
        context,
        guests.clone(),
        queue,
        config,
    );
    tokio::select! {
        () = mirrors.watch(&client, &sender) => {}
        () = gauges.orphans.keep(search) => {}
        () = work.for_each(async |outcome| log(&outcome)) => {}
    }
    gauges.forget();
}

fn tells(changed: &Arc<Notify>) -> impl Fn() + Send + 'static {
    let changed = changed.clone();
    move || changed.notify_one()
}

/// The GuestClusters that something in the layer below is news for. `seen` is called after all news.
fn told_guests(
    news: mpsc::Receiver<News>,
    guests: Store<GuestCluster>,
    seen: impl Fn() + Send,
) -> impl Stream<Item = ObjectRef<GuestCluster>> + Send {
    ReceiverStream::new(news).flat_map(move |news| {
        seen();
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
        // A run that failed was told of when its next one was settled.
        Ok(_) | Err(Outcome::ObjectNotFound(_) | Outcome::ReconcilerFailed(..)) => {}
        Err(error) => tracing::warn!(%error, "guest layer"),
    }
}
