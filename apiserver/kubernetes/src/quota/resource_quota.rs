//! What is read and written of a ResourceQuota.

use serde_json::{Map, Value};

use super::Amounts;
use crate::quantity::Quantity;

/// A ResourceQuota.
#[derive(Clone, Debug)]
pub struct ResourceQuota {
    /// Its name.
    pub name: String,
    /// `spec.hard`: what is wanted.
    pub(super) wanted: Amounts,
    /// `status.hard`: what is in force.
    pub(super) hard: Amounts,
    /// `status.used`.
    pub(super) used: Amounts,
    pub(super) scopes: Vec<Scope>,
}

/// Which objects a quota counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) name: String,
    pub(super) operator: String,
    pub(super) values: Vec<String>,
}

impl ResourceQuota {
    /// Reads an object. What is no quantity is left out: validation lets none in.
    pub fn read(object: &Value) -> ResourceQuota {
        let spec = &object["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
        let exists = |name: String| Scope {
            name,
            operator: "Exists".to_owned(),
            values: Vec::new(),
        };
        let selected = spec["scopeSelector"]["matchExpressions"]
            .as_array()
            .into_iter()
            .flatten();
        let selected = selected.map(|requirement| Scope {
            name: text(&requirement["scopeName"]),
            operator: text(&requirement["operator"]),
            values: list(&requirement["values"]),
        });
        ResourceQuota {
            name: text(&object["metadata"]["name"]),
            wanted: amounts(&spec["hard"]),
            hard: amounts(&object["status"]["hard"]),
            used: amounts(&object["status"]["used"]),
            scopes: list(&spec["scopes"]).into_iter().map(exists).chain(selected).collect(),
        }
    }

    /// Writes `status.used` alone.
    pub fn write_used(&self, object: &mut Value) {
        object["status"]["used"] = texts(&self.used);
    }

    /// Writes the whole status.
    pub(super) fn write_status(&self, object: &mut Value) {
        object["status"] = Map::from_iter([
            ("hard".to_owned(), texts(&self.hard)),
            ("used".to_owned(), texts(&self.used)),
        ])
        .into();
    }
}

fn amounts(value: &Value) -> Amounts {
    let fields = value.as_object().into_iter().flatten();
    fields
        .filter_map(|(name, value)| Some((name.clone(), Quantity::read(value).ok()?)))
        .collect()
}

fn texts(amounts: &Amounts) -> Value {
    let fields = amounts.iter();
    let fields: Map<String, Value> = fields
        .map(|(name, amount)| (name.clone(), amount.to_string().into()))
        .collect();
    fields.into()
}
