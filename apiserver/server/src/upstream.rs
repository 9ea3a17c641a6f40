//! The Cluster API, vSphere provider and VM Operator kinds that the embedded supervisor serves, from their schemas.

use anyhow::Context as _;
use generic_apiserver::registry::{ResourceDefinition, crd};
use guestcluster_types::upstream::crds::CRDS;

/// A definition for each upstream kind.
pub(crate) fn definitions() -> anyhow::Result<Vec<ResourceDefinition>> {
    CRDS.iter()
        .map(|(name, text)| {
            let crd = serde_json::from_str(text).with_context(|| format!("schema of {name}"))?;
            crd::definition_from(&crd).with_context(|| format!("schema of {name}"))
        })
        .collect()
}
