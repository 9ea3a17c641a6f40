//! VolumeAttachment. Clusters without volumes have none, and are asked for them all the same: whoever takes a node away waits until
//! its volumes are gone.

use async_trait::async_trait;
use generic_apiserver::{
    FieldError, Status,
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext, naming::qualified_name_problems},
};
use serde_json::Value;

use super::{
    builtin,
    cells::{age, column, text},
};

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/volumeattachments.storage.k8s.io.json");
    builtin::of(
        ("storage.k8s.io", "v1"),
        "VolumeAttachment",
        "volumeattachments",
        schema,
    )
    .cluster_scoped()
    .with_status()
    .returns_deleted()
    .columns(vec![
        column("Attacher", "Who attaches the volume.", |object| {
            text(object, "/spec/attacher").into()
        }),
        column("PV", "The PersistentVolume.", |object| {
            text(object, "/spec/source/persistentVolumeName").into()
        }),
        column("Node", "Where it is attached.", |object| {
            text(object, "/spec/nodeName").into()
        }),
        column("Attached", "Whether it is.", |object| {
            Value::from(object["status"]["attached"] == true)
        }),
        age(),
    ])
    .strategy(VolumeAttachment)
    .build()
}

struct VolumeAttachment;

#[async_trait]
impl Strategy for VolumeAttachment {
    fn prepare_for_create(&self, _: &StrategyContext<'_>, object: &mut Value) {
        object["status"] = serde_json::json!({"attached": false});
    }

    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate(object),
            ..Findings::default()
        })
    }

    async fn validate_update(&self, _: &StrategyContext<'_>, object: &Value, old: &Value) -> Result<Findings, Status> {
        let mut errors = validate(object);
        if object["spec"] != old["spec"] {
            errors.push(FieldError::invalid(
                "spec",
                object["spec"].clone(),
                "field is immutable",
            ));
        }
        Ok(Findings {
            errors,
            ..Findings::default()
        })
    }
}

fn validate(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let attacher = text(object, "/spec/attacher");
    if attacher.is_empty() {
        errors.push(FieldError::required("spec.attacher", ""));
    } else {
        let lower = attacher.to_lowercase();
        let problems = qualified_name_problems(&lower).into_iter();
        errors.extend(problems.map(|problem| FieldError::invalid("spec.attacher", attacher, problem)));
    }
    let source = &object["spec"]["source"];
    let is_there = |field: &str| !source[field].is_null();
    match (is_there("persistentVolumeName"), is_there("inlineVolumeSpec")) {
        (false, false) => errors.push(FieldError::required(
            "spec.source",
            "must specify one of inlineVolumeSpec and persistentVolumeName",
        )),
        (true, true) => errors.push(FieldError::forbidden(
            "spec.source",
            "must specify only one of inlineVolumeSpec and persistentVolumeName",
        )),
        _ => {}
    }
    if text(object, "/spec/nodeName").is_empty() {
        errors.push(FieldError::required("spec.nodeName", ""));
    }
    errors
}
