//! The VM layer: VirtualMachine and VirtualMachineService objects to what a driver runs.

mod finalizer;
mod virtual_machine;
mod virtual_machine_service;

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use guestcluster_types::upstream::vmoperator::{VirtualMachine, VirtualMachineService};
use kube::{
    Client,
    runtime::{
        controller::{self, Action},
        reflector::{ObjectRef, store::Writer},
        watcher::{self, Event},
    },
};
use tokio::time::error::Elapsed;
use tokio_util::sync::CancellationToken;
use vm_driver::{Changed, Driver, DriverError};

use crate::{
    retries::{DEADLINE, Retries, Retry, summary},
    runs::Runs,
    watching,
};

/// Field manager of what this layer applies.
const FIELD_MANAGER: &str = "guestcluster-vm-controller";
/// Keeps an object until the driver has nothing of it left.
const FINALIZER: &str = "guestclusters.dev/vm";
/// VMs that are worked on at one time.
const CONCURRENCY: u16 = 64;
/// How soon is looked again for what no watch tells of: images, storage classes, bootstrap data.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What every reconcile of the layer has.
struct Context {
    client: Client,
    driver: Arc<dyn Driver>,
    runs: Runs,
    retries: Retries,
}

/// Why a reconcile did not finish; tried again with back-off.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The API refused or did not answer.
    #[error("{}", summary(.0))]
    Api(#[from] kube::Error),
    /// Neither answered at all.
    #[error("no answer within {} s", DEADLINE.as_secs())]
    Deadline(#[from] Elapsed),
    /// The driver did.
    #[error("driver: {0}")]
    Driver(#[from] DriverError),
}

impl Error {
    /// Whether the object has gone or changed meanwhile, of which the watch is about to tell.
    fn is_race(&self) -> bool {
        matches!(self, Self::Api(kube::Error::Api(status)) if matches!(status.code, 404 | 409))
    }
}

/// Runs the layer until `stop`. Kinds that are not served are waited for.
pub async fn run(client: Client, driver: Arc<dyn Driver>, runs: Runs, stop: CancellationToken) {
    let context = Arc::new(Context {
        client,
        driver,
        runs,
        retries: Retries::default(),
    });
    let (machines, services) = (vm_changes(&context), service_changes(&context));
    tokio::join!(
        virtual_machine::run(context.clone(), machines, stop.clone()),
        virtual_machine_service::run(context, services, stop),
    );
}

fn vm_changes(context: &Context) -> impl Stream<Item = ObjectRef<VirtualMachine>> + use<> {
    context.driver.changes().filter_map(async |change| match change {
        Changed::Vm(key) => Some(ObjectRef::new(&key.name).within(&key.namespace)),
        Changed::LoadBalancer(_) => None,
    })
}

fn service_changes(context: &Context) -> impl Stream<Item = ObjectRef<VirtualMachineService>> + use<> {
    context.driver.changes().filter_map(async |change| match change {
        Changed::LoadBalancer(key) => Some(ObjectRef::new(&key.name).within(&key.namespace)),
        Changed::Vm(_) => None,
    })
}

/// Follows a kind and keeps it in `writer`. Each object that came, changed or went is passed on.
fn touched<K>(client: &Client, mut writer: Writer<K>) -> impl Stream<Item = Result<K, watcher::Error>> + Send + use<K>
where
    K: watching::Kind + Sync,
{
    watching::events(client).filter_map(move |event| {
        writer.apply_watcher_event(&event);
        futures::future::ready(match event {
            Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => Some(Ok(object)),
            Event::Init | Event::InitDone => None,
        })
    })
}

/// The pause before a failed reconcile is tried again.
fn retry<K: kube::ResourceExt>(object: Arc<K>, error: &Error, context: Arc<Context>) -> Action {
    let message = error.to_string();
    let Retry { pause, is_news } = context.retries.failed(&object.uid().unwrap_or_default(), &message);
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    if is_news && !error.is_race() {
        tracing::warn!(namespace, name, message, "trying again");
    } else {
        tracing::debug!(namespace, name, message, ?pause, "trying again");
    }
    Action::requeue(pause)
}

/// Logs what went wrong beside reconciles, which are told of when their next one is settled.
fn log<T, E: std::error::Error, W: std::error::Error>(outcome: &Result<T, controller::Error<E, W>>) {
    use controller::Error as Outcome;
    match outcome {
        Ok(_) | Err(Outcome::ObjectNotFound(_) | Outcome::ReconcilerFailed(..)) => {}
        Err(error) => tracing::warn!(%error, "VM layer"),
    }
}
