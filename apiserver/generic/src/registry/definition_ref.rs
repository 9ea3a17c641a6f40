//! A definition that is shared: thousands of servers hold it for the price of a pointer.

use std::{ops::Deref, sync::Arc};

use super::ResourceDefinition;

/// One of a shared list of definitions.
#[derive(Clone)]
pub(super) struct DefinitionRef {
    definitions: Arc<[ResourceDefinition]>,
    position: usize,
}

impl DefinitionRef {
    /// Every definition of the list, in its order.
    pub(super) fn all(definitions: &Arc<[ResourceDefinition]>) -> impl Iterator<Item = DefinitionRef> {
        (0..definitions.len()).map(|position| DefinitionRef {
            definitions: definitions.clone(),
            position,
        })
    }
}

impl Deref for DefinitionRef {
    type Target = ResourceDefinition;

    fn deref(&self) -> &ResourceDefinition {
        &self.definitions[self.position]
    }
}
