//! What a served resource is: its names, scope, schema, subresources and columns.

use std::sync::Arc;

use serde_json::Value;

use super::{CreateOnly, Strategy, versions::StoredVersion};
use crate::{schema::Schema, table};

/// Everything the server needs to serve one version of one resource. Cheap to clone; shared by thousands of servers.
#[derive(Clone)]
pub struct ResourceDefinition {
    /// Names and scope.
    pub names: Names,
    /// Structural schema of the whole object; `metadata` is the server's own.
    pub schema: Arc<Schema>,
    /// Which reference behaviour clients see where the two differ.
    pub style: Style,
    /// Serves `/status`, which then alone writes `status`.
    pub status: bool,
    /// Serves `/scale`.
    pub scale: Option<Scale>,
    /// Columns after NAME (and AGE last, where the definition declares none). One that is called `Name` replaces the first
    /// NAME, wherever it stands.
    pub columns: Vec<Column>,
    /// Fields beside `metadata.name` and `metadata.namespace` that field selectors may name, such as `spec.user`.
    pub selectable: Vec<SelectableField>,
    /// The verbs served, in discovery's words.
    pub verbs: Verbs,
    /// What a name may be.
    pub name_rule: NameRule,
    /// The kind's own rules.
    pub strategy: Arc<dyn Strategy>,
    /// Further subresources that only take a PUT of the object, such as a namespace's `finalize`; what the PUT may change is up
    /// to [`Strategy::prepare_for_update`].
    pub update_subresources: Vec<&'static str>,
    /// Further subresources that only take a POST, such as `credential`.
    pub create_subresources: Vec<CreateSubresource>,
    /// Whether a DELETE answers with the object that is gone, and not with a Status.
    pub returns_deleted: bool,
    /// When set, request bodies in protobuf are read by this.
    pub decode_protobuf: Option<DecodeProtobuf>,
    /// When set, decoded objects get the form of the kind's struct by this, as built-in kinds do in kube-apiserver.
    pub hold: Option<Hold>,
    /// When set, the resource is not stored: a POST is answered by this handler (access reviews).
    pub virtual_create: Option<Arc<dyn CreateOnly>>,
    /// The version in which objects are stored, where it is not this one. Versions of a kind are definitions of their own, the
    /// one that clients prefer before the others.
    pub stored_as: Option<Arc<StoredVersion>>,
    /// What every client of the version is told, where it should use another one.
    pub deprecation: Option<Arc<str>>,
}

/// Reads a protobuf body, envelope and all, into the object as JSON would have it; the error is shown to the client.
pub type DecodeProtobuf = fn(&[u8]) -> Result<Value, String>;

/// Gives an object the form that the struct of its kind gives it; the error says, in the decoder's words, what the struct can't hold.
pub type Hold = fn(&mut Value, Decoder) -> Result<(), String>;

/// Which of kube-apiserver's decoders reads an object into its struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// That of JSON.
    Json,
    /// The converter from maps, which the results of strategic merge patches go through.
    Unstructured,
    /// That of the store, where an empty list is none.
    Store,
}

/// Names and scope of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// API group, empty for core.
    pub group: String,
    /// Version, such as `v1alpha1`.
    pub version: String,
    /// Kind, such as `GuestCluster`.
    pub kind: String,
    /// Plural, as in paths.
    pub plural: String,
    /// Singular.
    pub singular: String,
    /// Short names for kubectl.
    pub short_names: Vec<String>,
    /// Categories, such as `all`.
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
}

impl Names {
    /// `group/version`, or `version` alone for core: what objects carry as `apiVersion`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `plural.group`, or `plural` for core: what messages name.
    pub fn group_resource(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// `group="...",resource="..."`, as metrics name a resource.
    pub(crate) fn metric_labels(&self) -> String {
        format!("group=\"{}\",resource=\"{}\"", self.group, self.plural)
    }

    /// Prefix of the keys of all objects: `<group or "core">/<plural>/`.
    pub fn key_prefix(&self) -> String {
        let group = if self.group.is_empty() { "core" } else { &self.group };
        format!("{group}/{}/", self.plural)
    }

    /// Key of one object in the store.
    pub fn key(&self, namespace: &str, name: &str) -> String {
        format!("{}{namespace}/{name}", self.key_prefix())
    }
}

/// Which of kube-apiserver's two behaviours a resource follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As a CRD: generation, pruning, 415 for strategic merge patch, PUT needs a resourceVersion.
    Custom,
    /// As a built-in: strategic merge patch, unconditional PUT where the strategy allows it.
    BuiltIn {
        /// Whether a write of anything but metadata and status raises `metadata.generation`.
        generation: bool,
        /// Whether a PUT without resourceVersion is accepted.
        unconditional_update: bool,
        /// Whether a PUT of a missing object creates it (Leases, Events).
        create_on_update: bool,
    },
}

