//! `kubectl guest scale`: another number of nodes.

use guestcluster_types::{GuestCluster, GuestClusterSpec};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::FIELD_MANAGER;
use crate::{
    connection::Connection,
    dry_run::DryRunFlags,
    error::{Error, Result},
    progress::Display,
    waiting::{self, Until, WaitFlags},
};

/// A status that is written at the same moment also counts as a change in between; so it is read and written anew so often.
const TRIES: u32 = 10;

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
        let mut told = Vec::new();
        let mut tries = TRIES;
        let scaled = loop {
            let cluster = clusters.get(&self.name).await?;
            let mut desired = cluster.clone();
            let changes = self.change(&mut desired.spec)?;
            self.tell(&changes, &mut told);
            if self.dry_run.is_of_client() {
                return self.dry_run.print(&desired);
            }
            tries -= 1;
            match self.write(&clusters, &cluster, &desired.spec).await {
                Err(kube::Error::Api(status)) if status.is_conflict() && tries > 0 => {}
                written => break written?,
            }
        };
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

    /// Says what will change, once.
    fn tell(&self, changes: &[String], told: &mut Vec<String>) {
        if changes.is_empty() {
            eprintln!("{} has these numbers already", self.name);
        }
        for change in changes.iter().filter(|change| !told.contains(change)) {
            eprintln!("{}: {change}", self.name);
        }
        *told = changes.to_vec();
    }

    /// The list of pools is replaced whole, so the resourceVersion guards against a change in between.
    async fn write(
        &self,
        clusters: &Api<GuestCluster>,
        read: &GuestCluster,
        spec: &GuestClusterSpec,
    ) -> kube::Result<GuestCluster> {
        let params = PatchParams {
            dry_run: self.dry_run.is_on(),
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = json!({
            "metadata": {"resourceVersion": read.metadata.resource_version},
            "spec": {"topology": spec.topology},
        });
        clusters.patch(&self.name, &params, &Patch::Merge(patch)).await
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
