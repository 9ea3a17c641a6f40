//! What the watch cache knows of an object without parsing it.

use serde_json::Value;

use super::definition_ref::DefinitionRef;
use crate::{
    cache::{Index, Indexer},
    table,
};

/// Indexes the objects of one definition.
pub(super) struct DefinitionIndexer(pub(super) DefinitionRef);

impl Indexer for DefinitionIndexer {
    fn index(&self, object: &Value, _encoded: &[u8]) -> Index {
        let definition = &self.0;
        let labels = object["metadata"]["labels"].as_object().map(|labels| {
            labels
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
                .collect()
        });
        let field = |selectable: &super::SelectableField| selectable.value(object).into();
        Index {
            labels: labels.unwrap_or_default(),
            fields: definition.selectable.iter().map(field).collect(),
            cells: table::cells(definition, object),
            // The cache sets it.
            metadata: 0..0,
        }
    }
}
