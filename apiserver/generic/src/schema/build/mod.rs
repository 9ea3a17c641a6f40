//! From the JSON of an OpenAPI schema to nodes.

mod keywords;

use std::sync::Arc;

use regex::Regex;
use serde_json::{Map, Value};

use super::{
    Kind, ListType, Property, Schema, meta,
    node::{Additional, DeclaredListType, MapType, Merge, Notes},
    patterns,
    validations::Validations,
};

/// A schema that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct SchemaError {
    /// Where in the schema, such as `properties.spec.properties.replicas`.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

impl Schema {
    /// Reads the structural subset of an OpenAPI v3 schema, as in a CustomResourceDefinition's `openAPIV3Schema`.
    ///
    /// Beside the `x-kubernetes-` extensions of custom resources it knows `x-kubernetes-patch-strategy` and
    /// `x-kubernetes-patch-merge-key`. Keywords that it does not know are ignored; `$ref` is refused.
    pub fn from_json(schema: &Value) -> Result<Schema, SchemaError> {
        Builder::new(Nulls::Values).node(schema)
    }

    /// The same for a whole object: `apiVersion`, `kind` and `metadata` become the server's own, and the rules in
    /// `x-kubernetes-validations` are compiled.
    pub fn root_from_json(schema: &Value) -> Result<Schema, SchemaError> {
        Builder::new(Nulls::Values).root(schema)
    }

    /// The schema of a kind that kube-apiserver has built in: as [`Schema::root_from_json`], but a `null` field is the
    /// same as an absent one.
    pub fn builtin_from_json(schema: &Value) -> Result<Schema, SchemaError> {
        Builder::new(Nulls::AreAbsent).root(schema)
    }

    /// The schema of a field of such a kind.
    pub fn builtin_field_from_json(schema: &Value) -> Result<Schema, SchemaError> {
        Builder::new(Nulls::AreAbsent).node(schema)
    }
}

/// Whether `null` is a value or the same as an absent field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Values,
    AreAbsent,
}

/// Schemas nest no deeper than this.
const MAX_DEPTH: usize = 128;

/// Builds nodes, keeping the path for errors.
pub(super) struct Builder {
    path: Vec<String>,
    nulls: Nulls,
    /// Whether validation looks for repeated items of set and map lists.
    unique_lists: bool,
    /// In `allOf` and its like: what is there only judges values.
    in_branch: bool,
}

impl Builder {
    fn new(nulls: Nulls) -> Builder {
        Builder {
            path: Vec::new(),
            nulls,
            unique_lists: true,
            in_branch: false,
        }
    }

    /// For metadata: the registry has rules of its own for its lists.
    pub(super) fn of_metadata() -> Builder {
        Builder {
            path: Vec::new(),
            nulls: Nulls::AreAbsent,
            unique_lists: false,
            in_branch: false,
        }
    }

    /// A whole object, whose first three fields are the server's.
    fn root(&mut self, source: &Value) -> Result<Schema, SchemaError> {
        let mut root = self.node(source)?;
        if root.kind == Kind::Any {
            root.kind = Kind::Object;
        }
        if root.kind != Kind::Object {
            return Err(self.error("the schema of a whole object must be of type object"));
        }
        with_object_fields(&mut root, &FieldsOf::Root);
        self.narrow_object_fields(&source["properties"], &mut root)?;
        root.validations = Validations::compile(source, &root, "")?.map(Arc::new);
        Ok(root)
    }

    /// A definition may say more of an object's type and name than that they are strings.
    fn narrow_object_fields(&mut self, declared: &Value, object: &mut Schema) -> Result<(), SchemaError> {
        for name in ["apiVersion", "kind"] {
            self.narrow(&declared[name], name, object)?;
        }
        let names = &declared["metadata"]["properties"];
        for name in ["name", "generateName"] {
            if names[name].is_object()
                && let Some(metadata) = object
                    .properties
                    .iter_mut()
                    .find(|property| &*property.name == "metadata")
            {
                self.narrow(&names[name], name, Arc::make_mut(&mut metadata.schema))?;
            }
        }
        Ok(())
    }

    /// Takes over the value rules that are declared for a field.
    fn narrow(&mut self, declared: &Value, name: &str, object: &mut Schema) -> Result<(), SchemaError> {
        if !declared.is_object() {
            return Ok(());
        }
        let declared = self.below(format!("properties.{name}"), |builder| builder.node(declared))?;
        let field = object.properties.iter_mut().find(|property| &*property.name == name);
        if let (Some(field), Some(rules)) = (field, declared.rules) {
            Arc::make_mut(&mut field.schema).rules = Some(rules);
        }
        Ok(())
    }

