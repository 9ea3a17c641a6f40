//! The objects that both servers hold, and the bodies of writes, prepared as far as they can be.

use bytes::Bytes;
use serde_json::{Value, json};

/// One that has VM classes and a storage class in an embedded supervisor.
pub(crate) const NAMESPACE: &str = "team-a";
/// A kind of objects of the same size.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Path of all objects.
    pub(crate) all: &'static str,
    /// Path at which they are created.
    pub(crate) collection: &'static str,
    api_version: &'static str,
    name: &'static str,
    spec: fn() -> Value,
    /// Bytes that make an answer 1.7 KB, with the managed fields of its creation.
    note: usize,
}

/// Ours.
pub(crate) static GUESTS: Kind = Kind {
    all: "/apis/guestclusters.dev/v1alpha1/guestclusters",
    collection: "/apis/guestclusters.dev/v1alpha1/namespaces/team-a/guestclusters",
    api_version: "guestclusters.dev/v1alpha1",
    name: "GuestCluster",
    spec: guest,
    note: 20,
};
/// That of sample-apiserver.
pub(crate) static FLUNDERS: Kind = Kind {
    all: "/apis/wardle.example.com/v1alpha1/flunders",
    collection: "/apis/wardle.example.com/v1alpha1/namespaces/team-a/flunders",
    api_version: "wardle.example.com/v1alpha1",
    name: "Flunder",
    spec: || json!({"reference": "another", "referenceType": "Flunder"}),
    note: 820,
};
/// One object in a hundred has `slice=7`.
pub(crate) const SLICES: usize = 100;

/// Stands for what differs between bodies; in none of the texts.
const HOLE: char = '@';

/// Names of objects that are loaded begin with this.
pub(crate) const LOADED: &str = "guest";

/// Name of the n-th object with this prefix.
pub(crate) fn name(prefix: &str, number: usize) -> String {
    format!("{prefix}-{number:06}")
}

/// A body with holes.
#[derive(Debug)]
pub(crate) struct Template(Vec<String>);

impl Template {
    fn of(text: &str) -> Self {
        Self(text.split(HOLE).map(str::to_owned).collect())
    }

    /// The body with these values in the holes, in their order.
    pub(crate) fn fill(&self, values: &[&str]) -> Bytes {
        let mut values = values.iter();
        let mut body = String::with_capacity(2048);
        for part in &self.0 {
            body.push_str(part);
            body.push_str(match values.next() {
                Some(value) => value,
                None => "",
            });
        }
        body.into()
    }
}

impl Kind {
    /// Path of the n-th object that is loaded.
    pub(crate) fn path(&self, number: usize) -> String {
        format!("{}/{}", self.collection, name(LOADED, number))
    }

    /// An object to create; holes: slice, name.
    pub(crate) fn to_create(&self) -> Template {
        let mut object = self.object();
        object["metadata"] = json!({
            "annotations": {"bench.guestclusters.dev/note": "n".repeat(self.note)},
            "labels": {"app.kubernetes.io/managed-by": "bench", "slice": HOLE.to_string()},
            // Holes are filled in the order of the text: keys are sorted.
            "name": HOLE.to_string(),
            "namespace": NAMESPACE,
        });
        Template::of(&object.to_string())
    }

    fn object(&self) -> Value {
        json!({"apiVersion": self.api_version, "kind": self.name, "spec": (self.spec)()})
    }
}

/// A merge patch of one annotation; hole: its value.
pub(crate) fn to_patch() -> Template {
    Template::of(r#"{"metadata":{"annotations":{"bench.guestclusters.dev/at":"s=@"}}}"#)
}

/// A whole configuration of ours as a tool applies it; holes: name, workers.
pub(crate) fn to_apply() -> Template {
    let mut object = GUESTS.object();
    object["metadata"] = json!({"name": HOLE.to_string(), "namespace": NAMESPACE});
    object["spec"]["topology"]["nodePools"][0]["replicas"] = json!(HOLE.to_string());
    // A number in place of a string.
    Template::of(&object.to_string().replace("\"replicas\":\"@\"", "\"replicas\":@"))
}

fn guest() -> Value {
    let size = json!({"replicas": 3, "vmClass": "best-effort-small", "storageClass": "gold"});
    let mut pool = size.clone();
    pool["name"] = json!("default");
    json!({
        "distribution": {"version": "v1.34"},
        "topology": {"controlPlane": size, "nodePools": [pool]},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_in_order() {
        let created: Value = serde_json::from_slice(&GUESTS.to_create().fill(&["7", "a"])).unwrap();
        assert_eq!(created["metadata"]["labels"]["slice"], "7");
        assert_eq!(created["metadata"]["name"], "a");
        let applied: Value = serde_json::from_slice(&to_apply().fill(&["a", "5"])).unwrap();
        assert_eq!(applied["metadata"]["name"], "a");
        assert_eq!(applied["spec"]["topology"]["nodePools"][0]["replicas"], 5);
        assert_eq!(applied["spec"]["topology"]["controlPlane"]["replicas"], 3);
        let patch: Value = serde_json::from_slice(&to_patch().fill(&["12"])).unwrap();
        assert_eq!(patch["metadata"]["annotations"]["bench.guestclusters.dev/at"], "s=12");
    }
}
