//! A custom kind, a built-in kind, and a review that is not stored.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{
    FieldError, Status,
    registry::{
        CreateOnly, CreateSubresource, FieldSource, Findings, NameRule, Names, NoRules, ResourceDefinition, Scale,
        ScaleValues, Secret, SelectableField, Strategy, StrategyContext, Style, Verbs, crd::definition_from,
    },
    schema::Schema,
};

pub(super) fn definitions() -> Arc<[ResourceDefinition]> {
    static DEFINITIONS: LazyLock<Arc<[ResourceDefinition]>> =
        LazyLock::new(|| vec![widgets(), gadgets(), reviews()].into());
    DEFINITIONS.clone()
}

/// As a CRD: status, scale by paths, a list-map, defaults, columns; a strategy with a rule of its own.
fn widgets() -> ResourceDefinition {
    let mut definition = definition_from(&json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.demo.example.io"},
        "spec": {
            "group": "demo.example.io", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {
                    "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                    "labelSelectorPath": ".status.selector",
                }},
                "additionalPrinterColumns": [
                    {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"},
                    {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
                    {"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1},
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
                "schema": {"openAPIV3Schema": widget_schema()},
            }],
        },
    }))
    .unwrap();
    definition.strategy = Arc::new(WidgetRules);
    definition.selectable = vec![SelectableField {
        name: "spec.color".into(),
        source: FieldSource::Path(".spec.color".into()),
    }];
    definition.create_subresources = vec![CreateSubresource {
        name: "ticket".into(),
        group: "demo.example.io".into(),
        version: "v1".into(),
        kind: "TicketRequest".into(),
        schema: Arc::new(Schema::root_from_json(&review_schema()).unwrap()),
        secrets: vec![Secret {
            within: "/spec",
            field: "password",
        }],
        handler: Arc::new(Echo),
    }];
    definition
}

fn widget_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {
                "replicas": {"type": "integer", "minimum": 0},
                "color": {"type": "string", "enum": ["red", "blue"]},
                "size": {"type": "string", "default": "medium"},
                "parts": {
                    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "required": ["name"], "properties": {
                        "name": {"type": "string"}, "weight": {"type": "integer"},
                    }},
                },
            }},
            "status": {"type": "object", "properties": {
                "replicas": {"type": "integer"}, "selector": {"type": "string"},
                "conditions": {"type": "array", "items": {"type": "object", "properties": {
                    "type": {"type": "string"}, "status": {"type": "string"},
                }}},
            }},
        },
    })
}

fn names(group: &str, kind: &str) -> Names {
    let singular = kind.to_lowercase();
    Names {
        group: group.into(),
        version: "v1".into(),
        kind: kind.into(),
        plural: format!("{singular}s"),
        singular,
        short_names: vec![],
        categories: vec![],
        namespaced: true,
    }
}

/// As a built-in kind: strategic merge patch, unconditional PUT, PUT that creates, scale by strategy.
fn gadgets() -> ResourceDefinition {
    let schema = json!({
        "type": "object",
        "properties": {
            "data": {"type": "object", "additionalProperties": {"type": "string"}},
            "replicas": {"type": "integer"},
            "ports": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"],
                "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "port",
                "items": {"type": "object", "properties": {"port": {"type": "integer"}, "name": {"type": "string"}}},
            },
        },
    });
    ResourceDefinition {
        names: names("builtin.example.io", "Gadget"),
        schema: Arc::new(Schema::builtin_from_json(&schema).unwrap()),
        style: Style::BuiltIn {
            generation: false,
            unconditional_update: true,
            create_on_update: true,
        },
        status: false,
        scale: Some(Scale::Strategy),
        columns: vec![],
        selectable: vec![],
        verbs: Verbs::All,
        name_rule: NameRule::PathSegment,
        strategy: Arc::new(GadgetRules),
        update_subresources: vec!["finalize"],
        create_subresources: vec![],
        returns_deleted: false,
        decode_protobuf: None,
        hold: None,
        virtual_create: None,
        stored_as: None,
        deprecation: None,
    }
}

fn review_schema() -> Value {
    json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["who"], "properties": {
        "who": {"type": "string"}, "password": {"type": "string"},
    }}}})
}

fn reviews() -> ResourceDefinition {
    ResourceDefinition {
        names: names("builtin.example.io", "Review"),
        schema: Arc::new(Schema::root_from_json(&review_schema()).unwrap()),
        style: Style::Custom,
        status: false,
        scale: None,
        columns: vec![],
        selectable: vec![],
        verbs: Verbs::Create,
        name_rule: NameRule::Subdomain,
        strategy: Arc::new(NoRules),
        update_subresources: vec![],
        create_subresources: vec![],
        returns_deleted: false,
        decode_protobuf: None,
        hold: None,
        virtual_create: Some(Arc::new(Echo)),
        stored_as: None,
        deprecation: None,
    }
}

/// Blue widgets are at most three, and warned of.
struct WidgetRules;

#[async_trait]
impl Strategy for WidgetRules {
    async fn validate_create(&self, _context: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(judge(object))
    }

    async fn validate_update(
        &self,
        _context: &StrategyContext<'_>,
        object: &Value,
        _old: &Value,
    ) -> Result<Findings, Status> {
        Ok(judge(object))
    }
}

fn judge(object: &Value) -> Findings {
    let mut findings = Findings::default();
    if object["spec"]["color"] == "blue" {
        findings.warnings.push("blue fades".into());
        if let Some(replicas) = object["spec"]["replicas"].as_i64().filter(|replicas| *replicas > 3) {
            findings
                .errors
                .push(FieldError::invalid("spec.replicas", replicas, "at most 3 when blue"));
        }
    }
    findings
}

struct GadgetRules;

#[async_trait]
impl Strategy for GadgetRules {
    fn holds_deletion(&self, object: &Value) -> bool {
        object["data"]["hold"] == "yes"
    }

    fn scale(&self, object: &Value) -> Result<ScaleValues, Status> {
        let desired = object["replicas"].as_i64().unwrap_or(0);
        Ok(ScaleValues {
            desired,
            observed: desired,
            selector: String::new(),
        })
    }

    fn set_scale(&self, object: &mut Value, replicas: i64) -> Result<(), Status> {
        object["replicas"] = replicas.into();
        Ok(())
    }
}

/// Answers with what it was asked, and by whom.
struct Echo;

#[async_trait]
impl CreateOnly for Echo {
    async fn create(
        &self,
        context: &StrategyContext<'_>,
        parent: Option<&str>,
        mut object: Value,
    ) -> Result<Value, Status> {
        object["status"] = json!({"user": context.user.name, "parent": parent, "namespace": context.namespace});
        Ok(object)
    }
}
