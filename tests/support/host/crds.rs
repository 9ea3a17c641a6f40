//! Upstream's CustomResourceDefinitions as a host has them installed.

use std::fmt::Write as _;

use guestcluster_types::upstream::crds::CRDS;
use serde_json::{Value, json};

/// Every definition, for `kubectl apply`.
pub(super) fn manifest() -> String {
    CRDS.iter().fold(String::new(), |mut stream, (name, text)| {
        let mut crd: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        // Cluster API looks up here which version of a kind speaks which version of its contract.
        crd["metadata"]["labels"] = json!({"cluster.x-k8s.io/v1beta2": "v1beta2"});
        writeln!(stream, "---\n{crd}").expect("a string takes everything");
        stream
    })
}

/// `crd/NAME` of every definition, for `kubectl wait`.
pub(super) fn names() -> Vec<String> {
    CRDS.iter().map(|(name, _)| format!("crd/{name}")).collect()
}