    pub(super) fn node(&mut self, source: &Value) -> Result<Schema, SchemaError> {
        if self.path.len() > 2 * MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        let Value::Object(source) = source else {
            return Err(self.error("must be an object"));
        };
        if source.contains_key("$ref") {
            return Err(self.error("$ref is not supported"));
        }
        let mut node = Schema {
            kind: self.kind(source)?,
            has_unique_lists: false,
            has_embedded: false,
            nullable: self.is_nullable(source)?,
            int_or_string: self.flag(source, "x-kubernetes-int-or-string")?,
            preserve_unknown: self.flag(source, "x-kubernetes-preserve-unknown-fields")?,
            embedded_resource: self.flag(source, "x-kubernetes-embedded-resource")?,
            null_is_absent: self.nulls == Nulls::AreAbsent,
            has_defaults: false,
            map_type: self.map_type(source)?,
            list_type: self.list_type(source)?,
            properties: self.properties(source)?,
            additional: self.additional(source)?,
            items: self.items(source)?,
            default: source
                .get("default")
                .filter(|value| !value.is_null())
                .cloned()
                .map(Box::new),
            rules: None,
            merge: self.merge(source)?,
            notes: notes(source),
            validations: None,
        };
        if node.kind == Kind::Any && !node.properties.is_empty() && !self.in_branch {
            node.kind = Kind::Object;
        }
        let rules = self.rules(source, &node)?;
        node.rules = (!rules.is_empty()).then(|| Box::new(rules));
        if node.embedded_resource {
            with_object_fields(&mut node, &FieldsOf::Embedded);
            if let Some(declared) = source.get("properties") {
                self.narrow_object_fields(declared, &mut node)?;
            }
        }
        node.has_embedded = node.embedded_resource || node.children().any(|child| child.has_embedded);
        node.has_defaults = node.default.is_some() || node.children().any(|child| child.has_defaults);
        node.has_unique_lists = self.unique_lists && node.list_type() != ListType::Atomic
            || node.children().any(|child| child.has_unique_lists);
        Ok(node)
    }

    fn kind(&self, source: &Map<String, Value>) -> Result<Kind, SchemaError> {
        let names: Vec<&str> = match source.get("type") {
            None => return Ok(Kind::Any),
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .filter(|name| *name != "null")
                .collect(),
            Some(_) => return Err(self.error("type must be a string")),
        };
        match names[..] {
            ["object"] => Ok(Kind::Object),
            ["array"] => Ok(Kind::Array),
            ["string"] => Ok(Kind::String),
            ["integer"] => Ok(Kind::Integer),
            ["number"] => Ok(Kind::Number),
            ["boolean"] => Ok(Kind::Boolean),
            [] | [""] | ["integer", "string"] | ["string", "integer"] => Ok(Kind::Any),
            _ => Err(self.error(format!("unknown type {}", names.join(",")))),
        }
    }

    fn is_nullable(&self, source: &Map<String, Value>) -> Result<bool, SchemaError> {
        let listed = matches!(source.get("type"), Some(Value::Array(names)) if names.iter().any(|name| name == "null"));
        Ok(listed || self.flag(source, "nullable")?)
    }

    fn properties(&mut self, source: &Map<String, Value>) -> Result<Box<[Property]>, SchemaError> {
        let Some(declared) = source.get("properties") else {
            return Ok(Box::default());
        };
        let Value::Object(declared) = declared else {
            return Err(self.error("properties must be an object"));
        };
        let mut properties = declared
            .iter()
            .map(|(name, schema)| {
                let schema = self.below(format!("properties.{name}"), |builder| builder.node(schema))?;
                Ok(Property {
                    name: name.as_str().into(),
                    schema: Arc::new(schema),
                })
            })
            .collect::<Result<Vec<_>, SchemaError>>()?;
        properties.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(properties.into())
    }

    fn additional(&mut self, source: &Map<String, Value>) -> Result<Additional, SchemaError> {
        match source.get("additionalProperties") {
            None | Some(Value::Bool(false)) => Ok(Additional::Undeclared),
            Some(Value::Bool(true)) => Ok(Additional::Anything),
            Some(schema) => {
                let schema = self.below("additionalProperties".to_owned(), |builder| builder.node(schema))?;
                Ok(Additional::Schema(Arc::new(schema)))
            }
        }
    }

