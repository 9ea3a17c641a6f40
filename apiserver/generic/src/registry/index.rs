//! What the watch cache knows of an object without parsing it.

use serde_json::Value;

use super::{Cell, FieldSource, definition_ref::DefinitionRef};
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

    fn converts(&self) -> bool {
        self.0.stored_as.is_some()
    }

    fn convert(&self, stored: &[u8]) -> Option<Vec<u8>> {
        let mut object = serde_json::from_slice(stored).ok()?;
        self.0.show(&mut object);
        Some(object.to_string().into_bytes())
    }

    fn shows_revision(&self) -> bool {
        // A path that does not name its fields may find any.
        let may_show = |path: &str| ["resourceVersion", "..", "*"].iter().any(|sign| path.contains(sign));
        let in_columns = self.0.columns.iter().any(|column| match &column.cell {
            Cell::Path(path) => may_show(path),
            Cell::Compute(_) => false,
        });
        let in_fields = self.0.selectable.iter().any(|field| match &field.source {
            FieldSource::Path(path) => may_show(path),
            FieldSource::Compute(_) => false,
        });
        in_columns || in_fields
    }
}
