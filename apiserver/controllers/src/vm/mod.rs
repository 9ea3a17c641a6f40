//! The VM layer: VirtualMachine and VirtualMachineService objects to what a driver runs.

mod finalizer;
mod virtual_machine;
mod virtual_machine_service;

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use guestcluster_types::upstream::vmoperator::{VirtualMachine, VirtualMachineService};
use kube::{Client, runtime::reflector::ObjectRef};
use tokio_util::sync::CancellationToken;
use vm_driver::{Changed, Driver, DriverError};

/// Field manager of what this layer applies.
const FIELD_MANAGER: &str = "guestcluster-vm-controller";
/// Keeps an object until the driver has nothing of it left.
const FINALIZER: &str = "guestclusters.dev/vm";
/// VMs that are worked on at one time.
const CONCURRENCY: u16 = 64;
/// First and longest pause before a failed reconcile is tried again.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// What every reconcile of the layer has.
struct Context {
    client: Client,
    driver: Arc<dyn Driver>,
    failures: Failures,
}

/// Why a reconcile did not finish; tried again with back-off.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The API refused or did not answer.
    #[error("{0}")]
    Api(#[from] kube::Error),
    /// The driver did.
    #[error("driver: {0}")]
    Driver(#[from] DriverError),
    /// A watch ended before its first list.
    #[error("watch: {0}")]
    Watch(String),
}

/// Runs the layer until `stop`.
pub async fn run(client: Client, driver: Arc<dyn Driver>, stop: CancellationToken) {
    let context = Arc::new(Context {
        client,
        driver,
        failures: Failures::default(),
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

/// How often each object failed in a row, for the back-off.
#[derive(Default)]
struct Failures(parking_lot::Mutex<std::collections::HashMap<String, u32>>);

impl Failures {
    /// Counts a failure and says how long to wait.
    fn pause(&self, object: &impl kube::ResourceExt) -> Duration {
        let mut counts = self.0.lock();
        let count = counts.entry(object.uid().unwrap_or_default()).or_default();
        *count = count.saturating_add(1);
        let doubled = RETRY.0.saturating_mul(1 << (*count - 1).min(16));
        doubled.min(RETRY.1)
    }

    /// Forgets the failures of an object that succeeded.
    fn clear(&self, object: &impl kube::ResourceExt) {
        self.0.lock().remove(&object.uid().unwrap_or_default());
    }
}

/// The pause before a failed reconcile is tried again.
fn retry<K: kube::ResourceExt>(
    object: Arc<K>,
    error: &Error,
    context: Arc<Context>,
) -> kube::runtime::controller::Action {
    let pause = context.failures.pause(object.as_ref());
    tracing::debug!(name = %object.name_any(), %error, ?pause, "trying again");
    kube::runtime::controller::Action::requeue(pause)
}

/// Logs what a reconcile ended with; a broken watch restarts by itself.
fn log<T, E: std::error::Error, W: std::error::Error>(outcome: &Result<T, kube::runtime::controller::Error<E, W>>) {
    use kube::runtime::controller::Error as Outcome;
    match outcome {
        Ok(_) | Err(Outcome::ObjectNotFound(_)) => {}
        Err(error) => tracing::warn!(%error, "VM layer"),
    }
}
