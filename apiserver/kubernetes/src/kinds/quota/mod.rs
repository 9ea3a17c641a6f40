//! ResourceQuota: what one may say, and how it is shown. `crate::quota` enforces it.

mod validate;

use async_trait::async_trait;
use generic_apiserver::{
    Status,
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext},
};
use serde_json::Value;

use super::{
    builtin,
    cells::{age, column},
};

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../../schemas/resourcequotas.json");
    builtin::of(("", "v1"), "ResourceQuota", "resourcequotas", schema)
        .short(&["quota"])
        .returns_deleted()
        .with_status()
        .columns(vec![
            column("Request", "What is in use of what may be requested.", |object| {
                usage(object, false).into()
            }),
            column("Limit", "What is in use of the limits.", |object| {
                usage(object, true).into()
            }),
            age(),
        ])
        .strategy(ResourceQuota)
        .build()
}

struct ResourceQuota;

#[async_trait]
impl Strategy for ResourceQuota {
    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate::spec(object)?,
            warnings: validate::warnings(object),
        })
    }

    async fn validate_update(&self, _: &StrategyContext<'_>, object: &Value, old: &Value) -> Result<Findings, Status> {
        let mut errors = validate::spec(object)?;
        errors.extend(validate::scopes_unchanged(object, old));
        Ok(Findings {
            errors,
            ..Findings::default()
        })
    }

    async fn validate_status_update(
        &self,
        _: &StrategyContext<'_>,
        object: &Value,
        _: &Value,
    ) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate::status(object),
            ..Findings::default()
        })
    }
}

/// `name: used/hard, ...` of the quota's limits, or of all else.
fn usage(object: &Value, limits: bool) -> String {
    let Some(hard) = object.pointer("/status/hard").and_then(Value::as_object) else {
        return String::new();
    };
    let of_kind = hard.iter().filter(|(name, _)| name.starts_with("limits.") == limits);
    let shown: Vec<String> = of_kind
        .map(|(name, hard)| {
            format!(
                "{name}: {}/{}",
                quantity(&object["status"]["used"][name]),
                quantity(hard)
            )
        })
        .collect();
    shown.join(", ")
}

fn quantity(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => "0".to_owned(),
    }
}
