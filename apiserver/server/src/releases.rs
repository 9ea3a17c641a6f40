//! GuestClusterRelease as the API server serves it.

use std::sync::Arc;

use async_trait::async_trait;
use generic_apiserver::{
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext, crd},
    status::Status,
};
use guestcluster_types::{GuestClusterRelease, columns, validation};
use kube::CustomResourceExt as _;
use serde_json::Value;

use crate::guestclusters;

/// GuestClusterRelease with its columns and rules.
pub(crate) fn definition() -> anyhow::Result<ResourceDefinition> {
    let mut definition = crd::definition_from(&serde_json::to_value(GuestClusterRelease::crd())?)?;
    definition.columns = guestclusters::columns(columns::GUEST_CLUSTER_RELEASE);
    definition.strategy = Arc::new(Rules);
    Ok(definition)
}

struct Rules;

#[async_trait]
impl Strategy for Rules {
    async fn validate_create(&self, _context: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(refused(validation::release_create(&parse(object)?)))
    }

    async fn validate_update(
        &self,
        _context: &StrategyContext<'_>,
        object: &Value,
        old: &Value,
    ) -> Result<Findings, Status> {
        Ok(refused(validation::release_update(&parse(object)?, &parse(old)?)))
    }
}

fn refused(problems: Vec<validation::Problem>) -> Findings {
    let errors = problems.into_iter().map(guestclusters::field_error).collect();
    Findings {
        errors,
        warnings: Vec::new(),
    }
}

fn parse(object: &Value) -> Result<GuestClusterRelease, Status> {
    serde_json::from_value(object.clone())
        .map_err(|error| Status::bad_request(format!("GuestClusterRelease can't be read: {error}")))
}
