//! Lease.

use async_trait::async_trait;
use generic_apiserver::{
    FieldError, Status,
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext},
};
use serde_json::Value;

use super::{
    builtin,
    cells::{age, column, text},
};

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/leases.coordination.k8s.io.json");
    builtin::of(("coordination.k8s.io", "v1"), "Lease", "leases", schema)
        .create_on_update()
        .conditional_update()
        .columns(vec![
            column("Holder", "Who holds the lease.", |object| {
                text(object, "/spec/holderIdentity").into()
            }),
            age(),
        ])
        .strategy(Lease)
        .build()
}

struct Lease;

#[async_trait]
impl Strategy for Lease {
    fn prepare_for_create(&self, _: &StrategyContext<'_>, object: &mut Value) {
        without_coordination(object);
    }

    fn prepare_for_update(&self, _: &StrategyContext<'_>, object: &mut Value, _: &Value) {
        without_coordination(object);
    }

    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate(object),
            ..Findings::default()
        })
    }

    async fn validate_update(&self, _: &StrategyContext<'_>, object: &Value, _: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate(object),
            ..Findings::default()
        })
    }
}

/// Coordinated leader election is an alpha feature, whose fields are dropped where it is off.
fn without_coordination(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("strategy");
        spec.remove("preferredHolder");
    }
}

fn validate(object: &Value) -> Vec<FieldError> {
    let number = |field: &str| object["spec"][field].as_i64();
    let duration = number("leaseDurationSeconds")
        .filter(|seconds| *seconds <= 0)
        .map(|seconds| FieldError::invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
    let transitions = number("leaseTransitions")
        .filter(|times| *times < 0)
        .map(|times| FieldError::invalid("spec.leaseTransitions", times, "must be greater than or equal to 0"));
    duration.into_iter().chain(transitions).collect()
}
