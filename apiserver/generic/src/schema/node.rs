//! One node of a structural schema, and what others read of it.

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::{rules::Rules, validations::Validations};

/// One node of a structural schema. Nodes are built once and shared; reading them allocates nothing.
#[derive(Clone, Debug)]
pub struct Schema {
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    pub(super) int_or_string: bool,
    pub(super) preserve_unknown: bool,
    pub(super) embedded_resource: bool,
    /// `null` members of this object are the same as absent ones, as in a kind that Go decodes into a struct.
    pub(super) null_is_absent: bool,
    /// This node or one below it has a default.
    pub(super) has_defaults: bool,
    /// This node or one below it is a set or map list, whose items must be unique.
    pub(super) has_unique_lists: bool,
    /// This node or one below it is a whole object of some kind.
    pub(super) has_embedded: bool,
    pub(super) map_type: Option<MapType>,
    pub(super) list_type: Option<DeclaredListType>,
    /// Sorted by name.
    pub(super) properties: Box<[Property]>,
    pub(super) additional: Additional,
    pub(super) items: Option<Arc<Schema>>,
    pub(super) default: Option<Box<Value>>,
    pub(super) rules: Option<Box<Rules>>,
    pub(super) merge: Option<Box<Merge>>,
    pub(super) notes: Option<Box<Notes>>,
    /// Of a whole object, the rules in `x-kubernetes-validations` at any level.
    pub(super) validations: Option<Arc<Validations>>,
}

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An object: declared properties, a map, or both.
    Object,
    /// A list.
    Array,
    /// A string.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Not declared.
    Any,
}

/// One declared field of an object.
#[derive(Clone, Debug)]
pub struct Property {
    /// The field's name.
    pub name: Box<str>,
    /// What it may hold.
    pub schema: Arc<Schema>,
}

/// How a list merges, and which of its items are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType<'a> {
    /// Replaced as a whole. Lists without a declared type are atomic too.
    Atomic,
    /// Scalars, each at most once.
    Set,
    /// Objects, told apart by the values of these keys.
    Map(&'a [String]),
}

/// How strategic merge patch treats a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchMerge<'a> {
    /// The key that tells the items of a merged list of objects apart.
    pub merge_key: Option<&'a str>,
    /// Strategy `merge`: items of the patch are merged into the list instead of replacing it.
    pub merge: bool,
    /// Strategy `retainKeys`: the patch may carry `$retainKeys`.
    pub retain_keys: bool,
}

