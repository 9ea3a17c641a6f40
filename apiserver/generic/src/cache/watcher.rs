//! A reader of one resource's events: a cursor into the shared history.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::resource::ResourceCache;
use super::{Event, history::Fallen};
use crate::storage::Revision;

/// What a watcher sees next.
#[derive(Clone, Debug)]
pub enum Next {
    /// An event.
    Event(Arc<Event>),
    /// The watcher was too slow: its next event is no longer kept.
    Expired,
    /// The cache is closed; nothing more will come.
    Closed,
}

/// Reads one resource's events in order. Has no buffer: a slow one costs nothing until it falls off the history.
pub struct Watcher {
    resource: Arc<ResourceCache>,
    position: u64,
    after: Revision,
    delivered: Revision,
}

impl Watcher {
    pub(super) fn new(resource: Arc<ResourceCache>, position: u64, after: Revision) -> Self {
        Self {
            resource,
            position,
            after,
            delivered: after,
        }
    }

    /// Waits for the next event. Cancelling loses nothing.
    pub async fn next(&mut self) -> Next {
        loop {
            let resource = self.resource.clone();
            let mut published = pin!(resource.published().notified());
            // Registered before looking, so that an event that comes in between wakes it.
            published.as_mut().enable();
            if let Some(next) = self.try_next() {
                return next;
            }
            published.await;
        }
    }

    /// The next event if it is already there.
    pub fn try_next(&mut self) -> Option<Next> {
        loop {
            // Before the events: the last ones are published before the cache closes.
            let closed = self.resource.clock().closed.load(Ordering::Acquire);
            let event = match self.resource.history().event(self.position) {
                Err(Fallen) => return Some(Next::Expired),
                Ok(None) => return closed.then_some(Next::Closed),
                Ok(Some(event)) => event.clone(),
            };
            self.position += 1;
            // Only a watch from a revision that was still to come meets events at or before it.
            if event.revision > self.after {
                self.delivered = event.revision;
                return Some(Next::Event(event));
            }
        }
    }

    /// A revision up to which everything was delivered or does not concern this resource: what a bookmark may say.
    ///
    /// None where that would lie before the last event that was delivered: further events of its revision wait, or the next
    /// one is no longer kept.
    pub fn progress(&self) -> Option<Revision> {
        // The clock first: all events up to it are in the history that is looked at later.
        let applied = self.resource.clock().applied.load(Ordering::Acquire);
        let known = match self.resource.history().event(self.position) {
            // Events are there a moment before the clock says so, those of one revision all at once.
            Ok(None) => applied.max(self.delivered),
            // Events of one revision belong together: the last delivered one may not have been its last.
            Ok(Some(next)) => next.revision.saturating_sub(1),
            Err(Fallen) => return None,
        };
        let known = known.max(self.after);
        (known >= self.delivered).then_some(known)
    }
}
