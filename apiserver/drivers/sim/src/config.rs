//! Delays and faults of the simulation, as YAML.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

/// What the simulation does beside the plain course of things.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    /// How long each step of a VM takes.
    pub delays: Delays,
    /// What goes wrong, first match first.
    pub faults: Vec<Fault>,
    /// How many VMs of a class fit; a class that is not named has no limit.
    pub capacity: BTreeMap<String, usize>,
}

/// How long each step of a VM takes, in milliseconds.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Delays {
    /// Until the VM exists.
    pub create: u64,
    /// Until it is powered on.
    pub power_on: u64,
    /// Until its guest system has an address and, on a control plane, the API server answers.
    pub boot: u64,
    /// Until its Node is registered.
    pub join: u64,
    /// Until a removed VM is gone.
    pub remove: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            create: 100,
            power_on: 200,
            boot: 300,
            join: 200,
            remove: 100,
        }
    }
}

impl Delays {
    /// Milliseconds as a duration, at most an hour.
    pub(crate) fn duration(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds).min(Duration::from_hours(1))
    }
}

/// Something that goes wrong.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fault {
    /// Name of the VM or load balancer, with `*` for any characters.
    pub name: String,
    /// What happens to it.
    pub kind: FaultKind,
}

/// What can go wrong with a VM or load balancer.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum FaultKind {
    /// No host has room.
    NoCapacity,
    /// It stays powered off.
    NeverPowersOn,
    /// It is powered on, and its guest system never starts.
    NeverBoots,
    /// It gets no address. Load balancers too.
    NoAddress,
    /// It has an address, and its node never joins.
    NeverJoins,
}

/// The configuration can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads YAML; empty text is the default.
    pub fn from_yaml(text: &str) -> Result<Self, ConfigError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| ConfigError(error.to_string()))
    }

    /// Whether this fault is set for the object.
    pub(crate) fn fails(&self, name: &str, kind: FaultKind) -> bool {
        self.faults
            .iter()
            .any(|fault| fault.kind == kind && matches(&fault.name, name))
    }
}

/// Whether `text` matches a pattern in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let mut pieces: Vec<_> = rest.split('*').collect();
    // `split` yields at least one piece.
    let tail = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.len() >= tail.len() && text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, text, expected) in [
            ("dev-cp-1", "dev-cp-1", true),
            ("dev-cp-1", "dev-cp-12", false),
            ("dev-*", "dev-cp-1", true),
            ("*-cp-*", "dev-cp-1", true),
            ("*-cp-*", "dev-default-1", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_mistake_is_told_and_not_ignored() {
        let error = Config::from_yaml("delays: {bot: 3}").unwrap_err().to_string();
        assert!(error.contains("bot"), "{error}");
        let config = Config::from_yaml("faults: [{name: 'dev-*', kind: NoAddress}]\ncapacity: {small: 2}").unwrap();
        assert!(config.fails("dev-cp", FaultKind::NoAddress));
        assert!(!config.fails("dev-cp", FaultKind::NeverBoots));
    }
}