impl Schema {
    /// The schema that declares nothing: every value is valid, and every field is unknown.
    pub fn nothing() -> &'static Schema {
        static NOTHING: LazyLock<Schema> = LazyLock::new(|| Schema {
            kind: Kind::Any,
            nullable: false,
            int_or_string: false,
            preserve_unknown: false,
            embedded_resource: false,
            null_is_absent: false,
            has_defaults: false,
            has_unique_lists: false,
            has_embedded: false,
            map_type: None,
            list_type: None,
            properties: Box::default(),
            additional: Additional::Undeclared,
            items: None,
            default: None,
            rules: None,
            merge: None,
            notes: None,
            validations: None,
        });
        &NOTHING
    }

    /// What a value must be.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The declared fields, sorted by name.
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }

    /// The declared field of this name.
    pub fn property(&self, name: &str) -> Option<&Arc<Schema>> {
        let at = self
            .properties
            .binary_search_by(|property| property.name.as_ref().cmp(name))
            .ok()?;
        Some(&self.properties[at].schema)
    }

    /// This schema with another one for the declared field at a path; none where none is declared. What does not change is shared
    /// with this schema, and the field with whoever else has it.
    pub fn with_field(&self, path: &[&str], field: &Arc<Schema>) -> Option<Schema> {
        let (name, below) = path.split_first()?;
        let declared = self.property(name)?;
        let changed = if below.is_empty() {
            field.clone()
        } else {
            Arc::new(declared.with_field(below, field)?)
        };
        let mut schema = self.clone();
        schema.has_defaults |= changed.has_defaults;
        schema.has_unique_lists |= changed.has_unique_lists;
        schema.has_embedded |= changed.has_embedded;
        let property = schema.properties.iter_mut().find(|property| *property.name == **name)?;
        property.schema = changed;
        Some(schema)
    }

    /// Whether this is the server's own metadata of a whole object.
    pub(super) fn is_object_metadata(&self) -> bool {
        self.null_is_absent && self.property("managedFields").is_some()
    }

    /// The schema of a list's items.
    pub fn items(&self) -> Option<&Arc<Schema>> {
        self.items.as_ref()
    }

    /// The schema of a map's values; `None` also where `additionalProperties: true` allows anything.
    pub fn additional_properties(&self) -> Option<&Arc<Schema>> {
        match &self.additional {
            Additional::Schema(schema) => Some(schema),
            Additional::Undeclared | Additional::Anything => None,
        }
    }

    /// The declared field of this name, or the schema of a map's values.
    pub fn field(&self, name: &str) -> Option<&Arc<Schema>> {
        self.property(name).or_else(|| self.additional_properties())
    }

    /// The nodes right below: fields, map values and items.
    pub(super) fn children(&self) -> impl Iterator<Item = &Arc<Schema>> {
        let fields = self.properties.iter().map(|property| &property.schema);
        fields.chain(self.additional_properties()).chain(&self.items)
    }

    /// Whether an undeclared field of this object is kept: `additionalProperties: true` or
    /// `x-kubernetes-preserve-unknown-fields`.
    pub fn allows_undeclared(&self) -> bool {
        self.preserve_unknown || matches!(self.additional, Additional::Anything)
    }

    /// How a list merges; atomic where nothing is declared.
    pub fn list_type(&self) -> ListType<'_> {
        match &self.list_type {
            None | Some(DeclaredListType::Atomic) => ListType::Atomic,
            Some(DeclaredListType::Set) => ListType::Set,
            Some(DeclaredListType::Map(keys)) => ListType::Map(keys),
        }
    }

    /// Whether an object is replaced as a whole (`x-kubernetes-map-type: atomic`).
    pub fn map_atomic(&self) -> bool {
        self.map_type == Some(MapType::Atomic)
    }

    /// Whether undeclared fields are kept (`x-kubernetes-preserve-unknown-fields`).
    pub fn preserve_unknown(&self) -> bool {
        self.preserve_unknown
    }

    /// Whether the value is an integer or a string (`x-kubernetes-int-or-string`).
    pub fn int_or_string(&self) -> bool {
        self.int_or_string
    }

    /// Whether the value is a whole object of some kind (`x-kubernetes-embedded-resource`).
    pub fn embedded_resource(&self) -> bool {
        self.embedded_resource
    }

    /// Whether there are embedded objects here or below.
    pub fn has_embedded_resources(&self) -> bool {
        self.has_embedded
    }

    /// The value of an absent field.
    pub fn default(&self) -> Option<&Value> {
        self.default.as_deref()
    }

    /// Whether `null` is a value of its own.
    pub fn nullable(&self) -> bool {
        self.nullable
    }

    /// How strategic merge patch treats this field; `None` where nothing is declared.
    pub fn patch_merge(&self) -> Option<PatchMerge<'_>> {
        self.merge.as_deref().map(|merge| PatchMerge {
            merge_key: merge.key.as_deref(),
            merge: merge.has_strategy("merge"),
            retain_keys: merge.has_strategy("retainKeys"),
        })
    }

    /// What the field means, for people.
    pub fn description(&self) -> Option<&str> {
        self.notes.as_deref()?.description.as_deref()
    }

    /// `x-kubernetes-validations` as it was declared.
    pub fn validations(&self) -> Option<&Value> {
        self.notes.as_deref()?.validations.as_ref()
    }
}

/// What an object may hold beside its declared fields.
#[derive(Clone, Debug)]
pub(super) enum Additional {
    /// Nothing is said: other fields are unknown.
    Undeclared,
    /// `additionalProperties: true`.
    Anything,
    /// Values of this schema.
    Schema(Arc<Schema>),
}

/// `x-kubernetes-map-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MapType {
    Granular,
    Atomic,
}

/// `x-kubernetes-list-type`, with the keys of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DeclaredListType {
    Atomic,
    Set,
    Map(Box<[String]>),
}

/// `x-kubernetes-patch-strategy` and `x-kubernetes-patch-merge-key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Merge {
    pub(super) strategy: Option<Box<str>>,
    pub(super) key: Option<Box<str>>,
}

impl Merge {
    fn has_strategy(&self, wanted: &str) -> bool {
        self.strategy
            .as_deref()
            .is_some_and(|declared| declared.split(',').any(|one| one == wanted))
    }
}

/// What only documents show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Notes {
    pub(super) description: Option<Box<str>>,
    pub(super) title: Option<Box<str>>,
    pub(super) example: Option<Value>,
    pub(super) validations: Option<Value>,
}
