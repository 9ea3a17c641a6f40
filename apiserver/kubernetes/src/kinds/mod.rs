//! The kinds that every cluster serves: their names, columns, selectable fields and own rules.
//!
//! The definitions are built once and shared by all servers of the process.

mod apps;
mod builtin;
mod cells;
mod config_map;
mod endpoints;
mod event;
mod lease;
mod namespace;
mod network;
mod node;
mod pod;
mod quota;
mod rbac;
mod review;
mod secret;
mod selector;
mod service;
mod service_account;
mod storage_class;
mod volume_attachment;

use std::sync::{Arc, LazyLock};

use generic_apiserver::registry::ResourceDefinition;

static CORE: LazyLock<Arc<[ResourceDefinition]>> = LazyLock::new(|| {
    let pods = pod::definition();
    let pod_schema = pods.schema.clone();
    let mut definitions = vec![
        config_map::definition(),
        endpoints::definition(),
        event::core_definition(),
        namespace::definition(),
        node::definition(),
        pods,
        quota::definition(),
        secret::definition(),
        service::definition(),
        service_account::definition(),
    ];
    // Groups are listed in the order in which kube-apiserver lists them.
    definitions.extend(apps::definitions(&pod_schema));
    definitions.push(event::definition());
    definitions.extend(review::definitions());
    definitions.extend(rbac::definitions());
    definitions.extend([
        storage_class::definition(),
        volume_attachment::definition(),
        lease::definition(),
    ]);
    definitions.into()
});

/// The definitions of the kinds that a cluster has by itself.
pub fn core_definitions() -> Arc<[ResourceDefinition]> {
    CORE.clone()
}

#[cfg(test)]
mod tests;
