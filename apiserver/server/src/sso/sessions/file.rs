//! The file of sessions. It holds no token.

use std::collections::BTreeMap;

use anyhow::Context as _;

use super::Session;
use crate::data_dir::DataDir;

const FILE: &str = "sso-sessions.json";

/// The sessions that were kept.
pub(super) fn read(dir: &DataDir) -> anyhow::Result<BTreeMap<String, Session>> {
    let Some(text) = dir.read(FILE)? else {
        return Ok(BTreeMap::new());
    };
    serde_json::from_str(&text).with_context(|| {
        format!(
            "{} is broken; without it everybody signs in anew",
            dir.file(FILE).display()
        )
    })
}

/// Replaces them.
pub(super) fn write(dir: &DataDir, sessions: &BTreeMap<String, Session>) -> anyhow::Result<()> {
    dir.write(FILE, &serde_json::to_string(sessions)?)
}
