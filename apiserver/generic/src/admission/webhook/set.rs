//! All webhooks of one sort.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize as _;
use serde_json::Value;

use super::{definition::ConfigurationObject, hook::Webhook};

/// Configurations by their names: webhooks are called in this order, and as they stand in their configuration.
#[derive(Debug, Default)]
pub struct Webhooks(BTreeMap<String, Vec<Arc<Webhook>>>);

impl Webhooks {
    /// Takes in a `ValidatingWebhookConfiguration` or a `MutatingWebhookConfiguration`. The error says why it can't be read.
    pub fn set(&mut self, object: &Value) -> Result<(), String> {
        let read = ConfigurationObject::deserialize(object).map_err(|error| error.to_string())?;
        let name = read.metadata.name;
        let hooks = read
            .webhooks
            .into_iter()
            .map(|spec| Arc::new(Webhook::new(&name, spec)));
        let hooks = hooks.collect();
        self.0.insert(name, hooks);
        Ok(())
    }

    /// Forgets the configurations whose names are not kept.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// All of them in their order.
    pub fn hooks(&self) -> Arc<[Arc<Webhook>]> {
        self.0.values().flatten().cloned().collect()
    }
}
