//! The releases of this server's own store.

use std::sync::{Arc, Weak};

use generic_apiserver::{
    registry::{Registry, Resource},
    status::Status,
};
use guestcluster_types::{GROUP, GuestClusterRelease, GuestClusterReleaseSpec, version::Candidate};
use parking_lot::Mutex;
use serde::Deserialize;

/// The releases as the watch cache has them, read anew when one has changed: that costs more than all else in a check.
pub(super) struct Releases {
    registry: Weak<Registry>,
    last: Mutex<Option<Read>>,
}

#[derive(Clone)]
struct Read {
    /// How many changes of releases there had been.
    changes: u64,
    candidates: Arc<[Candidate]>,
}

impl Releases {
    pub(super) fn of(registry: &Arc<Registry>) -> Releases {
        Releases {
            registry: Arc::downgrade(registry),
            last: Mutex::default(),
        }
    }

    /// As they were seen last.
    pub(super) fn seen(&self) -> Result<Arc<[Candidate]>, Status> {
        let resource = self.resource()?;
        let Some(cache) = resource.cache() else {
            return Ok(Arc::default());
        };
        // Before what is read: a change in between is read again the next time.
        let changes = cache.changes();
        let last = self.last.lock().clone();
        if let Some(last) = last.filter(|last| last.changes == changes) {
            return Ok(last.candidates);
        }
        let candidates: Arc<[_]> = cache
            .snapshot()
            .iter()
            .filter_map(|entry| read(&entry.encoded))
            .collect();
        *self.last.lock() = Some(Read {
            changes,
            candidates: candidates.clone(),
        });
        Ok(candidates)
    }

    /// As they are: whatever any replica has written before is among them.
    pub(super) async fn current(&self) -> Result<Arc<[Candidate]>, Status> {
        let registry = self.registry()?;
        let current = registry.cache().wait_current().await;
        current.map_err(|error| Status::internal(error.to_string()))?;
        self.seen()
    }

    fn resource(&self) -> Result<Arc<Resource>, Status> {
        let resource = self.registry()?.resource(GROUP, "guestclusterreleases");
        resource.ok_or_else(|| Status::internal("releases are not served"))
    }

    fn registry(&self) -> Result<Arc<Registry>, Status> {
        let registry = self.registry.upgrade();
        registry.ok_or_else(|| Status::service_unavailable("the server is stopping"))
    }
}

/// None of what can't be read: nobody can be given such a release.
fn read(encoded: &[u8]) -> Option<Candidate> {
    #[derive(Deserialize)]
    struct Release {
        spec: GuestClusterReleaseSpec,
    }
    let release: Release = serde_json::from_slice(encoded).ok()?;
    Candidate::of(&GuestClusterRelease::new("", release.spec))
}
