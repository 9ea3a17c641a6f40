//! GuestCredential: written by the exchange alone; deleting one revokes it.

use std::sync::Arc;

use async_trait::async_trait;
use generic_apiserver::{
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext, Verbs, crd},
    status::Status,
};
use guestcluster_types::{GuestCredential, columns, labels};
use kube::CustomResourceExt as _;
use serde_json::{Value, json};

use crate::guestclusters;

/// The fields that select credentials, in the order of their definition and of the cache's index.
pub(crate) const FIELDS: [&str; 4] = ["spec.user", "spec.clusterRef.name", "spec.clusterRef.uid", "spec.level"];

/// GuestCredential with its columns.
pub(crate) fn definition() -> anyhow::Result<ResourceDefinition> {
    let mut definition = crd::definition_from(&serde_json::to_value(GuestCredential::crd())?)?;
    definition.columns = guestclusters::columns(columns::GUEST_CREDENTIAL);
    definition.verbs = Verbs::NoCreate;
    definition.strategy = Arc::new(Rules);
    Ok(definition)
}

struct Rules;

#[async_trait]
impl Strategy for Rules {
    /// Keeps the record, once deleted, until the guest refuses the credential.
    fn prepare_for_create(&self, _context: &StrategyContext<'_>, object: &mut Value) {
        object["metadata"]["finalizers"] = json!([labels::REVOCATION_FINALIZER]);
    }

    /// Only the exchange makes them: an apply of one that is not there would be a record of nothing.
    async fn validate_create(&self, context: &StrategyContext<'_>, _object: &Value) -> Result<Findings, Status> {
        match context.access {
            Some(_) => Err(Status::method_not_supported()),
            None => Ok(Findings::default()),
        }
    }

    async fn validate_update(
        &self,
        _context: &StrategyContext<'_>,
        object: &Value,
        old: &Value,
    ) -> Result<Findings, Status> {
        Ok(super::unchanged_spec(object, old))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The count of live credentials reads the index by these places.
    #[test]
    fn fields_select_in_the_order_that_the_index_has() {
        let definition = definition().unwrap();
        let names: Vec<_> = definition.selectable.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, FIELDS);
    }
}
