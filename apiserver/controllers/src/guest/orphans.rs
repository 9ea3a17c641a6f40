//! Clusters of guests whose GuestCluster does not exist: a store that was lost, or restored to an older day, must not take
//! running guests with it. They are counted and named for the administrator; nothing is done to them.

mod report;

use std::{
    collections::{BTreeSet, HashSet},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use guestcluster_types::{GuestCluster, labels, upstream::capi::Cluster};
use kube::{Client, ResourceExt, runtime::reflector::Store};
use parking_lot::RwLock;
use tokio::sync::Notify;

use super::{guests::Unreadable, identity, mirror::Knowledge, mirrors::Mirrors};
use report::Reports;

/// Orphans that get a series of their own; the gauge counts all.
const SERIES: usize = 1000;
/// The time from one look to the next, however much changes.
const PAUSE: Duration = Duration::from_secs(1);

/// The orphans as last seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Orphans {
    /// None until everything was read.
    seen: Arc<RwLock<Option<BTreeSet<Orphan>>>>,
}

/// A Cluster that no GuestCluster asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Orphan {
    namespace: String,
    name: String,
    guest_uid: String,
}

/// Where orphans are looked for.
pub(super) struct Search<'a> {
    pub(super) client: &'a Client,
    pub(super) mirrors: &'a Mirrors,
    pub(super) guests: &'a Store<GuestCluster>,
    pub(super) unreadable: &'a Unreadable,
    /// Told whenever a GuestCluster or a Cluster may have changed.
    pub(super) changed: &'a Notify,
}

impl Orphans {
    /// Appends gauge `guestcluster_orphans`, and a series for each of the first 1,000. Nothing while it is not known whether there
    /// are any.
    pub(super) fn render(&self, page: &mut String) {
        let seen = self.seen.read();
        let Some(orphans) = seen.as_ref() else { return };
        page.push_str("# HELP guestcluster_orphans Clusters of guests whose GuestCluster does not exist.\n");
        page.push_str("# TYPE guestcluster_orphans gauge\n");
        let _ = writeln!(page, "guestcluster_orphans {}", orphans.len());
        if orphans.is_empty() {
            return;
        }
        page.push_str("# HELP guestcluster_orphan A Cluster of a guest whose GuestCluster does not exist.\n");
        page.push_str("# TYPE guestcluster_orphan gauge\n");
        for Orphan {
            namespace,
            name,
            guest_uid,
        } in orphans.iter().take(SERIES)
        {
            // None of these can have a quote, a backslash or a line break: names and label values have none.
            let labels = format!(r#"namespace="{namespace}",name="{name}",guest_uid="{guest_uid}""#);
            let _ = writeln!(page, "guestcluster_orphan{{{labels}}} 1");
        }
    }

    /// Looks for orphans whenever something has changed, and reports them, for ever.
    pub(super) async fn keep(&self, search: Search<'_>) {
        let mut reports = Reports::default();
        loop {
            let found = search.find();
            let seen = found
                .as_ref()
                .map(|clusters| clusters.iter().map(|it| Orphan::of(it)).collect());
            *self.seen.write() = seen;
            let found = found.unwrap_or_default();
            reports.publish(search.client, &found).await;
            tokio::time::sleep(PAUSE).await;
            tokio::select! {
                () = search.changed.notified() => {}
                () = reports.due() => {}
            }
        }
    }

    /// Says that nobody looks any more.
    pub(super) fn forget(&self) {
        *self.seen.write() = None;
    }
}

impl Orphan {
    fn of(cluster: &Cluster) -> Self {
        Self {
            namespace: cluster.namespace().unwrap_or_default(),
            name: cluster.name_any(),
            guest_uid: guest_uid(cluster).unwrap_or_default().to_owned(),
        }
    }
}

impl Search<'_> {
    /// Whether the GuestClusters were read once. While they can't be read any more, the last ones count.
    fn has_guests(&self) -> bool {
        self.guests
            .wait_until_ready()
            .now_or_never()
            .is_some_and(|ready| ready.is_ok())
    }

    /// All orphans; none while either kind is not known completely.
    fn find(&self) -> Option<Vec<Arc<Cluster>>> {
        if self.mirrors.clusters.knowledge() != Knowledge::Complete || !self.has_guests() {
            return None;
        }
        let clusters = self.mirrors.clusters.all();
        let guests = self.guests.state();
        Some(orphans(
            clusters,
            guests.iter().map(AsRef::as_ref),
            |namespace, name| self.unreadable.has(namespace, name),
        ))
    }
}

/// The Clusters of guests that none of the GuestClusters is. One that is going is none, and neither is one whose GuestCluster
/// is there but can't be read.
fn orphans<'a>(
    clusters: Vec<Arc<Cluster>>,
    guests: impl Iterator<Item = &'a GuestCluster>,
    is_unreadable: impl Fn(&str, &str) -> bool,
) -> Vec<Arc<Cluster>> {
    let known: HashSet<_> = guests
        .filter_map(|guest| Some((guest.metadata.namespace.as_deref()?, identity::uid_of(guest)?)))
        .collect();
    let is_orphan = |cluster: &Arc<Cluster>| {
        let (Some(uid), Some(namespace)) = (guest_uid(cluster), cluster.metadata.namespace.as_deref()) else {
            return false;
        };
        cluster.metadata.deletion_timestamp.is_none()
            && !known.contains(&(namespace, uid))
            && !is_unreadable(namespace, &cluster.name_any())
    };
    clusters.into_iter().filter(is_orphan).collect()
}

fn guest_uid(cluster: &Cluster) -> Option<&str> {
    cluster
        .metadata
        .labels
        .as_ref()?
        .get(labels::GUEST_UID)
        .map(String::as_str)
}

#[cfg(test)]
mod tests;
