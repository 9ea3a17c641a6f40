//! The definition of GuestCluster, from its derived schema.

use std::sync::Arc;

use generic_apiserver::registry::{Cell, Column, NameRule, ResourceDefinition, Scale, crd};
use guestcluster_types::{GuestCluster, columns as our_columns, names};
use kube::CustomResourceExt as _;

use super::Rules;
use crate::exchange::Exchange;

/// GuestCluster with status, scale, credential, its columns and these rules.
pub(crate) fn definition(rules: Arc<Rules>, exchange: Exchange) -> anyhow::Result<ResourceDefinition> {
    let mut definition = crd::definition_from(&serde_json::to_value(GuestCluster::crd())?)?;
    definition.columns = columns(our_columns::GUEST_CLUSTER);
    definition.name_rule = NameRule::Label1035 {
        max: names::CLUSTER_MAX,
    };
    definition.status = true;
    definition.scale = Some(Scale::Strategy);
    definition.strategy = rules;
    definition.create_subresources = vec![exchange.subresource()?];
    Ok(definition)
}

/// Columns of a kind of ours.
pub(crate) fn columns(columns: &[our_columns::Column]) -> Vec<Column> {
    let column = |column: &our_columns::Column| Column {
        name: column.name.to_owned(),
        r#type: column.r#type.to_owned(),
        format: String::new(),
        description: column.description.to_owned(),
        priority: column.priority,
        cell: Cell::Compute(column.cell),
    };
    columns.iter().map(column).collect()
}
