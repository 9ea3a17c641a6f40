//! StorageClass.

use async_trait::async_trait;
use generic_apiserver::{
    FieldError, Status,
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext, naming::qualified_name_problems},
};
use serde_json::Value;

use super::{
    builtin,
    cells::{age, column, items, or, text},
};

/// How many parameters a class may have, and how many bytes they may take together.
const MOST_PARAMETERS: usize = 512;
const MOST_BYTES: usize = 256 * 1024;

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/storageclasses.storage.k8s.io.json");
    builtin::of(("storage.k8s.io", "v1"), "StorageClass", "storageclasses", schema)
        .cluster_scoped()
        .short(&["sc"])
        .returns_deleted()
        .columns(vec![
            column("Provisioner", "Who makes the volumes.", |object| {
                text(object, "/provisioner").into()
            }),
            column("ReclaimPolicy", "What happens to a released volume.", |object| {
                or(text(object, "/reclaimPolicy"), "Delete").into()
            }),
            column("VolumeBindingMode", "When a volume is made.", |object| {
                or(text(object, "/volumeBindingMode"), "<unset>").into()
            }),
            column("AllowVolumeExpansion", "Whether volumes may grow.", |object| {
                Value::from(object["allowVolumeExpansion"] == true)
            }),
            age(),
        ])
        .strategy(StorageClass)
        .build()
}

struct StorageClass;

#[async_trait]
impl Strategy for StorageClass {
    fn apply_defaults(&self, object: &mut Value) {
        for (field, default) in [("reclaimPolicy", "Delete"), ("volumeBindingMode", "Immediate")] {
            if object[field].is_null() {
                object[field] = default.into();
            }
        }
    }

    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate(object),
            ..Findings::default()
        })
    }

    async fn validate_update(&self, _: &StrategyContext<'_>, object: &Value, old: &Value) -> Result<Findings, Status> {
        let fixed = ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"].into_iter();
        let changed = fixed.filter(|field| object[*field] != old[*field]);
        let mut errors = validate(object);
        errors.extend(changed.map(|field| FieldError::invalid_absent(field, "field is immutable")));
        Ok(Findings {
            errors,
            ..Findings::default()
        })
    }
}

fn validate(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let provisioner = text(object, "/provisioner").to_lowercase();
    if provisioner.is_empty() {
        errors.push(FieldError::required("provisioner", ""));
    } else {
        let problems = qualified_name_problems(&provisioner).into_iter();
        errors.extend(problems.map(|problem| FieldError::invalid("provisioner", provisioner.as_str(), problem)));
    }
    errors.extend(validate_parameters(object));
    let policy = text(object, "/reclaimPolicy");
    let policies = ["Delete", "Retain"];
    if !policy.is_empty() && !policies.contains(&policy) {
        errors.push(FieldError::not_supported("reclaimPolicy", policy, &policies));
    }
    let mode = text(object, "/volumeBindingMode");
    let modes = ["Immediate", "WaitForFirstConsumer"];
    if !modes.contains(&mode) {
        errors.push(FieldError::not_supported("volumeBindingMode", mode, &modes));
    }
    errors.extend(validate_topologies(object));
    errors
}

fn validate_parameters(object: &Value) -> Vec<FieldError> {
    let parameters = || object["parameters"].as_object().into_iter().flatten();
    if parameters().count() > MOST_PARAMETERS {
        return vec![FieldError::too_long("parameters", MOST_PARAMETERS)];
    }
    let mut errors = Vec::new();
    if parameters().any(|(key, _)| key.is_empty()) {
        errors.push(FieldError::invalid("parameters", "", "field can not be empty."));
    }
    let bytes: usize = parameters()
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum();
    if bytes > MOST_BYTES {
        errors.push(FieldError::too_long("parameters", MOST_BYTES));
    }
    errors
}

fn validate_topologies(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (position, term) in items(object, "/allowedTopologies").iter().enumerate() {
        let path = format!("allowedTopologies[{position}].matchLabelExpressions");
        let expressions = items(term, "/matchLabelExpressions");
        if expressions.is_empty() {
            // As kube-apiserver finds it: equal to the nothing that it begins with.
            errors.push(FieldError::duplicate(&path, ""));
        }
        for (position, expression) in expressions.iter().enumerate() {
            let path = format!("{path}[{position}]");
            if items(expression, "/values").is_empty() {
                errors.push(FieldError::required(format!("{path}.values"), ""));
            }
            let key = text(expression, "/key");
            let problems = qualified_name_problems(key).into_iter();
            errors.extend(problems.map(|problem| FieldError::invalid(format!("{path}.key"), key, problem)));
        }
    }
    errors
}
