//! What the guest layer has to show.

use super::{orphans::Orphans, phases::Phases};

/// Guests as the layer sees them, to be shown by the process that runs it. Empty while it does not run.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    pub(super) phases: Phases,
    pub(super) orphans: Orphans,
}

impl Gauges {
    /// Appends them to a page in Prometheus' text format: guests by phase, and Clusters of guests that nobody asks for.
    pub fn render(&self, page: &mut String) {
        self.phases.render(page);
        self.orphans.render(page);
    }

    /// Says that nobody looks any more.
    pub(super) fn forget(&self) {
        self.phases.forget();
        self.orphans.forget();
    }
}