    fn items(&mut self, source: &Map<String, Value>) -> Result<Option<Arc<Schema>>, SchemaError> {
        let Some(schema) = source.get("items") else {
            return Ok(None);
        };
        let schema = self.below("items".to_owned(), |builder| builder.node(schema))?;
        Ok(Some(Arc::new(schema)))
    }

    fn map_type(&self, source: &Map<String, Value>) -> Result<Option<MapType>, SchemaError> {
        match self.text(source, "x-kubernetes-map-type")? {
            None => Ok(None),
            Some("granular") => Ok(Some(MapType::Granular)),
            Some("atomic") => Ok(Some(MapType::Atomic)),
            Some(other) => Err(self.error(format!("unknown x-kubernetes-map-type {other:?}"))),
        }
    }

    fn list_type(&self, source: &Map<String, Value>) -> Result<Option<DeclaredListType>, SchemaError> {
        match self.text(source, "x-kubernetes-list-type")? {
            None => Ok(None),
            Some("atomic") => Ok(Some(DeclaredListType::Atomic)),
            Some("set") => Ok(Some(DeclaredListType::Set)),
            Some("map") => {
                let keys = self.texts(source, "x-kubernetes-list-map-keys")?;
                if keys.is_empty() {
                    return Err(self.error("x-kubernetes-list-type map needs x-kubernetes-list-map-keys"));
                }
                Ok(Some(DeclaredListType::Map(keys.into())))
            }
            Some(other) => Err(self.error(format!("unknown x-kubernetes-list-type {other:?}"))),
        }
    }

    fn merge(&self, source: &Map<String, Value>) -> Result<Option<Box<Merge>>, SchemaError> {
        let strategy = self.text(source, "x-kubernetes-patch-strategy")?.map(Into::into);
        let key = self.text(source, "x-kubernetes-patch-merge-key")?.map(Into::into);
        if strategy.is_none() && key.is_none() {
            return Ok(None);
        }
        Ok(Some(Box::new(Merge { strategy, key })))
    }

    fn pattern(&self, source: &str) -> Result<Arc<Regex>, SchemaError> {
        patterns::learn(source).map_err(|error| self.error(format!("pattern: {error}")))
    }

    /// Runs `build` with one more step on the path.
    fn below<T>(
        &mut self,
        step: String,
        build: impl FnOnce(&mut Builder) -> Result<T, SchemaError>,
    ) -> Result<T, SchemaError> {
        self.path.push(step);
        let built = build(self);
        self.path.pop();
        built
    }

    fn error(&self, message: impl Into<String>) -> SchemaError {
        SchemaError {
            path: self.path.join("."),
            message: message.into(),
        }
    }
}

/// Which object's first three fields.
enum FieldsOf {
    Root,
    Embedded,
}

/// Puts the server's own `apiVersion`, `kind` and `metadata` in place of what the schema says of them.
fn with_object_fields(node: &mut Schema, of: &FieldsOf) {
    let mut properties = std::mem::take(&mut node.properties).into_vec();
    properties.retain(|property| !matches!(property.name.as_ref(), "apiVersion" | "kind" | "metadata"));
    let meta = meta::object_fields();
    for (name, schema) in [
        ("apiVersion", &meta.api_version),
        ("kind", &meta.kind),
        ("metadata", &meta.metadata),
    ] {
        properties.push(Property {
            name: name.into(),
            schema: schema.clone(),
        });
    }
    properties.sort_by(|a, b| a.name.cmp(&b.name));
    node.properties = properties.into();
    if matches!(of, FieldsOf::Embedded) {
        let rules = node.rules.get_or_insert_default();
        let mut required = std::mem::take(&mut rules.required).into_vec();
        for name in ["kind", "apiVersion"] {
            if !required.iter().any(|declared| declared.as_ref() == name) {
                required.push(name.into());
            }
        }
        rules.required = required.into();
    }
}

fn notes(source: &Map<String, Value>) -> Option<Box<Notes>> {
    let text = |key: &str| {
        source
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(Into::into)
    };
    let notes = Notes {
        description: text("description"),
        title: text("title"),
        example: source.get("example").cloned(),
        validations: source.get("x-kubernetes-validations").cloned(),
    };
    (notes != Notes::default()).then(|| Box::new(notes))
}
