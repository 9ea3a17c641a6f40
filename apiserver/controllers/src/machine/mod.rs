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
mod machine_health_check;
mod machine_set;
mod names;
mod remediation;
mod replicas;
mod routes;
mod secrets;
mod validate;
mod vsphere_cluster;
mod vsphere_machine;
mod writes;

pub use error::Error;
pub use guests::GuestClients;

use crate::runs::{Plan, Runs};
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
pub async fn run(client: Client, guests: GuestClients, runs: Runs, stop: CancellationToken) -> Result<(), Error> {
    let context = Context::new(client, guests);
    let mut tasks = JoinSet::new();
    context.follow(&mut tasks, &stop);
    if stop.run_until_cancelled(context.synced()).await.is_some() {
        let queues = &context.queues;
        let mut layer = Layer {
            tasks: &mut tasks,
            context: &context,
            runs,
            stop: &stop,
        };
        layer.start("cluster", &queues.clusters, cluster::reconcile);
        layer.start(
            "kubeadmcontrolplane",
            &queues.control_planes,
            kubeadm_control_plane::reconcile,
        );
        layer.start("kubeadmconfig", &queues.configs, kubeadm_config::reconcile);
        layer.start("machinedeployment", &queues.deployments, machine_deployment::reconcile);
        layer.start("machineset", &queues.sets, machine_set::reconcile);
        layer.start("machine", &queues.machines, machine::reconcile);
        layer.start(
            "machinehealthcheck",
            &queues.health_checks,
            machine_health_check::reconcile,
        );
        layer.start("vspherecluster", &queues.vsphere_clusters, vsphere_cluster::reconcile);
        layer.start("vspheremachine", &queues.vsphere_machines, vsphere_machine::reconcile);
    }
    while tasks.join_next().await.is_some() {}
    context.guests.close_all();
    Ok(())
}

/// What the reconcilers are started with.
struct Layer<'l> {
    tasks: &'l mut JoinSet<()>,
    context: &'l Arc<Context>,
    runs: Runs,
    stop: &'l CancellationToken,
}

impl Layer<'_> {
    fn start<F, Fut>(&mut self, controller: &'static str, queue: &Arc<Queue>, reconcile: F)
    where
        F: Fn(Arc<Context>, Key) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Next, Error>> + Send + 'static,
    {
        let (context, runs) = (Arc::clone(self.context), self.runs.clone());
        let run = move |key| {
            let (context, runs, reconcile) = (Arc::clone(&context), runs.clone(), reconcile.clone());
            async move {
                // A kind that can't be read any more: what is missing here may well exist.
                context.synced().await;
                runs.run(controller, reconcile(context, key)).await
            }
        };
        let stop = self.stop.clone();
        self.tasks
            .spawn(work(controller, Arc::clone(queue), CONCURRENCY, stop, run));
    }
}

impl Plan for Next {
    fn is_later(&self) -> bool {
        matches!(self, Next::After(_))
    }
}
