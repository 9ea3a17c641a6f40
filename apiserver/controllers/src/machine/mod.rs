//! The machine layer: Cluster API objects become VM objects. The part of Cluster API (v1beta2 contract), its kubeadm
//! providers and CAPV's supervisor mode that guests need, by the same objects, labels, owners, finalizers and conditions,
//! so that upstream's managers can run instead.
//!
//! Each reconciler reads what the informers hold, decides in pure functions, and writes by apply or patch. All wait for
//! events; what can only be polled (a guest that does not answer) is tried again with growing pauses.

mod certificates;
mod children;
mod cluster;
mod conditions;
mod context;
mod engine;
mod error;
mod guests;
mod kubeadm_config;
mod kubeadm_control_plane;
#[expect(
    clippy::module_inception,
    reason = "the reconciler of Machines, in the layer of that name"
)]
mod machine;
mod machine_deployment;
mod machine_set;
mod names;
mod replicas;
mod routes;
mod secrets;
mod vsphere_cluster;
mod vsphere_machine;
mod writes;

pub use error::Error;
pub use guests::GuestClients;

use crate::retries::DEADLINE;
use context::Context;
use engine::{Key, Next, Queue, work};
use kube::Client;
use std::future::Future;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How many objects of one kind are worked on at a time. Reconcilers mostly wait for the API server.
const CONCURRENCY: usize = 32;

/// Runs the machine layer until `stop`. It waits while a kind that it needs is not served, or may not be read.
pub async fn run(client: Client, guests: GuestClients, stop: CancellationToken) -> Result<(), Error> {
    let context = Context::new(client, guests);
    let mut tasks = JoinSet::new();
    context.follow(&mut tasks, &stop);
    if stop.run_until_cancelled(context.synced()).await.is_some() {
        let queues = &context.queues;
        start(
            &mut tasks,
            "cluster",
            &queues.clusters,
            &context,
            &stop,
            cluster::reconcile,
        );
        start(
            &mut tasks,
            "kubeadm_control_plane",
            &queues.control_planes,
            &context,
            &stop,
            kubeadm_control_plane::reconcile,
        );
        start(
            &mut tasks,
            "kubeadm_config",
            &queues.configs,
            &context,
            &stop,
            kubeadm_config::reconcile,
        );
        start(
            &mut tasks,
            "machine_deployment",
            &queues.deployments,
            &context,
            &stop,
            machine_deployment::reconcile,
        );
        start(
            &mut tasks,
            "machine_set",
            &queues.sets,
            &context,
            &stop,
            machine_set::reconcile,
        );
        start(
            &mut tasks,
            "machine",
            &queues.machines,
            &context,
            &stop,
            machine::reconcile,
        );
        start(
            &mut tasks,
            "vsphere_cluster",
            &queues.vsphere_clusters,
            &context,
            &stop,
            vsphere_cluster::reconcile,
        );
        start(
            &mut tasks,
            "vsphere_machine",
            &queues.vsphere_machines,
            &context,
            &stop,
            vsphere_machine::reconcile,
        );
    }
    while tasks.join_next().await.is_some() {}
    context.guests.close_all();
    Ok(())
}

fn start<F, Fut>(
    tasks: &mut JoinSet<()>,
    name: &'static str,
    queue: &Arc<Queue>,
    context: &Arc<Context>,
    stop: &CancellationToken,
    reconcile: F,
) where
    F: Fn(Arc<Context>, Key) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Next, Error>> + Send + 'static,
{
    let context = Arc::clone(context);
    tasks.spawn(work(name, Arc::clone(queue), CONCURRENCY, stop.clone(), move |key| {
        let (context, reconcile) = (Arc::clone(&context), reconcile.clone());
        async move {
            // A kind that can't be read any more: what is missing here may well exist.
            context.synced().await;
            tokio::time::timeout(DEADLINE, reconcile(context, key)).await?
        }
    }));
}
