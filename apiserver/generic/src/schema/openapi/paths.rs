//! Paths of a resource, each with its operations.

use serde_json::{Map, Value};

use super::{operations::Target, parameters};
use crate::registry::{Names, ResourceDefinition};

/// The paths of one definition.
pub(super) fn of(definition: &ResourceDefinition) -> Vec<(String, Value)> {
    let names = &definition.names;
    let item = format!("{}/{{name}}", collection_path(names));
    let mut paths = vec![(collection_path(names), collection(definition))];
    if definition.virtual_create.is_some() {
        return paths;
    }
    if names.namespaced {
        paths.push((
            format!("{}/{}", root_path(names), names.plural),
            all_namespaces(definition),
        ));
    }
    paths.push((item.clone(), object(definition)));
    if definition.status {
        paths.push((
            format!("{item}/status"),
            read_write(definition, &Target::subresource(definition, "status")),
        ));
    }
    if definition.scale.is_some() {
        paths.push((
            format!("{item}/scale"),
            read_write(definition, &Target::scale(definition)),
        ));
    }
    for name in &definition.update_subresources {
        let target = Target::subresource(definition, name);
        paths.push((format!("{item}/{name}"), named(definition, [("put", target.put())])));
    }
    for body in &definition.create_subresources {
        let target = Target::body(definition, &body.name, (&body.group, &body.version, &body.kind));
        paths.push((
            format!("{item}/{}", body.name),
            named(definition, [("post", target.post())]),
        ));
    }
    paths
}

fn root_path(names: &Names) -> String {
    if names.group.is_empty() {
        format!("/api/{}", names.version)
    } else {
        format!("/apis/{}/{}", names.group, names.version)
    }
}

fn collection_path(names: &Names) -> String {
    let namespace = if names.namespaced {
        "/namespaces/{namespace}"
    } else {
        ""
    };
    format!("{}{namespace}/{}", root_path(names), names.plural)
}

fn collection(definition: &ResourceDefinition) -> Value {
    let target = Target::object(definition);
    let mut operations = Vec::new();
    if serves(definition, "list") {
        operations.push(("get", target.list("")));
    }
    if serves(definition, "create") {
        operations.push(("post", target.post()));
    }
    if serves(definition, "deletecollection") {
        operations.push(("delete", target.delete_collection()));
    }
    let names = &definition.names;
    item(operations, parameters::of_path(&names.kind, false, names.namespaced))
}

fn all_namespaces(definition: &ResourceDefinition) -> Value {
    let list = Target::object(definition).list("ForAllNamespaces");
    item(
        [("get", list)],
        parameters::of_path(&definition.names.kind, false, false),
    )
}

fn object(definition: &ResourceDefinition) -> Value {
    let target = Target::object(definition);
    let mut operations = Vec::new();
    if serves(definition, "get") {
        operations.push(("get", target.get()));
    }
    if serves(definition, "update") {
        operations.push(("put", target.put()));
    }
    if serves(definition, "patch") {
        operations.push(("patch", target.patch()));
    }
    if serves(definition, "delete") {
        operations.push(("delete", target.delete()));
    }
    named(definition, operations)
}

/// A subresource that is read and written like an object.
fn read_write(definition: &ResourceDefinition, target: &Target<'_>) -> Value {
    named(
        definition,
        [("get", target.get()), ("put", target.put()), ("patch", target.patch())],
    )
}

fn named(definition: &ResourceDefinition, operations: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let names = &definition.names;
    item(operations, parameters::of_path(&names.kind, true, names.namespaced))
}

fn item(operations: impl IntoIterator<Item = (&'static str, Value)>, parameters: Vec<Value>) -> Value {
    let mut item: Map<String, Value> = operations
        .into_iter()
        .map(|(method, operation)| (method.to_owned(), operation))
        .collect();
    item.insert("parameters".to_owned(), Value::from(parameters));
    Value::Object(item)
}

fn serves(definition: &ResourceDefinition, verb: &str) -> bool {
    definition.verbs.names().contains(&verb)
}
