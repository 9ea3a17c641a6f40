//! Regular expressions of schemas and rules.
//!
//! They repeat much (names, quantities, addresses), and a compiled one takes tens of kilobytes: all schemas of the process
//! share them, up to a number that no set of served kinds reaches.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use parking_lot::Mutex;
use regex::{Regex, RegexBuilder};

/// What one compiled pattern may take, in bytes.
const MAX_BYTES: usize = 2 << 20;
const MAX_SHARED: usize = 4096;
static SHARED: LazyLock<Mutex<HashMap<String, Arc<Regex>>>> = LazyLock::new(Mutex::default);

/// A pattern of a schema, compiled once and kept.
pub(super) fn learn(source: &str) -> Result<Arc<Regex>, regex::Error> {
    if let Some(known) = known(source) {
        return Ok(known);
    }
    let compiled = Arc::new(compile(source)?);
    let mut shared = SHARED.lock();
    if shared.len() < MAX_SHARED {
        shared.insert(source.to_owned(), compiled.clone());
    }
    Ok(compiled)
}

/// A pattern that some schema has.
pub(super) fn known(source: &str) -> Option<Arc<Regex>> {
    SHARED.lock().get(source).cloned()
}

/// A pattern that comes from an object: compiled for this once.
pub(super) fn compile(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source).size_limit(MAX_BYTES).build()
}
