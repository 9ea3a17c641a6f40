//! Lease.

use generic_apiserver::registry::ResourceDefinition;

use super::{
    builtin,
    cells::{age, column, text},
};

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/leases.coordination.k8s.io.json");
    builtin::of(("coordination.k8s.io", "v1"), "Lease", "leases", schema)
        .create_on_update()
        .conditional_update()
        .columns(vec![
            column("Holder", "Who holds the lease.", |object| {
                text(object, "/spec/holderIdentity").into()
            }),
            age(),
        ])
        .build()
}
