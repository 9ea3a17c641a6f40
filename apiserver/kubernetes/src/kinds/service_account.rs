//! ServiceAccount.

use generic_apiserver::registry::{ResourceDefinition, Strategy, StrategyContext};
use serde_json::{Value, json};

use super::{
    builtin,
    cells::{age, text},
};

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/serviceaccounts.json");
    builtin::of(("", "v1"), "ServiceAccount", "serviceaccounts", schema)
        .short(&["sa"])
        .returns_deleted()
        .columns(vec![age()])
        .strategy(ServiceAccount)
        .build()
}

struct ServiceAccount;

impl Strategy for ServiceAccount {
    fn prepare_for_create(&self, _: &StrategyContext<'_>, object: &mut Value) {
        only_names(object);
    }

    fn prepare_for_update(&self, _: &StrategyContext<'_>, object: &mut Value, _: &Value) {
        only_names(object);
    }
}

/// Of a reference to a secret, only the name counts.
fn only_names(object: &mut Value) {
    let secrets = object.get_mut("secrets").and_then(Value::as_array_mut);
    for secret in secrets.into_iter().flatten() {
        *secret = match text(secret, "/name") {
            "" => json!({}),
            name => json!({"name": name}),
        };
    }
}
