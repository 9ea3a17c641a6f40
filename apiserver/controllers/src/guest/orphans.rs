//! Clusters of guests whose GuestCluster does not exist: a store that was lost, or restored to an older day, must not take
//! running guests with it. They are counted and named for the administrator; nothing is done to them.

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use parking_lot::RwLock;

/// Orphans that get a series of their own; the gauge counts all.
const SERIES: usize = 1000;

/// The orphans as last seen, to be shown by the process that runs the layer.
#[derive(Clone, Debug, Default)]
pub struct Orphans {
    /// None until everything was read.
    seen: Arc<RwLock<Option<BTreeSet<Orphan>>>>,
}

/// A Cluster that no GuestCluster asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Orphan {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) guest_uid: String,
}

impl Orphans {
    /// Appends them to a page in Prometheus' text format: gauge `guestcluster_orphans`, and a series for each of the first
    /// 1,000. Nothing while it is not known whether there are any.
    pub fn render(&self, page: &mut String) {
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
}
