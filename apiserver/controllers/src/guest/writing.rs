//! Writes to the GuestCluster itself: its finalizer and its status.

use std::collections::HashMap;

use guestcluster_types::{GuestCluster, GuestClusterStatus, labels::FINALIZER};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams},
};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

/// The resource version that each GuestCluster had after our last write to it.
#[derive(Default)]
pub(super) struct Written(Mutex<HashMap<String, u64>>);

impl Written {
    fn record(&self, guest: &GuestCluster) {
        if let (Some(uid), Some(version)) = (guest.uid(), version_of(guest)) {
            self.0.lock().insert(uid, version);
        }
    }

    /// Whether an object is older than our own last write: what is decided from it would be decided twice.
    pub(super) fn is_before(&self, guest: &GuestCluster) -> bool {
        let written = guest.uid().and_then(|uid| self.0.lock().get(&uid).copied());
        matches!((written, version_of(guest)), (Some(written), Some(seen)) if seen < written)
    }

    pub(super) fn forget(&self, guest: &GuestCluster) {
        self.0.lock().remove(&guest.uid().unwrap_or_default());
    }
}

/// Resource versions are numbers that grow; one that is not a number is never judged.
fn version_of(guest: &GuestCluster) -> Option<u64> {
    guest.resource_version()?.parse().ok()
}

/// Writes to one GuestCluster, each on the condition that nobody has written since it was read.
pub(super) struct Pen<'a> {
    pub(super) client: &'a Client,
    pub(super) written: &'a Written,
}

impl Pen<'_> {
    /// Adds or removes the finalizer. `None` if somebody else has written: their write starts the next run.
    pub(super) async fn set_finalizer(
        &self,
        guest: &GuestCluster,
        wanted: bool,
    ) -> Result<Option<GuestCluster>, kube::Error> {
        let mut finalizers: Vec<_> = guest
            .finalizers()
            .iter()
            .filter(|name| *name != FINALIZER)
            .cloned()
            .collect();
        if wanted {
            finalizers.push(FINALIZER.to_owned());
        }
        let patch = json!({"metadata": {"resourceVersion": guest.resource_version(), "finalizers": finalizers}});
        let result = self
            .api(guest)
            .patch(&guest.name_any(), &PatchParams::default(), &Patch::Merge(patch))
            .await;
        self.outcome(result)
    }

    /// Writes a status where it differs. `Some` of the object as it is then; `None` as for the finalizer.
    pub(super) async fn write_status(
        &self,
        guest: &GuestCluster,
        status: &GuestClusterStatus,
    ) -> Result<Option<GuestCluster>, kube::Error> {
        let before = serde_json::to_value(&guest.status).map_err(kube::Error::SerdeError)?;
        let after = serde_json::to_value(status).map_err(kube::Error::SerdeError)?;
        let Some(changes) = merge_patch(&before, &after) else {
            return Ok(Some(guest.clone()));
        };
        let patch = json!({"metadata": {"resourceVersion": guest.resource_version()}, "status": changes});
        let api = self.api(guest);
        let result = api
            .patch_status(&guest.name_any(), &PatchParams::default(), &Patch::Merge(patch))
            .await;
        self.outcome(result)
    }

    fn api(&self, guest: &GuestCluster) -> Api<GuestCluster> {
        Api::namespaced(self.client.clone(), &guest.namespace().unwrap_or_default())
    }

    fn outcome(&self, result: Result<GuestCluster, kube::Error>) -> Result<Option<GuestCluster>, kube::Error> {
        match result {
            Ok(guest) => {
                self.written.record(&guest);
                Ok(Some(guest))
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The JSON merge patch (RFC 7386) from one value to another; `None` if they are equal.
fn merge_patch(before: &Value, after: &Value) -> Option<Value> {
    if before == after {
        return None;
    }
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return Some(after.clone());
    };
    let mut patch = Map::new();
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in after {
        let change = match before.get(key) {
            Some(old) => merge_patch(old, value),
            None => Some(value.clone()),
        };
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    Some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_has_what_differs_and_nulls_what_is_gone() {
        let before = json!({"a": 1, "b": {"c": 1, "d": 2}, "e": [1], "f": "x"});
        let after = json!({"a": 1, "b": {"c": 1, "d": 3}, "e": [1, 2], "g": {"h": 1}});
        let patch = merge_patch(&before, &after).unwrap();
        assert_eq!(patch, json!({"b": {"d": 3}, "e": [1, 2], "f": null, "g": {"h": 1}}));
        assert_eq!(merge_patch(&after, &after), None);
        assert_eq!(merge_patch(&Value::Null, &after), Some(after));
    }
}
