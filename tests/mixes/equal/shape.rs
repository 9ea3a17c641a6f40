//! What of an object can be compared between two supervisors: every field with its value, without what is another in each of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;
use serde_json::Value;

/// Every field of all objects of a kind and a form of name, with the values that it has in them.
pub type Fields = BTreeMap<String, BTreeSet<String>>;

/// What is another in each supervisor, and what it is shown as.
static VARIED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "{uid}"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "{time}"),
        (r"\b127\.\d+\.\d+\.\d+\b", "{address}"),
        (r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b", "{token}"),
        (r"\bsha256:[0-9a-f]{64}\b", "{hash}"),
        (r"\bmachine-template-hash=[a-z0-9-]+", "machine-template-hash={hash}"),
        (r"-----BEGIN [A-Z ]+-----[^-]*-----END [A-Z ]+-----", "{pem}"),
    ]
    .map(|(pattern, shown)| (Regex::new(pattern).expect("it is a pattern"), shown))
    .into()
});

/// Fields that differ by their nature, are words for people, or of a contract that ends: `status.deprecated` is upstream's state for
/// clients of v1beta1, which no layer of ours has.
const LEFT_OUT: [&str; 6] = [
    "managedFields",
    "resourceVersion",
    "generation",
    "message",
    "uid",
    "deprecated",
];
/// Lists whose elements are found by one of their fields.
const KEYED: [(&str, &str); 4] = [
    ("ownerReferences", "kind"),
    ("addresses", "type"),
    ("files", "path"),
    ("taints", "key"),
];

/// Labels whose values are hashes that each layer makes in its own way.
const HASHES: [&str; 1] = ["machine-template-hash"];

/// Names that end in characters of chance, and what they are shown as.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<(String, String)>);

impl Names {
    /// Takes in an object whose name is `PREFIX-CHANCE`, the prefix being one of these.
    pub fn learn(&mut self, kind: &str, name: &str, prefixes: &[&str]) {
        let Some(prefix) = prefixes.iter().find(|prefix| name.starts_with(&format!("{prefix}-"))) else {
            return;
        };
        self.0.push((name.to_owned(), format!("{{{kind} of {prefix}}}")));
        // The longer one first, as it may begin with the shorter.
        self.0.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    }

    /// The text without what is another in each supervisor.
    pub fn shown(&self, text: &str) -> String {
        let named = self
            .0
            .iter()
            .fold(text.to_owned(), |text, (name, shown)| text.replace(name, shown));
        VARIED.iter().fold(named, |text, (pattern, shown)| {
            pattern.replace_all(&text, *shown).into_owned()
        })
    }

    /// Adds the fields of an object to those of others like it.
    pub fn add_fields(&self, object: &Value, fields: &mut Fields) {
        let generation = &object["metadata"]["generation"];
        self.walk("", object, generation, fields);
    }

    fn walk(&self, path: &str, value: &Value, generation: &Value, fields: &mut Fields) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    let child = format!("{path}.{}", self.shown(key));
                    match key.as_str() {
                        key if LEFT_OUT.contains(&key) => {}
                        key if HASHES.contains(&key) => put(fields, child, "{hash}"),
                        "observedGeneration" => {
                            put(fields, child, if value == generation { "the latest" } else { "older" });
                        }
                        _ => self.walk(&child, value, generation, fields),
                    }
                }
            }
            Value::Array(items) if path.ends_with(".conditions") => {
                for condition in items {
                    let [type_, status, reason] =
                        ["type", "status", "reason"].map(|field| condition[field].as_str().unwrap_or_default());
                    put(fields, format!("{path}[{type_}]"), &format!("{status} {reason}"));
                }
            }
            Value::Array(items) => {
                let list = path.rsplit('.').next().unwrap_or_default();
                let key = KEYED.iter().find(|(name, _)| *name == list).map(|(_, key)| *key);
                for item in items {
                    let found = key.and_then(|key| item[key].as_str()).unwrap_or_default();
                    self.walk(&format!("{path}[{}]", self.shown(found)), item, generation, fields);
                }
            }
            Value::String(text) => put(fields, path.to_owned(), &self.shown(text)),
            other => put(fields, path.to_owned(), &other.to_string()),
        }
    }
}

fn put(fields: &mut Fields, path: String, value: &str) {
    fields.entry(path).or_default().insert(value.to_owned());
}
