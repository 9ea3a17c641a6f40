//! Waiting for a cluster: one watch with a deadline, which resumes when the connection breaks.

use std::time::Duration;

use futures::{StreamExt as _, pin_mut};
use guestcluster_types::{GuestCluster, Phase, conditions};
use kube::runtime::{WatchStreamExt as _, watcher::watch_object};

use crate::{
    connection::{Connection, duration},
    error::{Error, Result},
    progress::{Display, Progress},
};

/// Flags of commands that can wait.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct WaitFlags {
    /// Wait until it is done (the default)
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Return as soon as the server has accepted it
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
    /// Longest to wait, such as 90s or 10m; the work goes on afterwards
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    timeout: Duration,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The cluster runs as this generation of its spec asks.
    Running(i64),
    /// The cluster is gone.
    Gone,
}

impl WaitFlags {
    /// Whether to wait.
    pub(crate) fn wait(&self) -> bool {
        !self.no_wait
    }

    /// Longest to wait.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// Waits, and shows progress. Interrupted, it says that the work goes on.
pub(crate) async fn wait(
    connection: &Connection,
    name: &str,
    flags: &WaitFlags,
    until: Until,
    display: Display,
) -> Result<()> {
    let mut progress = Progress::new(name, display);
    let finished = tokio::select! {
        finished = follow(connection, name, until, &mut progress) => finished,
        () = tokio::time::sleep(flags.timeout) => {
            let last = progress.last_message();
            Err(Error::timed_out(format!("{name}: not done after {}{last}", text(flags.timeout)))
                .next(format!("The work goes on. Look again: kubectl guest describe {name} -n {}", connection.namespace)))
        }
        _ = tokio::signal::ctrl_c() => {
            Err(Error::timed_out(format!("{name}: stopped watching"))
                .next(format!("The work goes on. Look again: kubectl guest describe {name} -n {}", connection.namespace)))
        }
    };
    progress.finish(finished.is_ok());
    finished
}

async fn follow(connection: &Connection, name: &str, until: Until, progress: &mut Progress) -> Result<()> {
    let changes = watch_object(connection.namespaced::<GuestCluster>(), name).default_backoff();
    pin_mut!(changes);
    while let Some(change) = changes.next().await {
        match change {
            Ok(cluster) => {
                if let Some(cluster) = &cluster {
                    progress.show(cluster);
                }
                if let Some(outcome) = judge(cluster.as_ref(), until, name) {
                    return outcome;
                }
            }
            // A broken connection resumes by itself; a refusal never ends.
            Err(kube::runtime::watcher::Error::WatchError(status)) if status.code == 403 || status.code == 401 => {
                return Err(kube::Error::Api(status).into());
            }
            Err(error) => progress.note(&format!("the connection broke, trying again: {error}")),
        }
    }
    Err(Error::failed("the watch ended"))
}

/// Whether the waiting is over, and how; none while it goes on.
fn judge(cluster: Option<&GuestCluster>, until: Until, name: &str) -> Option<Result<()>> {
    let Some(cluster) = cluster else {
        return Some(match until {
            Until::Gone => Ok(()),
            Until::Running(_) => Err(Error::failed(format!("{name} was deleted meanwhile"))),
        });
    };
    let Until::Running(generation) = until else { return None };
    if cluster.metadata.deletion_timestamp.is_some() {
        return Some(Err(Error::failed(format!("{name} is being deleted"))));
    }
    let status = cluster.status.as_ref()?;
    if status.observed_generation < Some(generation) {
        return None;
    }
    match status.phase {
        Some(Phase::Running) if conditions::is_true(&status.conditions, conditions::READY) => Some(Ok(())),
        Some(Phase::Failed) => {
            let message = status.message.clone().unwrap_or_else(|| "failed".to_owned());
            Some(Err(Error::failed(format!("{name}: {message}"))))
        }
        _ => None,
    }
}

fn text(time: Duration) -> String {
    crate::output::age(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cluster(status: &serde_json::Value) -> GuestCluster {
        serde_json::from_value(json!({
            "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "metadata": {"name": "dev"},
            "spec": {
                "distribution": {"version": "v1.34"},
                "topology": {"controlPlane": {"vmClass": "small", "storageClass": "gold"}},
            },
            "status": status,
        }))
        .unwrap()
    }

    fn ready(generation: i64) -> GuestCluster {
        let time = "2026-01-01T00:00:00Z";
        cluster(
            &json!({"observedGeneration": generation, "phase": "Running", "conditions": [
                {"type": "Ready", "status": "True", "reason": "Running", "message": "", "lastTransitionTime": time},
            ]}),
        )
    }

    #[test]
    fn an_answer_to_an_older_spec_does_not_count() {
        assert!(judge(Some(&ready(1)), Until::Running(2), "dev").is_none());
        assert!(judge(Some(&ready(2)), Until::Running(2), "dev").unwrap().is_ok());
    }

    #[test]
    fn a_failure_ends_the_waiting_with_its_message() {
        let failed = cluster(&json!({"observedGeneration": 2, "phase": "Failed", "message": "no such image"}));
        let error = judge(Some(&failed), Until::Running(2), "dev").unwrap().unwrap_err();
        assert_eq!(error.to_string(), "dev: no such image");
    }

    #[test]
    fn gone_is_done_only_for_a_deletion() {
        assert!(judge(None, Until::Gone, "dev").unwrap().is_ok());
        assert!(judge(None, Until::Running(1), "dev").unwrap().is_err());
    }
}
