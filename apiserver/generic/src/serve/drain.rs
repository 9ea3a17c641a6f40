//! The order in which a server goes away: not ready, no new connections, watches end, requests in flight end.

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How far a server's shutdown has come.
#[derive(Clone, Default)]
pub(super) struct Drain {
    begun: CancellationToken,
    watches: CancellationToken,
}

impl Drain {
    /// `/readyz` fails from here on.
    pub(super) fn begin(&self) {
        self.begun.cancel();
    }

    /// Watches end, cleanly and without an error event.
    pub(super) fn end_watches(&self) {
        self.watches.cancel();
    }

    /// The check behind `/readyz`.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.begun.is_cancelled() {
            Err("process is shutting down".to_owned())
        } else {
            Ok(())
        }
    }

    /// Done when watches must end.
    pub(super) fn watches_end(&self) -> WaitForCancellationFutureOwned {
        self.watches.clone().cancelled_owned()
    }
}
