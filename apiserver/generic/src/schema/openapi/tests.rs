use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::*;
use crate::{
    registry::{CreateOnly, CreateSubresource, NameRule, Names, NoRules, Scale, StrategyContext, Style, Verbs},
    schema::Schema,
    status::Status,
};

struct Nobody;

#[async_trait]
impl CreateOnly for Nobody {
    async fn create(&self, _: &StrategyContext<'_>, _: Option<&str>, _: Value) -> Result<Value, Status> {
        Err(Status::internal("not asked"))
    }
}

/// A custom kind with every subresource.
fn widgets() -> ResourceDefinition {
    let schema = json!({
        "type": "object",
        "description": "A thing with a size.",
        "properties": {"spec": {
            "type": "object",
            "description": "What is wanted.",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "format": "int32", "minimum": 1, "description": "How large."},
                "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
                "surge": {"x-kubernetes-int-or-string": true},
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                },
                "extra": {"type": "object", "nullable": true, "x-kubernetes-preserve-unknown-fields": true},
                "either": {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
            },
        }},
    });
    let body = json!({"type": "object", "properties": {"spec": {"type": "object"}}});
    ResourceDefinition {
        names: names_of("demo.example.io", "v1alpha1", "Widget", true),
        schema: Arc::new(Schema::root_from_json(&schema).unwrap()),
        style: Style::Custom,
        status: true,
        scale: Some(Scale::Strategy),
        columns: Vec::new(),
        selectable: Vec::new(),
        verbs: Verbs::All,
        name_rule: NameRule::Subdomain,
        strategy: Arc::new(NoRules),
        update_subresources: vec!["finalize"],
        create_subresources: vec![CreateSubresource {
            name: "ticket".to_owned(),
            group: "demo.example.io".to_owned(),
            version: "v1alpha1".to_owned(),
            kind: "TicketRequest".to_owned(),
            schema: Arc::new(Schema::root_from_json(&body).unwrap()),
            secrets: Vec::new(),
            handler: Arc::new(Nobody),
        }],
        returns_deleted: false,
        decode_protobuf: None,
        hold: None,
        virtual_create: None,
        stored_as: None,
        deprecation: None,
    }
}

/// A built-in, cluster-scoped kind that the server alone writes.
fn boxes() -> ResourceDefinition {
    ResourceDefinition {
        names: names_of("", "v1", "Box", false),
        style: Style::BuiltIn {
            generation: false,
            unconditional_update: true,
            create_on_update: false,
        },
        status: false,
        scale: None,
        update_subresources: Vec::new(),
        create_subresources: Vec::new(),
        ..widgets()
    }
}

/// A kind that is asked and not stored.
fn reviews() -> ResourceDefinition {
    ResourceDefinition {
        names: names_of("authorization.k8s.io", "v1", "Review", false),
        verbs: Verbs::Create,
        virtual_create: Some(Arc::new(Nobody)),
        ..boxes()
    }
}

fn names_of(group: &str, version: &str, kind: &str, namespaced: bool) -> Names {
    let singular = kind.to_lowercase();
    Names {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: format!("{singular}s"),
        singular,
        short_names: Vec::new(),
        categories: Vec::new(),
        namespaced,
    }
}

fn document(definition: &ResourceDefinition) -> Value {
    group_version_document(&definition.names.group, &definition.names.version, &[definition])
}

/// Every `$ref` in a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                found.insert(target.to_owned());
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[track_caller]
fn assert_no_dangling(document: &Value, components: &str, prefix: &str) {
    let mut found = BTreeSet::new();
    references(document, &mut found);
    assert!(!found.is_empty());
    let components = document.pointer(components).unwrap();
    for target in found {
        let name = target
            .strip_prefix(prefix)
            .unwrap_or_else(|| panic!("{target} points elsewhere"));
        assert!(components.get(name).is_some(), "{target} is not there");
    }
}

/// Method, path and operation of every operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, one)| (method, path, one))
        })
        .filter(|(method, ..)| *method != "parameters")
        .map(|(method, path, one)| (method.clone(), path.clone(), one.clone()))
        .collect()
}

fn parameter_names(operation: &Value) -> Vec<&str> {
    let Some(parameters) = operation["parameters"].as_array() else {
        return Vec::new();
    };
    parameters
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect()
}

