//! Removing what an applier dropped from its configuration.

use serde_json::Value;

use super::{
    extract::fields_of,
    ownership::with_declared_fields,
    remove::remove,
    set::FieldSet,
    typed::{NoIdentity, Type},
};

/// `merged` without the fields of `last`, what the applier applied last time, that are not in `owned`, what anybody owns.
///
/// An item or object that was applied goes as a whole, with what nobody owns in it; but what was never applied by this
/// manager stays where something around it is owned.
pub(super) fn prune(root: Type<'_>, merged: Value, last: &FieldSet, owned: &FieldSet) -> Result<Value, NoIdentity> {
    let last = with_declared_fields(root, last);
    let owned = with_declared_fields(root, owned);
    let all = with_declared_fields(root, &fields_of(root, &merged)?);

    let without_last = remove(root, &merged, &last);
    let left = with_declared_fields(root, &fields_of(root, &without_last)?);
    let owned_kept = remove(root, &merged, &all.difference(&left.union(&owned)));

    let kept = with_declared_fields(root, &fields_of(root, &owned_kept)?);
    let dropped = all.difference(&kept).intersection(&last);
    Ok(remove(root, &merged, &dropped))
}
