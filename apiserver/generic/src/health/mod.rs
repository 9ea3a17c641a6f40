//! `/healthz`, `/livez`, `/readyz`.

use std::sync::Arc;

/// One named health check.
#[derive(Clone)]
pub struct Check {
    name: Arc<str>,
    run: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl Check {
    /// A check that is quick and does not block.
    pub fn new(name: &str, run: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Check {
        Check {
            name: name.into(),
            run: Arc::new(run),
        }
    }
}
