//! The requests, a file for each theme.

mod access;
mod apply;
mod config;
mod core;
mod create;
mod decode;
mod delete;
mod discovery;
mod errors;
mod events;
mod forms;
mod front_proxy;
mod guests;
mod list;
mod negotiation;
mod nodes;
mod openapi;
mod owners;
mod patch;
mod quotas;
mod rights;
mod rules;
mod scale;
mod strategic;
mod table;
mod update;
mod validation;
mod versions;
mod watch;
mod workloads;

use serde_json::{Value, json};

use crate::{compare::servers::Ours, talk::Talk};

/// Cases about one thing.
pub(crate) struct Theme {
    pub(crate) name: &'static str,
    pub(crate) ours: Ours,
    /// Whether the cases are also run through kube-apiserver's aggregator.
    pub(crate) aggregated: bool,
    pub(crate) cases: Cases,
}

type Cases = &'static [(&'static str, fn(&mut Talk<'_>))];

/// All of them.
pub(crate) const THEMES: &[Theme] = &[
    library("discovery", discovery::CASES),
    library("openapi", openapi::CASES),
    library("negotiation", negotiation::CASES),
    library("errors", errors::CASES),
    library("rights", rights::CASES),
    library("front proxy", front_proxy::CASES),
    library("create", create::CASES),
    library("validation", validation::CASES),
    library("rules", rules::CASES),
    library("forms", forms::CASES),
    library("update", update::CASES),
    library("patch", patch::CASES),
    library("apply", apply::CASES),
    library("delete", delete::CASES),
    library("list", list::CASES),
    library("table", table::CASES),
    library("watch", watch::CASES),
    library("versions", versions::CASES),
    library("scale", scale::CASES),
    library("core", core::CASES),
    library("decode", decode::CASES),
    library("access", access::CASES),
    // There kube-apiserver keeps quotas, and the library looks at its own: `tests/aggregated/quotas.rs` has what our program does.
    Theme {
        aggregated: false,
        ..library("quotas", quotas::CASES)
    },
    library("config", config::CASES),
    library("owners", owners::CASES),
    library("strategic", strategic::CASES),
    library("nodes", nodes::CASES),
    library("events", events::CASES),
    library("workloads", workloads::CASES),
    Theme {
        name: "guests",
        ours: Ours::Embedded,
        aggregated: true,
        cases: guests::CASES,
    },
];

const fn library(name: &'static str, cases: Cases) -> Theme {
    Theme {
        name,
        ours: Ours::Library,
        aggregated: true,
        cases,
    }
}

/// A Widget.
fn widget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}

/// A Widget with this metadata.
fn widget_with(metadata: Value) -> Value {
    json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": metadata, "spec": {}})
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}
