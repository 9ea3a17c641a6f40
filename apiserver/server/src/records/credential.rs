//! GuestCredential: written by the exchange alone; deleting one revokes it, which certificates can't be.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use generic_apiserver::{
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext, Verbs, crd},
    status::{FieldError, Status},
};
use guestcluster_types::{GROUP, GuestCredential, Level, columns, labels};
use jiff::Timestamp;
use kube::CustomResourceExt as _;
use serde_json::{Value, json};

use crate::{audit::Annotation, exchange::Guests, guestclusters};

/// The fields that select credentials, in the order of their definition and of the cache's index.
pub(crate) const FIELDS: [&str; 4] = ["spec.user", "spec.clusterRef.name", "spec.clusterRef.uid", "spec.level"];

/// Where the level is among them.
pub(crate) const LEVEL: usize = 3;

/// GuestCredential with its columns.
pub(crate) fn definition(guests: Arc<OnceLock<Guests>>) -> anyhow::Result<ResourceDefinition> {
    let mut definition = crd::definition_from(&serde_json::to_value(GuestCredential::crd())?)?;
    definition.columns = guestclusters::columns(columns::GUEST_CREDENTIAL);
    definition.verbs = Verbs::NoCreate;
    definition.strategy = Arc::new(Rules { guests });
    Ok(definition)
}

struct Rules {
    /// Set once the registry that these rules are part of runs.
    guests: Arc<OnceLock<Guests>>,
}

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

    /// A guest accepts a certificate until it ends: the record of one that is alive must not look as if it were revoked. It
    /// holds up nobody who deletes the guest, or its namespace.
    async fn validate_delete(&self, context: &StrategyContext<'_>, object: &Value) -> Result<(), Status> {
        let record: GuestCredential = serde_json::from_value(object.clone())
            .map_err(|error| Status::internal(format!("GuestCredential: {error}")))?;
        let until = record.spec.expiration_timestamp.0;
        if until <= Timestamp::now() {
            return Ok(());
        }
        if record.spec.level != Level::BreakGlass {
            let uid = record.metadata.uid.unwrap_or_default();
            Annotation::Revokes.add(context.notes, format_args!("JTI={uid}"));
            Annotation::GuestUid.add(context.notes, record.spec.cluster_ref.uid);
            return Ok(());
        }
        let guests = self
            .guests
            .get()
            .ok_or_else(|| Status::service_unavailable("the server is starting"))?;
        if !guests.exists(context.namespace, &record.spec.cluster_ref.uid)? {
            return Ok(());
        }
        let error = FieldError::forbidden(
            "spec.level",
            format!("a break-glass certificate can't be revoked; it ends at {until}"),
        );
        let name = record.metadata.name.unwrap_or_default();
        Err(Status::invalid("GuestCredential", GROUP, &name, vec![error]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The count of live credentials reads the index by these places.
    #[test]
    fn fields_select_in_the_order_that_the_index_has() {
        let definition = definition(Arc::default()).unwrap();
        let names: Vec<_> = definition.selectable.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, FIELDS);
        assert_eq!(FIELDS[LEVEL], "spec.level");
    }
}