#[test]
fn every_reference_of_a_document_resolves() {
    for definition in [widgets(), boxes(), reviews()] {
        assert_no_dangling(&document(&definition), "/components/schemas", "#/components/schemas/");
    }
    let all = [widgets(), boxes(), reviews()];
    let document = v2_document(&all.iter().collect::<Vec<_>>());
    assert_no_dangling(&document, "/definitions", "#/definitions/");
}

#[test]
fn a_kind_is_found_by_its_group_version_and_kind() {
    let document = document(&widgets());
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let widget = &schemas["io.example.demo.v1alpha1.Widget"];
    let kind = json!([{"group": "demo.example.io", "version": "v1alpha1", "kind": "Widget"}]);
    assert_eq!(widget["x-kubernetes-group-version-kind"], kind);
    assert_eq!(widget["description"], "A thing with a size.");
    assert_eq!(
        widget["properties"]["metadata"]["allOf"][0]["$ref"],
        "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    );
    let list = &schemas["io.example.demo.v1alpha1.WidgetList"];
    assert_eq!(
        list["properties"]["items"]["items"]["$ref"],
        "#/components/schemas/io.example.demo.v1alpha1.Widget"
    );
    assert!(schemas.contains_key("io.example.demo.v1alpha1.TicketRequest"));
    assert!(schemas.contains_key("io.k8s.api.autoscaling.v1.Scale"));
    assert!(
        group_version_document("other", "v1", &[&widgets()])["paths"]
            .as_object()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_schema_is_written_as_it_was_read() {
    let document = document(&widgets());
    let spec = &document["components"]["schemas"]["io.example.demo.v1alpha1.Widget"]["properties"]["spec"];
    let expected = json!({
        "type": "object",
        "description": "What is wanted.",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "format": "int32", "minimum": 1, "description": "How large."},
            "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
            "surge": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
            "parts": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {"name": {"type": "string"}}},
            },
            "extra": {"type": "object", "nullable": true, "x-kubernetes-preserve-unknown-fields": true},
            "either": {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        },
    });
    assert_eq!(*spec, expected);
}

#[test]
fn paths_carry_the_operations_that_are_served() {
    let served = |definition: &ResourceDefinition| -> Vec<String> {
        let all = operations(&document(definition));
        all.iter()
            .map(|(method, path, one)| format!("{method} {path} {}", one["operationId"].as_str().unwrap()))
            .collect()
    };
    let expected = [
        "delete /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets deleteDemoExampleIoV1alpha1CollectionNamespacedWidget",
        "get /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets listDemoExampleIoV1alpha1NamespacedWidget",
        "post /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets createDemoExampleIoV1alpha1NamespacedWidget",
        "delete /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name} deleteDemoExampleIoV1alpha1NamespacedWidget",
        "get /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name} readDemoExampleIoV1alpha1NamespacedWidget",
        "patch /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name} patchDemoExampleIoV1alpha1NamespacedWidget",
        "put /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name} replaceDemoExampleIoV1alpha1NamespacedWidget",
        "put /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name}/finalize replaceDemoExampleIoV1alpha1NamespacedWidgetFinalize",
        "get /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name}/scale readDemoExampleIoV1alpha1NamespacedWidgetScale",
        "patch /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name}/scale patchDemoExampleIoV1alpha1NamespacedWidgetScale",
        "put /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name}/scale replaceDemoExampleIoV1alpha1NamespacedWidgetScale",
        "get /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name}/status readDemoExampleIoV1alpha1NamespacedWidgetStatus",
        "patch /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name}/status patchDemoExampleIoV1alpha1NamespacedWidgetStatus",
        "put /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name}/status replaceDemoExampleIoV1alpha1NamespacedWidgetStatus",
        "post /apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name}/ticket createDemoExampleIoV1alpha1NamespacedWidgetTicket",
        "get /apis/demo.example.io/v1alpha1/widgets listDemoExampleIoV1alpha1WidgetForAllNamespaces",
    ];
    assert_eq!(served(&widgets()), expected);
    let without_create = ResourceDefinition {
        verbs: Verbs::NoCreate,
        ..boxes()
    };
    let expected = [
        "delete /api/v1/boxs deleteCoreV1CollectionBox",
        "get /api/v1/boxs listCoreV1Box",
        "delete /api/v1/boxs/{name} deleteCoreV1Box",
        "get /api/v1/boxs/{name} readCoreV1Box",
        "patch /api/v1/boxs/{name} patchCoreV1Box",
        "put /api/v1/boxs/{name} replaceCoreV1Box",
    ];
    assert_eq!(served(&without_create), expected);
    assert_eq!(
        served(&reviews()),
        ["post /apis/authorization.k8s.io/v1/reviews createAuthorizationV1Review"]
    );
}

