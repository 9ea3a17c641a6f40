//! Operations: what a method on a path takes and answers.

use serde_json::{Map, Value, json};

use super::{
    names::{self, META, SCALE},
    parameters, reference,
};
use crate::registry::{Names, ResourceDefinition, Style};

/// Media types of answers.
const ANSWERS: [&str; 2] = ["application/json", "application/yaml"];
/// Media types of the answer of a list of a built-in kind, which may be a watch.
const LIST_ANSWERS: [&str; 3] = ["application/json", "application/json;stream=watch", "application/yaml"];

/// What the operations of one path act on.
pub(super) struct Target<'a> {
    definition: &'a ResourceDefinition,
    /// Subresource, or empty.
    subresource: &'a str,
    /// Group, version and kind of the body.
    kind: (&'a str, &'a str, &'a str),
    component: String,
}

impl<'a> Target<'a> {
    /// The objects themselves.
    pub(super) fn object(definition: &'a ResourceDefinition) -> Target<'a> {
        Target::subresource(definition, "")
    }

    /// A subresource whose body is the object itself.
    pub(super) fn subresource(definition: &'a ResourceDefinition, subresource: &'a str) -> Target<'a> {
        let Names {
            group, version, kind, ..
        } = &definition.names;
        let component = names::component(definition, kind);
        Target {
            definition,
            subresource,
            kind: (group, version, kind),
            component,
        }
    }