/// The verbs a resource serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbs {
    /// create, delete, deletecollection, get, list, patch, update, watch.
    All,
    /// All but deletecollection (namespaces).
    NoDeleteCollection,
    /// create only (virtual resources).
    Create,
    /// All but create: the server itself makes the objects.
    NoCreate,
}

impl Verbs {
    /// The verbs in alphabetical order, as discovery lists them.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Verbs::All => &[
                "create",
                "delete",
                "deletecollection",
                "get",
                "list",
                "patch",
                "update",
                "watch",
            ],
            Verbs::NoDeleteCollection => &["create", "delete", "get", "list", "patch", "update", "watch"],
            Verbs::Create => &["create"],
            Verbs::NoCreate => &["delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        }
    }
}

/// What `metadata.name` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// RFC 1123 subdomain, at most 253.
    Subdomain,
    /// RFC 1123 label, at most 63.
    Label,
    /// RFC 1035 label with a limit of its own.
    Label1035 {
        /// Longest name.
        max: usize,
    },
    /// Any path segment (RBAC kinds).
    PathSegment,
}

/// How `/scale` finds its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As a CRD declares it, simple dotted paths such as `.spec.replicas`.
    Paths {
        /// Desired replicas.
        spec: String,
        /// Observed replicas.
        status: String,
        /// Label selector in string form.
        selector: Option<String>,
    },
    /// By [`Strategy::scale`] and [`Strategy::set_scale`].
    Strategy,
}

/// One printer column.
#[derive(Clone)]
pub struct Column {
    /// Header, such as `Version`.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`, which is shown as an age; `time` is a date that is shown as it is.
    pub r#type: String,
    /// OpenAPI format, mostly empty.
    pub format: String,
    /// What the column shows.
    pub description: String,
    /// 0 is always shown, more only by `-o wide`.
    pub priority: i32,
    /// Where the cell comes from.
    pub cell: Cell,
}

/// Where the cell of a column comes from.
#[derive(Clone)]
pub enum Cell {
    /// A JSONPath as in a CRD's `additionalPrinterColumns`: dotted fields, indexes, `[?(@.type=="Ready")]` filters.
    Path(String),
    /// A function of the object, but not of its `metadata.resourceVersion`.
    Compute(fn(&Value) -> Value),
}

/// A field that field selectors may name.
#[derive(Clone)]
pub struct SelectableField {
    /// The name in the selector, such as `spec.user` or `involvedObject.name`.
    pub name: String,
    /// Where the value comes from.
    pub source: FieldSource,
}

/// Where the value of a selectable field comes from.
#[derive(Clone)]
pub enum FieldSource {
    /// A JSONPath as in a CRD's `selectableFields`, of a string, a number or a boolean.
    Path(String),
    /// A function of the object, but not of its `metadata.resourceVersion`.
    Compute(fn(&Value) -> Option<String>),
}

impl SelectableField {
    /// The value of an object; absent counts as the empty string.
    pub fn value(&self, object: &Value) -> String {
        match &self.source {
            FieldSource::Compute(compute) => compute(object).unwrap_or_default(),
            FieldSource::Path(path) => match table::json_path_first(path, object) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            },
        }
    }
}

/// A subresource that takes only a POST.
#[derive(Clone)]
pub struct CreateSubresource {
    /// Path segment, such as `credential`.
    pub name: String,
    /// Group, version and kind of the body.
    pub group: String,
    /// Version of the body.
    pub version: String,
    /// Kind of the body.
    pub kind: String,
    /// Schema of the body.
    pub schema: Arc<Schema>,
    /// Fields of the body that only the handler sees: admission does not.
    pub secrets: Vec<Secret>,
    /// Who answers.
    pub handler: Arc<dyn CreateOnly>,
}

/// A field that is kept from admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secret {
    /// JSON pointer of the object that has it, such as `/spec`.
    pub within: &'static str,
    /// Its name.
    pub field: &'static str,
}
