//! StorageClass.

use async_trait::async_trait;
use generic_apiserver::{
    FieldError, Status,
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext},
};
use serde_json::Value;

use super::{
    builtin,
    cells::{age, column, or, text},
};

/// Marks the class that claims without a class get.
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/storageclasses.storage.k8s.io.json");
    builtin::of(("storage.k8s.io", "v1"), "StorageClass", "storageclasses", schema)
        .cluster_scoped()
        .short(&["sc"])
        .columns(vec![
            // Replaces the server's own column, to mark the default class.
            column("Name", "Name, and whether it is the default class.", |object| {
                name(object).into()
            }),
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

fn name(object: &Value) -> String {
    let name = text(object, "/metadata/name");
    if object["metadata"]["annotations"][DEFAULT_CLASS] == "true" {
        format!("{name} (default)")
    } else {
        name.to_owned()
    }
}

struct StorageClass;

#[async_trait]
impl Strategy for StorageClass {
    fn apply_defaults(&self, object: &mut Value) {
        for (field, default) in [("reclaimPolicy", "Delete"), ("volumeBindingMode", "Immediate")] {
            if text(object, &format!("/{field}")).is_empty() {
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
        let mut errors = validate(object);
        for (field, refused) in [
            ("parameters", "updates to parameters are forbidden."),
            ("provisioner", "updates to provisioner are forbidden."),
            ("reclaimPolicy", "updates to reclaimPolicy are forbidden."),
        ] {
            if object[field] != old[field] {
                errors.push(FieldError::forbidden(field, refused));
            }
        }
        if object["volumeBindingMode"] != old["volumeBindingMode"] {
            let value = object["volumeBindingMode"].clone();
            errors.push(FieldError::invalid("volumeBindingMode", value, "field is immutable"));
        }
        Ok(Findings {
            errors,
            ..Findings::default()
        })
    }
}

fn validate(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if text(object, "/provisioner").is_empty() {
        errors.push(FieldError::required("provisioner", ""));
    }
    for (field, accepted) in [
        ("reclaimPolicy", ["Delete", "Retain"]),
        ("volumeBindingMode", ["Immediate", "WaitForFirstConsumer"]),
    ] {
        let value = text(object, &format!("/{field}"));
        if !accepted.contains(&value) {
            errors.push(FieldError::not_supported(field, value, &accepted));
        }
    }
    errors
}
