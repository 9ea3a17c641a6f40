//! Events about orphans: one each, told again every hour.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use guestcluster_types::{labels, upstream::capi::Cluster};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::time::Instant;

use super::guest_uid;
use crate::guest::events::{self, News};

/// An orphan is told of again after so long; a supervisor forgets events after an hour.
const AGAIN: Duration = Duration::from_hours(1);
/// Events that are written between two looks for orphans. The others follow with the next looks.
const AT_ONCE: usize = 200;

/// What was told of each orphan, by the UID of its Cluster.
#[derive(Default)]
pub(super) struct Reports {
    told: HashMap<String, Report>,
    /// Whether there are orphans that had to wait.
    more: bool,
}

struct Report {
    at: Instant,
    /// How often the event says that it happened; none if it was not taken.
    count: Option<i32>,
}

impl Reports {
    /// Tells of those orphans that were not told of lately. What the API server does not take is told of when it is due again.
    pub(super) async fn publish(&mut self, client: &Client, orphans: &[Arc<Cluster>]) {
        let uids: HashSet<_> = orphans.iter().filter_map(|cluster| cluster.uid()).collect();
        self.told.retain(|uid, _| uids.contains(uid));
        let mut due = orphans.iter().filter(|cluster| self.is_due(cluster));
        let now: Vec<_> = due.by_ref().take(AT_ONCE).collect();
        self.more = due.next().is_some();
        for cluster in now {
            let uid = cluster.uid().unwrap_or_default();
            let before = self.told.get(&uid).and_then(|report| report.count);
            if before.is_none() {
                log(cluster);
            }
            let count = tell(client, cluster, before).await.map_or_else(
                |error| {
                    tracing::debug!(cluster = cluster.name_any(), %error, "event not published");
                    before
                },
                Some,
            );
            let at = Instant::now();
            self.told.insert(uid, Report { at, count });
        }
    }

    /// Waits until an orphan is to be told of.
    pub(super) async fn due(&self) {
        let first = self.told.values().map(|report| report.at).min();
        match first {
            _ if self.more => {}
            Some(first) => tokio::time::sleep_until(first + AGAIN).await,
            None => std::future::pending().await,
        }
    }

    fn is_due(&self, cluster: &Cluster) -> bool {
        let uid = cluster.uid().unwrap_or_default();
        self.told.get(&uid).is_none_or(|report| report.at.elapsed() >= AGAIN)
    }
}

fn log(cluster: &Cluster) {
    tracing::warn!(
        namespace = cluster.namespace(),
        cluster = cluster.name_any(),
        guest_uid = guest_uid(cluster),
        "orphaned: there is no GuestCluster of this guest"
    );
}

/// Writes the event about an orphan, or counts it up. The answer is how often it says that it happened.
async fn tell(client: &Client, cluster: &Cluster, before: Option<i32>) -> Result<i32, kube::Error> {
    let api: Api<Event> = Api::namespaced(client.clone(), &cluster.namespace().unwrap_or_default());
    let event = event(cluster, Timestamp::now());
    if before.is_none() {
        match api.create(&PostParams::default(), &event).await {
            // A process before this one has told of it.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            outcome => return outcome.map(|_| 1),
        }
    }
    let count = before.map(|count| count.saturating_add(1));
    let mut patch = json!({"lastTimestamp": event.last_timestamp});
    if let Some(count) = count {
        patch["count"] = count.into();
    }
    let (name, patch) = (event.name_any(), Patch::Merge(patch));
    match api.patch(&name, &PatchParams::default(), &patch).await {
        Ok(event) => Ok(event.count.unwrap_or(1)),
        // Events are forgotten after a while.
        Err(kube::Error::Api(status)) if status.code == 404 => {
            api.create(&PostParams::default(), &event).await.map(|_| 1)
        }
        Err(error) => Err(error),
    }
}

/// One object for each orphan, whoever writes it.
fn event(cluster: &Cluster, now: Timestamp) -> Event {
    let (name, uid) = (cluster.name_any(), guest_uid(cluster).unwrap_or_default());
    let note = format!(
        "there is no GuestCluster of guest {uid}, so nothing changes or removes this Cluster; \
         to take it over, create GuestCluster {name} with annotation {}: {uid}",
        labels::ADOPT
    );
    let news = News {
        kind: "Warning",
        action: "LookForOrphans",
        reason: "Orphaned".to_owned(),
        note,
    };
    let mut event = events::event(cluster, news, now);
    event.metadata.name = Some(format!("{name}.{}", cluster.uid().unwrap_or_default()));
    event
}

#[cfg(test)]
mod tests {
    use guestcluster_types::upstream::capi::ClusterSpec;

    use super::*;

    #[test]
    fn the_event_says_how_to_adopt_and_is_the_same_each_time() {
        let mut cluster = Cluster::new("dev", ClusterSpec::default());
        cluster.metadata.namespace = Some("team-a".to_owned());
        cluster.metadata.uid = Some("c-1".to_owned());
        cluster.metadata.labels = Some([(labels::GUEST_UID.to_owned(), "g-1".to_owned())].into());
        let first = event(&cluster, Timestamp::UNIX_EPOCH);
        let second = event(&cluster, Timestamp::now());
        assert_eq!(first.metadata.name, second.metadata.name);
        let note = first.message.unwrap_or_default();
        assert!(
            note.ends_with("create GuestCluster dev with annotation guestclusters.dev/adopt: g-1"),
            "{note}"
        );
        let about = first.involved_object;
        assert_eq!(
            (about.kind.as_deref(), about.namespace.as_deref(), about.uid.as_deref()),
            (Some("Cluster"), Some("team-a"), Some("c-1"))
        );
    }
}
