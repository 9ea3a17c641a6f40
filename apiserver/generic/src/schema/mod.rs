//! The structural schema: defaulting, pruning, validation, OpenAPI.

/// One node of a structural schema.
pub struct Schema;
