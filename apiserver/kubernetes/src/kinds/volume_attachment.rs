//! VolumeAttachment. Clusters without volumes have none, and are asked for them all the same: whoever takes a node away waits until
//! its volumes are gone.

use async_trait::async_trait;
use generic_apiserver::{
    FieldError, Status,
    registry::{Column, Findings, ResourceDefinition, Strategy, StrategyContext, naming::subdomain_problems},
};
use serde_json::Value;

use super::{
    builtin,
    cells::{age, column, text},
};

const LONGEST_ATTACHER: usize = 63;
const NO_DRIVER: &str = "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an \
    alphanumeric character (e.g. 'Example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

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
    .conditional_update()
    .returns_deleted()
    .columns(vec![
        Column {
            format: "name".to_owned(),
            ..column("Attacher", "Who attaches the volume.", |object| {
                text(object, "/spec/attacher").into()
            })
        },
        column("PV", "The PersistentVolume.", |object| {
            text(object, "/spec/source/persistentVolumeName").into()
        }),
        column("Node", "Where it is attached.", |object| {
            text(object, "/spec/nodeName").into()
        }),
        Column {
            r#type: "boolean".to_owned(),
            ..column("Attached", "Whether it is.", |object| {
                Value::from(object["status"]["attached"] == true)
            })
        },
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
            // kube-apiserver shows no value here.
            errors.push(FieldError::invalid("spec", Value::Null, "field is immutable"));
        }
        Ok(Findings {
            errors,
            ..Findings::default()
        })
    }
}

fn validate(object: &Value) -> Vec<FieldError> {
    let mut errors = validate_attacher(text(object, "/spec/attacher"));
    let node = text(object, "/spec/nodeName");
    let problems = subdomain_problems(node).into_iter();
    errors.extend(problems.map(|problem| FieldError::invalid("spec.nodeName", node, problem)));
    errors.extend(validate_source(&object["spec"]["source"]));
    errors
}

/// The name of a CSI driver: a subdomain, whatever its case.
fn validate_attacher(attacher: &str) -> Vec<FieldError> {
    if attacher.is_empty() {
        return vec![FieldError::required("spec.attacher", "")];
    }
    let mut errors = Vec::new();
    if attacher.chars().count() > LONGEST_ATTACHER {
        errors.push(FieldError::too_long_characters("spec.attacher", LONGEST_ATTACHER));
    }
    if !subdomain_problems(&attacher.to_lowercase()).is_empty() {
        errors.push(FieldError::invalid("spec.attacher", attacher, NO_DRIVER));
    }
    errors
}

fn validate_source(source: &Value) -> Vec<FieldError> {
    const ONE: &str = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    const VOLUME: &str = "spec.source.persistentVolumeName";
    let name = match (
        source["persistentVolumeName"].as_str(),
        source["inlineVolumeSpec"].is_null(),
    ) {
        (None, true) => return vec![FieldError::required("spec.source", ONE)],
        (Some(_), false) => return vec![FieldError::forbidden("spec.source", ONE)],
        (None, false) => return Vec::new(),
        (Some(name), true) => name,
    };
    let problems = subdomain_problems(name).into_iter();
    let problems = problems.map(|problem| FieldError::invalid(VOLUME, name, problem));
    let missing = || FieldError::required(VOLUME, "must specify non empty persistentVolumeName");
    problems.chain(name.is_empty().then(missing)).collect()
}
