//! Removing what an applier dropped from its configuration.

use serde_json::Value;

use super::{
    extract::fields_of,
    ownership::with_declared_fields,
    remove::{Emptied, remove},
    set::FieldSet,
    typed::{NoIdentity, Type},
};

/// An object without what was dropped.
pub(super) struct Pruned {
    /// The object.
    pub(super) object: Value,
    /// The object as ownership sees it: an object or list that lost all it held is null. Those who own it go on owning it.
    pub(super) compared: Value,
}

/// `merged` without the fields of `last`, what the applier applied last time, that are not in `owned`, what anybody owns.
///
/// An item or object that was applied goes as a whole, with what nobody owns in it; but what was never applied by this
/// manager stays where something around it is owned.
pub(super) fn prune(root: Type<'_>, merged: &Value, last: &FieldSet, owned: &FieldSet) -> Result<Pruned, NoIdentity> {
    let last = with_declared_fields(root, last);
    let owned = with_declared_fields(root, owned);
    let all = with_declared_fields(root, &fields_of(root, merged)?);

    let without_last = remove(root, merged, &last, Emptied::Null);
    let left = with_declared_fields(root, &fields_of(root, &without_last)?);
    let owned_kept = remove(root, merged, &all.difference(&left.union(&owned)), Emptied::Null);

    let kept = with_declared_fields(root, &fields_of(root, &owned_kept)?);
    let dropped = all.difference(&kept).intersection(&last);
    Ok(Pruned {
        object: remove(root, merged, &dropped, Emptied::Gone),
        compared: remove(root, merged, &dropped, Emptied::Null),
    })
}
