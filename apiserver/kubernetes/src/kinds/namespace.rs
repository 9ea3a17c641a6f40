//! Namespace.

use generic_apiserver::registry::{NameRule, ResourceDefinition, Strategy, StrategyContext, Verbs};
use serde_json::{Value, json};

use super::{
    builtin,
    cells::{age, column, items, some_text, text},
};

/// Stands in `spec.finalizers` for the deletion of the namespace's content.
const CONTENT: &str = "kubernetes";

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/namespaces.json");
    builtin::of(("", "v1"), "Namespace", "namespaces", schema)
        .cluster_scoped()
        .short(&["ns"])
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

impl Strategy for Namespace {
    fn apply_defaults(&self, object: &mut Value) {
        label_with_name(object);
    }

    fn prepare_for_create(&self, _: &StrategyContext<'_>, object: &mut Value) {
        let mut finalizers = items(object, "/spec/finalizers").to_vec();
        if !finalizers.iter().any(|name| name == CONTENT) {
            finalizers.push(CONTENT.into());
        }
        object["spec"]["finalizers"] = finalizers.into();
        object["status"] = json!({"phase": "Active"});
    }

    fn prepare_for_update(&self, context: &StrategyContext<'_>, object: &mut Value, old: &Value) {
        if context.subresource == "finalize" {
            object["status"] = old["status"].clone();
            return;
        }
        object["spec"]["finalizers"] = old["spec"]["finalizers"].clone();
    }

    fn prepare_for_delete(&self, object: &mut Value) {
        object["status"]["phase"] = "Terminating".into();
        // Their end has no period.
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("deletionGracePeriodSeconds");
        }
    }

    fn holds_deletion(&self, object: &Value) -> bool {
        !items(object, "/spec/finalizers").is_empty()
    }
}

/// The label by which selectors find a namespace of a name.
fn label_with_name(object: &mut Value) {
    let name = text(object, "/metadata/name").to_owned();
    if !name.is_empty() {
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
    }
}
