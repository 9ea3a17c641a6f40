//! How many guests are in each phase.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use futures::FutureExt as _;
use guestcluster_types::{GuestCluster, Phase};
use kube::runtime::reflector::Store;
use parking_lot::RwLock;

/// The guests as the layer sees them, while it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Phases(Arc<RwLock<Option<Store<GuestCluster>>>>);

impl Phases {
    /// From here on these are counted.
    pub(super) fn follow(&self, guests: &Store<GuestCluster>) {
        *self.0.write() = Some(guests.clone());
    }

    /// Says that nobody looks any more.
    pub(super) fn forget(&self) {
        *self.0.write() = None;
    }

    /// Appends gauge `guestclusters`. Nothing while it is not known which there are.
    pub(super) fn render(&self, page: &mut String) {
        let guests = self.0.read();
        let known = guests.as_ref().filter(|guests| {
            let ready = guests.wait_until_ready().now_or_never();
            ready.is_some_and(|ready| ready.is_ok())
        });
        let Some(guests) = known else { return };
        let mut counts: HashMap<Phase, usize> = HashMap::new();
        for guest in guests.state() {
            // One that nothing was done for yet.
            let phase = guest.status.as_ref().and_then(|status| status.phase);
            *counts.entry(phase.unwrap_or(Phase::Pending)).or_default() += 1;
        }
        page.push_str("# HELP guestclusters GuestClusters by phase.\n# TYPE guestclusters gauge\n");
        for phase in Phase::ALL {
            let count = counts.get(&phase).copied().unwrap_or_default();
            let _ = writeln!(page, "guestclusters{{phase=\"{phase:?}\"}} {count}");
        }
    }
}