#[test]
fn kubectl_finds_what_a_write_may_ask_for() {
    let patch_of = |definition: &ResourceDefinition| {
        let all = operations(&document(definition));
        all.into_iter()
            .find(|(method, ..)| method == "patch")
            .map(|(.., patch)| patch)
            .unwrap()
    };
    let patch = patch_of(&widgets());
    assert_eq!(
        parameter_names(&patch),
        ["dryRun", "fieldManager", "fieldValidation", "force"]
    );
    let types: Vec<&String> = patch["requestBody"]["content"].as_object().unwrap().keys().collect();
    let custom = [
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
    ];
    assert_eq!(types, custom);
    let types = patch_of(&boxes())["requestBody"]["content"].as_object().unwrap().len();
    assert_eq!(types, custom.len() + 1, "built-in kinds take strategic merge patch too");
    assert_eq!(patch["x-kubernetes-action"], "patch");
    let kind = json!({"group": "demo.example.io", "version": "v1alpha1", "kind": "Widget"});
    assert_eq!(patch["x-kubernetes-group-version-kind"], kind);
    assert_eq!(patch["tags"], json!(["demoExampleIo_v1alpha1"]));
}

#[test]
fn a_list_can_be_a_watch() {
    let (custom, built_in) = (document(&widgets()), document(&boxes()));
    let list = &custom["paths"]["/apis/demo.example.io/v1alpha1/widgets"]["get"];
    let names = parameter_names(list);
    for name in [
        "allowWatchBookmarks",
        "sendInitialEvents",
        "resourceVersionMatch",
        "labelSelector",
        "limit",
        "watch",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let is_described = |list: &Value| {
        let content = &list["responses"]["200"]["content"];
        content.get("application/json;stream=watch").is_some()
    };
    assert!(!is_described(list), "those of custom resources say nothing about it");
    assert!(is_described(&built_in["paths"]["/api/v1/boxs"]["get"]));
}

#[test]
fn swagger_states_the_same_in_the_older_form() {
    let all = [widgets(), boxes()];
    let document = v2_document(&all.iter().collect::<Vec<_>>());
    let widget = &document["definitions"]["io.example.demo.v1alpha1.Widget"];
    let meta = "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    assert_eq!(widget["properties"]["metadata"]["$ref"], meta);
    let spec = &widget["properties"]["spec"]["properties"];
    assert_eq!(spec["surge"], json!({"x-kubernetes-int-or-string": true}));
    assert_eq!(spec["either"], json!({"type": "object"}));
    assert_eq!(spec["extra"].get("nullable"), None);
    let item = &document["paths"]["/apis/demo.example.io/v1alpha1/namespaces/{namespace}/widgets/{name}"];
    let body = item["put"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["in"] == "body")
        .unwrap();
    assert_eq!(body["schema"]["$ref"], "#/definitions/io.example.demo.v1alpha1.Widget");
    assert_eq!(
        item["get"]["responses"]["200"]["schema"]["$ref"],
        "#/definitions/io.example.demo.v1alpha1.Widget"
    );
    assert_eq!(item["parameters"][0]["type"], "string");
    let consumes = item["patch"]["consumes"].as_array().unwrap();
    assert!(consumes.contains(&json!("application/merge-patch+json")));
    let options = &document["definitions"]["io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"];
    let kinds = options["x-kubernetes-group-version-kind"].as_array().unwrap();
    assert!(kinds.contains(&json!({"group": "demo.example.io", "version": "v1alpha1", "kind": "DeleteOptions"})));
    assert!(kinds.contains(&json!({"group": "", "version": "v1", "kind": "DeleteOptions"})));
}
