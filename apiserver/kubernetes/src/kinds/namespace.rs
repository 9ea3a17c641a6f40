//! Namespace.

use async_trait::async_trait;
use generic_apiserver::{
    FieldError, Status,
    registry::{
        Findings, NameRule, ResourceDefinition, Strategy, StrategyContext, Verbs, naming::qualified_name_problems,
    },
};
use serde_json::{Value, json};

use super::{
    builtin,
    cells::{age, column, items, some_text, text},
};

/// Stands in `spec.finalizers` for the deletion of the namespace's content.
const CONTENT: &str = "kubernetes";
const ACTIVE: &str = "Active";
const TERMINATING: &str = "Terminating";

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/namespaces.json");
    builtin::of(("", "v1"), "Namespace", "namespaces", schema)
        .cluster_scoped()
        .short(&["ns"])
        .returns_deleted()
        .with_status()
        .columns(vec![
            column("Status", "Active, or Terminating when it is being deleted.", |object| {
                text(object, "/status/phase").into()
            }),
            age(),
        ])
        .selectable(&[("status.phase", |object| some_text(object, "/status/phase"))])
        .name_rule(NameRule::Label)
        .strategy(Namespace)
        .change(|definition| {
            definition.verbs = Verbs::NoDeleteCollection;
            definition.update_subresources = vec!["finalize"];
        })
        .build()
}

struct Namespace;

#[async_trait]
impl Strategy for Namespace {
    fn apply_defaults(&self, object: &mut Value) {
        // A name that the server made is nobody's, and neither is its label.
        if text(object, "/metadata/generateName").is_empty() {
            label_with_name(object);
        }
        if text(object, "/status/phase").is_empty() && object.get("status").is_some() {
            object["status"]["phase"] = ACTIVE.into();
        }
    }

    fn prepare_for_create(&self, _: &StrategyContext<'_>, object: &mut Value) {
        label_with_name(object);
        let mut finalizers = items(object, "/spec/finalizers").to_vec();
        if !finalizers.iter().any(|name| name == CONTENT) {
            finalizers.push(CONTENT.into());
        }
        object["spec"]["finalizers"] = finalizers.into();
        object["status"] = json!({"phase": ACTIVE});
    }

    fn prepare_for_update(&self, context: &StrategyContext<'_>, object: &mut Value, old: &Value) {
        if context.subresource == "finalize" {
            object["status"] = old["status"].clone();
            return;
        }
        object["spec"]["finalizers"] = old["spec"]["finalizers"].clone();
    }

    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        let finalizers = items(object, "/spec/finalizers").iter();
        Ok(Findings {
            errors: finalizers
                .flat_map(|finalizer| validate_finalizer("spec.finalizers", finalizer))
                .collect(),
            ..Findings::default()
        })
    }

    async fn validate_update(
        &self,
        context: &StrategyContext<'_>,
        object: &Value,
        _: &Value,
    ) -> Result<Findings, Status> {
        if context.subresource != "finalize" {
            return Ok(Findings::default());
        }
        let finalizers = items(object, "/spec/finalizers").iter().enumerate();
        Ok(Findings {
            errors: finalizers
                .flat_map(|(position, finalizer)| {
                    validate_finalizer(&format!("spec.finalizers[{position}]"), finalizer)
                })
                .collect(),
            ..Findings::default()
        })
    }

    async fn validate_status_update(
        &self,
        _: &StrategyContext<'_>,
        object: &Value,
        _: &Value,
    ) -> Result<Findings, Status> {
        let (only, when) = match text(object, "/metadata/deletionTimestamp") {
            "" => (ACTIVE, "may only be 'Active' if `deletionTimestamp` is empty"),
            _ => (
                TERMINATING,
                "may only be 'Terminating' if `deletionTimestamp` is not empty",
            ),
        };
        let phase = text(object, "/status/phase");
        let errors = (phase != only).then(|| FieldError::invalid("status.Phase", phase, when));
        Ok(Findings {
            errors: errors.into_iter().collect(),
            ..Findings::default()
        })
    }

    fn prepare_for_delete(&self, object: &mut Value) {
        object["status"]["phase"] = TERMINATING.into();
        // Their end has no period.
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("deletionGracePeriodSeconds");
        }
    }

    fn holds_deletion(&self, object: &Value) -> bool {
        !items(object, "/spec/finalizers").is_empty()
    }
}

/// What holds a namespace has the name of a finalizer.
fn validate_finalizer(field: &str, finalizer: &Value) -> Vec<FieldError> {
    const STANDARD: [&str; 3] = [CONTENT, "orphan", "foregroundDeletion"];
    let finalizer = finalizer.as_str().unwrap_or_default();
    let mut problems = qualified_name_problems(finalizer);
    if !finalizer.contains('/') && !STANDARD.contains(&finalizer) {
        problems.push("name is neither a standard finalizer name nor is it fully qualified".to_owned());
    }
    let problems = problems.into_iter();
    problems
        .map(|problem| FieldError::invalid(field, finalizer, problem))
        .collect()
}

/// The label by which selectors find a namespace of a name.
fn label_with_name(object: &mut Value) {
    let name = text(object, "/metadata/name").to_owned();
    if !name.is_empty() {
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
    }
}
