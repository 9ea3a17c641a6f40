//! ConfigMaps as the test knows them, and what a selection of them is.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// Where writers write; made by the test.
pub(crate) const NAMESPACES: [&str; 3] = ["torture-a", "torture-b", "torture-c"];
/// All ConfigMaps.
pub(crate) const ALL: &str = "/api/v1/configmaps";

/// Namespace and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
}

impl Key {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    pub(crate) fn path(&self) -> String {
        format!("{}/{}", collection(&self.namespace), self.name)
    }
}

/// Where the ConfigMaps of a namespace are.
pub(crate) fn collection(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps")
}

/// What is read of an object's metadata; a bookmark has little of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) namespace: String,
    pub(crate) resource_version: String,
    #[serde(default)]
    pub(crate) uid: String,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Metadata {
    pub(crate) fn key(&self) -> Key {
        Key::new(&self.namespace, &self.name)
    }

    pub(crate) fn revision(&self) -> anyhow::Result<u64> {
        let text = &self.resource_version;
        text.parse().with_context(|| format!("resourceVersion {text:?}"))
    }
}

/// An object that has metadata.
#[derive(Debug, Deserialize)]
pub(crate) struct WithMetadata<'a> {
    #[serde(borrow)]
    pub(crate) metadata: &'a RawValue,
}

/// A whole ConfigMap, as the server wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) key: Key,
    pub(crate) revision: u64,
    pub(crate) uid: Arc<str>,
    pub(crate) labels: BTreeMap<String, String>,
    /// All of its bytes.
    pub(crate) whole: Arc<str>,
    /// Those of its metadata.
    pub(crate) metadata: Arc<str>,
}

impl Object {
    pub(crate) fn parse(whole: &str) -> anyhow::Result<Self> {
        let raw = serde_json::from_str::<WithMetadata>(whole)
            .with_context(|| whole.to_owned())?
            .metadata
            .get();
        let metadata: Metadata = serde_json::from_str(raw)?;
        Ok(Self {
            key: metadata.key(),
            revision: metadata.revision()?,
            uid: metadata.uid.into(),
            labels: metadata.labels,
            whole: whole.into(),
            metadata: raw.into(),
        })
    }

    /// The same at another revision: what a deletion shows.
    pub(crate) fn at(&self, revision: u64) -> anyhow::Result<Self> {
        let mut value: Value = serde_json::from_str(&self.whole)?;
        value["metadata"]["resourceVersion"] = revision.to_string().into();
        Self::parse(&value.to_string())
    }
}

/// Whether two texts show the same; mostly they are the same.
pub(crate) fn same(left: &str, right: &str) -> bool {
    let value = |text| serde_json::from_str::<Value>(text).ok();
    left == right || value(left) == value(right)
}

/// Which objects a watcher sees: by namespace, labels and fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection {
    pub(crate) namespace: Option<&'static str>,
    pub(crate) labels: &'static str,
    pub(crate) fields: &'static str,
    matches: fn(&Object) -> bool,
}

impl Selection {
    /// Of all kinds, so that each number of watchers has a mixture.
    pub(crate) const ALL: [Self; 10] = [
        Self::of(None, "", "", |_| true),
        Self::of(Some("torture-a"), "", "", |_| true),
        Self::of(None, "phase=in", "", |object| label(object, "phase") == Some("in")),
        Self::of(Some("torture-b"), "phase!=out", "", |object| {
            label(object, "phase") != Some("out")
        }),
        Self::of(None, "phase in (in,out),tier notin (a)", "", |object| {
            label(object, "phase").is_some() && label(object, "tier") != Some("a")
        }),
        Self::of(Some("torture-c"), "!phase,tier", "", |object| {
            label(object, "phase").is_none() && label(object, "tier").is_some()
        }),
        Self::of(None, "", "metadata.name=cm-3", |object| &*object.key.name == "cm-3"),
        Self::of(Some("torture-a"), "", "metadata.name=cm-5", |object| {
            &*object.key.name == "cm-5"
        }),
        Self::of(
            None,
            "",
            "metadata.namespace!=torture-a,metadata.name!=cm-1",
            |object| &*object.key.namespace != "torture-a" && &*object.key.name != "cm-1",
        ),
        Self::of(None, "tier=b", "metadata.namespace=torture-b", |object| {
            label(object, "tier") == Some("b") && &*object.key.namespace == "torture-b"
        }),
    ];

    const fn of(
        namespace: Option<&'static str>,
        labels: &'static str,
        fields: &'static str,
        matches: fn(&Object) -> bool,
    ) -> Self {
        Self {
            namespace,
            labels,
            fields,
            matches,
        }
    }

    /// The path of a list of them.
    pub(crate) fn path(&self) -> String {
        self.namespace.map_or_else(|| ALL.to_owned(), collection)
    }

    pub(crate) fn matches(&self, object: &Object) -> bool {
        let inside = self
            .namespace
            .is_none_or(|namespace| namespace == &*object.key.namespace);
        inside && (self.matches)(object)
    }
}

fn label<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.labels.get(name).map(String::as_str)
}
