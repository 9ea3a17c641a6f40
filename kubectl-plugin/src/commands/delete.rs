//! `kubectl guest delete`: a cluster and all its machines go.

use guestcluster_types::GuestCluster;
use kube::api::{DeleteParams, Preconditions, PropagationPolicy};

use crate::{
    connection::Connection,
    error::{Error, Result},
    progress::Display,
    prompt,
    waiting::{self, Until, WaitFlags},
};

/// Delete a cluster with all its machines
#[derive(clap::Args)]
#[command(after_help = "Example:\n  kubectl guest delete dev")]
pub(super) struct Args {
    /// Name of the cluster
    name: String,
    /// Don't ask
    #[arg(long, short)]
    yes: bool,
    /// Only say what would be deleted
    #[arg(long, value_name = "SIDE", value_parser = ["client", "server"])]
    dry_run: Option<String>,
    #[command(flatten)]
    wait: WaitFlags,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        let clusters = connection.namespaced::<GuestCluster>();
        let cluster = clusters.get(&self.name).await?;
        eprintln!("{}", summary(&cluster));
        if self.dry_run.is_none() && !self.yes {
            self.confirm()?;
        }
        if self.dry_run.as_deref() == Some("client") {
            println!("guestcluster.guestclusters.dev/{} deleted (dry run)", self.name);
            return Ok(());
        }
        let params = DeleteParams {
            dry_run: self.dry_run.is_some(),
            propagation_policy: Some(PropagationPolicy::Background),
            // The cluster that was looked at, not one that took its name meanwhile.
            preconditions: Some(Preconditions {
                uid: cluster.metadata.uid.clone(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        clusters.delete(&self.name, &params).await?;
        if self.dry_run.is_some() {
            println!("guestcluster.guestclusters.dev/{} deleted (server dry run)", self.name);
            return Ok(());
        }
        if self.wait.wait() {
            waiting::wait(connection, &self.name, &self.wait, Until::Gone, Display::Lines).await?;
        }
        println!("guestcluster.guestclusters.dev/{} deleted", self.name);
        Ok(())
    }

    fn confirm(&self) -> Result<()> {
        if !prompt::can_ask() {
            return Err(Error::usage(format!(
                "deleting {} was not confirmed, and there is no terminal to ask on",
                self.name
            ))
            .next("Add --yes."));
        }
        prompt::confirm_by_name(
            "This can't be undone. Type the name of the cluster to go on:",
            &self.name,
        )
    }
}

fn summary(cluster: &GuestCluster) -> String {
    let topology = &cluster.spec.topology;
    let workers: i32 = topology.node_pools.iter().map(|pool| pool.replicas).sum();
    let name = cluster.metadata.name.as_deref().unwrap_or_default();
    let version = super::running_version(cluster).unwrap_or(&cluster.spec.distribution.version);
    format!(
        "{name}: {version}, {} control plane + {workers} workers will be deleted with all that runs on them",
        topology.control_plane.replicas
    )
}
