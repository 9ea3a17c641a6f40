//! `kubectl guest upgrade`: another Kubernetes version, or which ones there are.

use guestcluster_types::{
    GuestCluster,
    version::{Candidate, KubernetesVersion, VersionHint, resolve, updates},
};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use super::{FIELD_MANAGER, running_version, versions};
use crate::{
    connection::Connection,
    dry_run::DryRunFlags,
    error::{Error, Result},
    progress::Display,
    waiting::{self, Until, WaitFlags},
};

/// Upgrade a cluster; without a version, show which ones are next
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  kubectl guest upgrade dev\n  kubectl guest upgrade dev v1.34")]
pub(super) struct Args {
    /// Name of the cluster
    name: String,
    /// Version, such as v1.34 or v1.34.2; at most one minor above the one that runs
    version: Option<String>,
    #[command(flatten)]
    dry_run: DryRunFlags,
    #[command(flatten)]
    wait: WaitFlags,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        let cluster = connection.namespaced::<GuestCluster>().get(&self.name).await?;
        let releases = connection.cluster().list(&ListParams::default()).await?.items;
        let candidates: Vec<_> = releases.iter().filter_map(Candidate::of).collect();
        let releases = versions::newest_first(releases);
        let Some(running) = running_version(&cluster).and_then(|version| version.parse().ok()) else {
            let message = cluster.status.and_then(|status| status.message).unwrap_or_default();
            return Err(Error::failed(format!("{} runs no version yet: {message}", self.name)));
        };
        match &self.version {
            None => {
                let supported: Vec<_> = releases
                    .iter()
                    .map(|(version, release)| (version.clone(), release.spec.support.to_string()))
                    .collect();
                println!("{}", path(&self.name, &running, &candidates, &supported));
                Ok(())
            }
            Some(version) => self.upgrade(connection, &cluster, &running, &candidates, version).await,
        }
    }

    async fn upgrade(
        &self,
        connection: &Connection,
        cluster: &GuestCluster,
        running: &KubernetesVersion,
        candidates: &[Candidate],
        version: &str,
    ) -> Result<()> {
        let hint: VersionHint = version.parse().map_err(|_| {
            Error::usage(format!(
                "VERSION: {version:?} is no version; give one such as v1.34 or v1.34.2"
            ))
        })?;
        let target = resolve(&hint, candidates, Some(running))
            .map_err(|unresolved| {
                Error::failed(unresolved.to_string()).next(next_steps(&self.name, running, candidates))
            })?
            .version;
        eprintln!("{}", plan(cluster, running, &target));
        let patch = json!({"spec": {"distribution": {"version": target.to_string()}}});
        if self.dry_run.is_of_client() {
            let mut desired = cluster.clone();
            desired.spec.distribution.version = target.to_string();
            return self.dry_run.print(&desired);
        }
        let params = PatchParams {
            dry_run: self.dry_run.is_on(),
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let upgraded = connection
            .namespaced::<GuestCluster>()
            .patch(&self.name, &params, &Patch::Merge(patch))
            .await?;
        if self.dry_run.is_on() {
            return self.dry_run.print(&upgraded);
        }
        if self.wait.wait() {
            let until = Until::Running(upgraded.metadata.generation.unwrap_or_default());
            waiting::wait(connection, &self.name, &self.wait, until, Display::Lines).await?;
        }
        println!("guestcluster.guestclusters.dev/{} upgraded to {target}", self.name);
        Ok(())
    }
}

/// What will be replaced, in which order.
fn plan(cluster: &GuestCluster, running: &KubernetesVersion, target: &KubernetesVersion) -> String {
    let name = cluster.metadata.name.as_deref().unwrap_or_default();
    let topology = &cluster.spec.topology;
    let pools: Vec<_> = topology
        .node_pools
        .iter()
        .map(|pool| format!("{} of pool {}", pool.replicas, pool.name))
        .collect();
    let then = if pools.is_empty() {
        String::new()
    } else {
        format!(", then {}", pools.join(", "))
    };
    format!(
        "{name}: {running} -> {target}: replaces {} control plane, one at a time{then}",
        topology.control_plane.replicas
    )
}

/// `dev is on v1.33.7. Next: v1.34.2 (supported, recommended), v1.34.1 (supported). ...`
fn path(
    name: &str,
    running: &KubernetesVersion,
    candidates: &[Candidate],
    support: &[(KubernetesVersion, String)],
) -> String {
    let mut next = updates(running, candidates);
    next.reverse();
    let Some(first) = next.first() else {
        return format!("{name} is on {running}, and there is nothing newer to go to.");
    };
    let recommended = next.iter().find(|version| {
        support
            .iter()
            .any(|(known, word)| known == *version && word == "supported")
    });
    let word = |version: &KubernetesVersion| {
        let known = support
            .iter()
            .find(|(known, _)| known == version)
            .map_or("", |(_, word)| word);
        let mark = if Some(version) == recommended {
            ", recommended"
        } else {
            ""
        };
        format!("{version} ({known}{mark})")
    };
    let listed: Vec<_> = next.iter().map(word).collect();
    let later: Vec<_> = support
        .iter()
        .map(|(version, _)| version)
        .filter(|version| version.minor() == first.minor().max(running.minor() + 1) + 1)
        .map(ToString::to_string)
        .collect();
    let after = if later.is_empty() {
        String::new()
    } else {
        format!(" After that: {}.", later.join(", "))
    };
    let choice = recommended.unwrap_or(first);
    format!(
        "{name} is on {running}. Next: {}.{after} Start with: kubectl guest upgrade {name} {choice}",
        listed.join(", ")
    )
}

fn next_steps(name: &str, running: &KubernetesVersion, candidates: &[Candidate]) -> String {
    match updates(running, candidates).last() {
        Some(version) => {
            format!("{name} is on {running}; go to {version} first: kubectl guest upgrade {name} {version}")
        }
        None => format!("{name} is on {running}, and there is nothing newer to go to. See: kubectl guest versions"),
    }
}

#[cfg(test)]
mod tests {
    use guestcluster_types::Support;

    use super::*;

    fn version(text: &str) -> KubernetesVersion {
        text.parse().unwrap()
    }

    #[test]
    fn the_path_recommends_the_newest_supported_and_shows_what_comes_after() {
        let all = ["v1.35.0", "v1.34.2", "v1.34.1", "v1.33.7"];
        let candidates: Vec<_> = all
            .iter()
            .map(|text| Candidate {
                version: version(text),
                support: Support::Supported,
            })
            .collect();
        let support: Vec<_> = all.iter().map(|text| (version(text), "supported".to_owned())).collect();
        assert_eq!(
            path("dev", &version("v1.33.7"), &candidates, &support),
            "dev is on v1.33.7. Next: v1.34.2 (supported, recommended), v1.34.1 (supported). After that: v1.35.0. \
             Start with: kubectl guest upgrade dev v1.34.2"
        );
    }

    #[test]
    fn nothing_newer_is_said() {
        let candidates = [Candidate {
            version: version("v1.33.7"),
            support: Support::Supported,
        }];
        let text = path("dev", &version("v1.33.7"), &candidates, &[]);
        assert_eq!(text, "dev is on v1.33.7, and there is nothing newer to go to.");
    }
}
