//! What plug-ins read beside the write itself.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::status::Status;

/// The cluster around a write.
#[async_trait]
pub trait Surroundings: Send + Sync + 'static {
    /// The namespace of this name as an object. 404 when there is none.
    async fn namespace(&self, name: &str) -> Result<Arc<Value>, Status>;
}