    /// The scale of an object. Of a custom resource, operations name the kind of the object.
    pub(super) fn scale(definition: &'a ResourceDefinition) -> Target<'a> {
        let names = &definition.names;
        let kind = match definition.style {
            Style::Custom => (&*names.group, &*names.version, &*names.kind),
            Style::BuiltIn { .. } => ("autoscaling", "v1", "Scale"),
        };
        Target {
            definition,
            subresource: "scale",
            kind,
            component: SCALE.to_owned(),
        }
    }

    /// A subresource with a body of its own.
    pub(super) fn body(
        definition: &'a ResourceDefinition,
        subresource: &'a str,
        kind: (&'a str, &'a str, &'a str),
    ) -> Target<'a> {
        let component = names::component_of(definition.style, kind.0, kind.1, kind.2);
        Target {
            definition,
            subresource,
            kind,
            component,
        }
    }

    pub(super) fn get(&self) -> Value {
        let text = format!("read {}the specified {}", self.of_subresource(), self.object_kind());
        let answers = answers(&["200"], &ANSWERS, &self.component);
        let parameters = parameters::of_get(self.definition.style);
        self.operation("get", self.id("read", ""), text, parameters, None, answers)
    }

    pub(super) fn put(&self) -> Value {
        let text = format!("replace {}the specified {}", self.of_subresource(), self.object_kind());
        let answers = answers(&["200", "201"], &ANSWERS, &self.component);
        self.operation(
            "put",
            self.id("replace", ""),
            text,
            parameters::of_write(),
            Some(self.own_body()),
            answers,
        )
    }

    pub(super) fn post(&self) -> Value {
        let text = match self.subresource {
            "" => format!("create a {}", self.object_kind()),
            subresource => format!("create {subresource} of a {}", self.object_kind()),
        };
        let answers = answers(&["200", "201", "202"], &ANSWERS, &self.component);
        self.operation(
            "post",
            self.id("create", ""),
            text,
            parameters::of_write(),
            Some(self.own_body()),
            answers,
        )
    }

    pub(super) fn patch(&self) -> Value {
        let text = format!(
            "partially update {}the specified {}",
            self.of_subresource(),
            self.object_kind()
        );
        let body = body(&patch_types(self.definition.style), &format!("{META}.Patch"), true);
        // A patch that creates is an apply, whose answer built-in kinds describe.
        let codes: &[&str] = match self.definition.style {
            Style::Custom => &["200"],
            Style::BuiltIn { .. } => &["200", "201"],
        };
        let answers = answers(codes, &ANSWERS, &self.component);
        self.operation(
            "patch",
            self.id("patch", ""),
            text,
            parameters::of_patch(),
            Some(body),
            answers,
        )
    }

    pub(super) fn delete(&self) -> Value {
        let text = format!("delete a {}", self.object_kind());
        let body = body(self.body_types(), &format!("{META}.DeleteOptions"), false);
        let status = format!("{META}.Status");
        let answered = if self.definition.returns_deleted {
            &self.component
        } else {
            &status
        };
        let answers = answers(&["200", "202"], &ANSWERS, answered);
        self.operation(
            "delete",
            self.id("delete", ""),
            text,
            parameters::of_delete(),
            Some(body),
            answers,
        )
    }

    pub(super) fn delete_collection(&self) -> Value {
        let text = format!("delete collection of {}", self.object_kind());
        let answers = answers(&["200"], &ANSWERS, &format!("{META}.Status"));
        let id = self.id("delete", "Collection");
        // That of custom resources is described as if it were a list.
        let (parameters, body) = match self.definition.style {
            Style::Custom => (parameters::of_list(), None),
            Style::BuiltIn { .. } => {
                let options = body(self.body_types(), &format!("{META}.DeleteOptions"), false);
                (parameters::of_delete_collection(), Some(options))
            }
        };
        self.operation("deletecollection", id, text, parameters, body, answers)
    }

    /// List and watch; of one namespace, or of all (`scope` is then `ForAllNamespaces`).
    pub(super) fn list(&self, scope: &str) -> Value {
        let names = &self.definition.names;
        let text = format!("list or watch objects of kind {}", names.kind);
        let group = names::operation_group(names);
        let namespaced = if names.namespaced && scope.is_empty() {
            "Namespaced"
        } else {
            ""
        };
        let id = format!("list{group}{namespaced}{}{scope}", names.kind);
        let component = names::component(self.definition, &format!("{}List", names.kind));
        let media_types: &[&str] = match self.definition.style {
            Style::Custom => &ANSWERS,
            Style::BuiltIn { .. } => &LIST_ANSWERS,
        };
        self.operation(
            "list",
            id,
            text,
            parameters::of_list(),
            None,
            answers(&["200"], media_types, &component),
        )
    }

    fn operation(
        &self,
        action: &str,
        id: String,
        description: String,
        parameters: Vec<Value>,
        body: Option<Value>,
        responses: Value,
    ) -> Value {
        let (group, version, kind) = self.kind;
        let mut operation = json!({
            "description": description,
            "operationId": id,
            "tags": [names::tag(&self.definition.names)],
            "responses": responses,
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
        });
        if !parameters.is_empty() {
            operation["parameters"] = Value::from(parameters);
        }
        if let Some(body) = body {
            operation["requestBody"] = body;
        }
        operation
    }

    /// Such as `patchCoreV1NamespacedServiceStatus`.
    fn id(&self, action: &str, of: &str) -> String {
        let names = &self.definition.names;
        let group = names::operation_group(names);
        let namespaced = if names.namespaced { "Namespaced" } else { "" };
        format!(
            "{action}{group}{of}{namespaced}{}{}",
            names.kind,
            names::capitalized(self.subresource)
        )
    }

    fn object_kind(&self) -> &str {
        &self.definition.names.kind
    }

    fn of_subresource(&self) -> String {
        match self.subresource {
            "" => String::new(),
            subresource => format!("{subresource} of "),
        }
    }

    fn own_body(&self) -> Value {
        body(self.body_types(), &self.component, true)
    }

    /// Media types of request bodies that are no patch.
    fn body_types(&self) -> &'static [&'static str] {
        match self.definition.style {
            Style::Custom => &ANSWERS,
            Style::BuiltIn { .. } => &["*/*"],
        }
    }
}

/// The patch types that a resource serves.
fn patch_types(style: Style) -> Vec<&'static str> {
    let mut types = vec![
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
    ];
    if matches!(style, Style::BuiltIn { .. }) {
        types.push("application/strategic-merge-patch+json");
    }
    types
}

fn body(media_types: &[&str], component: &str, required: bool) -> Value {
    let mut body = json!({"content": content(media_types, component)});
    if required {
        body["required"] = Value::Bool(true);
    }
    body
}

fn answers(codes: &[&str], media_types: &[&str], component: &str) -> Value {
    let mut answers = Map::new();
    for code in codes {
        let description = match *code {
            "201" => "Created",
            "202" => "Accepted",
            _ => "OK",
        };
        let answer = json!({"description": description, "content": content(media_types, component)});
        answers.insert((*code).to_owned(), answer);
    }
    answers.insert("401".to_owned(), json!({"description": "Unauthorized"}));
    Value::Object(answers)
}

fn content(media_types: &[&str], component: &str) -> Value {
    media_types
        .iter()
        .map(|media_type| ((*media_type).to_owned(), json!({"schema": reference(component)})))
        .collect()
}
