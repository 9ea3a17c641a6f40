//! Writes what an embedded supervisor has from its first start on.

use std::sync::Arc;

use anyhow::Context as _;
use generic_apiserver::{
    authn::User,
    registry::{Registry, Resource},
};
use serde_json::json;

use crate::{
    catalogue::{self, Seed},
    roles::SYSTEM_NAMESPACE,
};

/// Written last, so that a first start that was cut off seeds again, and later starts bring nothing back that was deleted.
const MARKER: &str = "catalogue";

/// Writes the supervisor's own namespace, and on the first start the catalogue.
pub(crate) async fn seed(registry: &Registry, sim_config: Option<&str>) -> anyhow::Result<()> {
    let writer = Writer {
        registry,
        user: User {
            name: "system:apiserver".to_owned(),
            ..User::default()
        },
    };
    writer.create(&catalogue::namespace(SYSTEM_NAMESPACE)).await?;
    if writer
        .resource("", "configmaps")?
        .get(SYSTEM_NAMESPACE, MARKER)
        .is_some()
    {
        return Ok(());
    }
    for seed in catalogue::seeds(sim_config.unwrap_or_default()) {
        writer.create(&seed).await?;
    }
    writer.create(&catalogue::config_map(MARKER, json!({}))).await
}

struct Writer<'a> {
    registry: &'a Registry,
    user: User,
}

impl Writer<'_> {
    fn resource(&self, group: &str, plural: &str) -> anyhow::Result<Arc<Resource>> {
        self.registry
            .resource(group, plural)
            .with_context(|| format!("{plural}.{group} is not served"))
    }

    /// Creates the object unless it is there.
    async fn create(&self, seed: &Seed) -> anyhow::Result<()> {
        let resource = self.resource(seed.group, seed.resource)?;
        let name = seed.object["metadata"]["name"].as_str().unwrap_or_default();
        if resource.get(&seed.namespace, name).is_some() {
            return Ok(());
        }
        match resource.create(&self.user, &seed.namespace, seed.object.clone()).await {
            Ok(_) => Ok(()),
            Err(status) if status.reason == "AlreadyExists" => Ok(()),
            Err(status) => anyhow::bail!("cannot create {} {name}: {}", seed.resource, status.message),
        }
    }
}
