//! ServiceAccount.

use generic_apiserver::registry::ResourceDefinition;

use super::{builtin, cells::age};

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/serviceaccounts.json");
    builtin::of(("", "v1"), "ServiceAccount", "serviceaccounts", schema)
        .short(&["sa"])
        .columns(vec![age()])
        .build()
}
