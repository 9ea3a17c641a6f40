//! What is reserved for writes that are still on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use generic_apiserver::admission::Reservation;
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::{Amounts, counts::Counts};

/// How long a reservation counts whose write nobody waits for any more: longer than any write takes.
const DOUBT: Duration = Duration::from_mins(1);

/// The reservations of one server, and the namespaces that are to be counted again.
#[derive(Default)]
pub(super) struct Ledger {
    pending: Mutex<BTreeMap<u64, Pending>>,
    next: AtomicU64,
    changed: Mutex<BTreeSet<String>>,
    wake: Notify,
}

/// A write on its way to the store.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) namespace: String,
    pub(super) quota: String,
    /// Which resource, in the order of [`Counts`].
    pub(super) resource: usize,
    pub(super) name: String,
    pub(super) what: What,
    /// What it uses of the quota.
    pub(super) more: Amounts,
    /// When nobody waits for it any more: until when it counts.
    pub(super) until: Option<Instant>,
}

/// How its arrival is known.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// An object of this UID is there.
    New { uid: String },
    /// The object is at another revision than this.
    Changed { from: String },
}

/// A place in the ledger for one write and one quota; empty until [`Ledger::put`].
pub(super) struct Place {
    pub(super) id: u64,
    ledger: Arc<Ledger>,
    counts: Arc<Counts>,
}

impl Ledger {
    pub(super) fn place(self: &Arc<Self>, counts: Arc<Counts>) -> Place {
        Place {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            ledger: self.clone(),
            counts,
        }
    }

    pub(super) fn put(&self, id: u64, pending: Pending) {
        self.pending.lock().insert(id, pending);
    }

    /// True when there was something.
    pub(super) fn remove(&self, id: u64) -> bool {
        self.pending.lock().remove(&id).is_some()
    }

    /// What is on the way for a quota.
    pub(super) fn of(&self, namespace: &str, quota: &str) -> Vec<Pending> {
        let mut all = self.pending.lock();
        let now = Instant::now();
        all.retain(|_, pending| pending.until.is_none_or(|until| now < until));
        let of_quota = all
            .values()
            .filter(|pending| pending.namespace == namespace && pending.quota == quota);
        of_quota.cloned().collect()
    }

    /// Asks for a new count of a namespace.
    pub(super) fn count_again(&self, namespace: &str) {
        self.changed.lock().insert(namespace.to_owned());
        self.wake.notify_one();
    }

    /// The namespaces that are to be counted again.
    pub(super) fn take_changed(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.changed.lock())
    }

    /// Done when there may be some.
    pub(super) async fn changed(&self) {
        self.wake.notified().await;
    }
}

impl Reservation for Place {
    fn settled(self: Box<Self>) {
        let pending = self.ledger.pending.lock().remove(&self.id);
        // What is stored is in the quota's status already. What is not must leave it.
        if let Some(pending) = pending.filter(|pending| !self.counts.shows(pending)) {
            self.ledger.count_again(&pending.namespace);
        }
    }
}

impl Drop for Place {
    /// Still in the ledger: nobody knows whether the write is done, or will be.
    fn drop(&mut self) {
        if let Some(pending) = self.ledger.pending.lock().get_mut(&self.id) {
            pending.until = Some(Instant::now() + DOUBT);
        }
    }
}
