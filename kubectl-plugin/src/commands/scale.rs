//! `kubectl guest scale`: another number of nodes.

use guestcluster_types::{GuestCluster, GuestClusterSpec};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::FIELD_MANAGER;
use crate::{
    connection::Connection,
    dry_run::DryRunFlags,
    error::{Error, Result},
    progress::Display,
    waiting::{self, Until, WaitFlags},
};

/// Change the number of nodes of a cluster
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  kubectl guest scale dev --workers 5\n  kubectl guest scale dev --workers 3 --pool gpu\n  kubectl guest scale dev --control-plane 3"
)]
#[group(id = "what", required = true, multiple = true, args = ["workers", "control_plane"])]
pub(super) struct Args {
    /// Name of the cluster
    name: String,
    /// Worker nodes of the pool
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    workers: Option<i32>,
    /// Control-plane nodes: 1, 3 or 5
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=5))]
    control_plane: Option<i32>,
    /// Node pool; needed where there are several
    #[arg(long, value_name = "NAME", requires = "workers")]
    pool: Option<String>,
    #[command(flatten)]
    dry_run: DryRunFlags,
    #[command(flatten)]
    wait: WaitFlags,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        let clusters = connection.namespaced::<GuestCluster>();
        let cluster = clusters.get(&self.name).await?;
        let mut desired = cluster.clone();
        let changes = self.change(&mut desired.spec)?;
        if changes.is_empty() {
            eprintln!("{} has these numbers already", self.name);
        }
        for change in &changes {
            eprintln!("{}: {change}", self.name);
        }
        if self.dry_run.is_of_client() {
            return self.dry_run.print(&desired);
        }
        let params = PatchParams {
            dry_run: self.dry_run.is_on(),
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        // The list is replaced whole, so the resourceVersion guards against a change in between.
        let patch = json!({
            "metadata": {"resourceVersion": cluster.metadata.resource_version},
            "spec": {"topology": topology(&desired.spec)?},
        });
        let scaled = clusters.patch(&self.name, &params, &Patch::Merge(patch)).await?;
        if self.dry_run.is_on() {
            return self.dry_run.print(&scaled);
        }
        if self.wait.wait() {
            let until = Until::Running(scaled.metadata.generation.unwrap_or_default());
            waiting::wait(connection, &self.name, &self.wait, until, Display::Lines).await?;
        }
        println!("guestcluster.guestclusters.dev/{} scaled", self.name);
        Ok(())
    }

    /// Changes the spec and says what that means.
    fn change(&self, spec: &mut GuestClusterSpec) -> Result<Vec<String>> {
        let mut changes = Vec::new();
        if let Some(wanted) = self.control_plane {
            changes.extend(difference(
                "control plane",
                spec.topology.control_plane.replicas,
                wanted,
            ));
            spec.topology.control_plane.replicas = wanted;
        }
        if let Some(wanted) = self.workers {
            let name = self.pool_of(spec)?;
            for pool in spec.topology.node_pools.iter_mut().filter(|pool| pool.name == name) {
                changes.extend(difference(&format!("pool {name}"), pool.replicas, wanted));
                pool.replicas = wanted;
            }
        }
        Ok(changes)
    }

    fn pool_of(&self, spec: &GuestClusterSpec) -> Result<String> {
        let names: Vec<_> = spec.topology.node_pools.iter().map(|pool| pool.name.as_str()).collect();
        let there = names.join(", ");
        match (&self.pool, names.as_slice()) {
            (Some(pool), names) if names.contains(&pool.as_str()) => Ok(pool.clone()),
            (Some(pool), _) => Err(Error::failed(format!(
                "--pool: {pool:?} is not a pool of {}; there are {there}",
                self.name
            ))),
            (None, [only]) => Ok((*only).to_owned()),
            (None, []) => Err(Error::failed(format!("{} has no node pool", self.name))
                .next("Add one to spec.topology.nodePools: kubectl edit guestcluster ".to_owned() + &self.name)),
            (None, _) => {
                Err(Error::usage(format!("{} has several pools: {there}", self.name)).next("Name one with --pool."))
            }
        }
    }
}

fn difference(what: &str, from: i32, to: i32) -> Option<String> {
    let nodes = |count: i32| {
        if count == 1 {
            "1 node".to_owned()
        } else {
            format!("{count} nodes")
        }
    };
    match to - from {
        0 => None,
        more @ 1.. => Some(format!("{what} from {from} to {to}: {} will be added", nodes(more))),
        fewer => Some(format!(
            "{what} from {from} to {to}: {} will be drained and removed",
            nodes(-fewer)
        )),
    }
}

fn topology(spec: &GuestClusterSpec) -> Result<Value> {
    serde_json::to_value(&spec.topology).map_err(|error| Error::failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_says_what_it_adds_and_removes() {
        assert_eq!(
            difference("pool a", 2, 4).unwrap(),
            "pool a from 2 to 4: 2 nodes will be added"
        );
        assert_eq!(
            difference("pool a", 2, 1).unwrap(),
            "pool a from 2 to 1: 1 node will be drained and removed"
        );
        assert_eq!(difference("pool a", 2, 2), None);
    }
}
