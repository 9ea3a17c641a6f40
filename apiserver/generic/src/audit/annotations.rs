//! What the server's parts add to a request's events.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

/// Longest sum of what one request may gather.
const BYTES: usize = 64 * 1024;

/// Annotations of one request's events, shared by all that answer it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Annotations(Arc<Mutex<BTreeMap<String, String>>>);

impl Annotations {
    /// Adds one. The first value of a key stays, and what would be too much is left out.
    pub(crate) fn add(&self, key: &str, value: &str) {
        let mut all = self.0.lock();
        let gathered: usize = all.iter().map(|(key, value)| key.len() + value.len()).sum();
        if gathered + key.len() + value.len() <= BYTES {
            all.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> BTreeMap<String, String> {
        self.0.lock().clone()
    }
}
