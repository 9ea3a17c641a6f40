//! Writes that are no apply: the writer owns what it changed.

use serde_json::Value;

use super::{
    Manager, Operation,
    compare::{Changes, compare},
    managers::{Entry, Managers},
    ownership::{UNMANAGED, dotted, is_reset},
    typed::{NoIdentity, Type},
};
use crate::schema::Schema;

/// After a create, update or patch that is not an apply: computes `metadata.managedFields` of `new`.
///
/// What the writer set or changed becomes its own and nobody else's. `new` may carry managed fields of its own: `[]` and
/// `[{}]` forget all managers, readable entries replace the live ones (not on a subresource), and without any the live
/// ones stay. An object whose managers were forgotten has none until it is applied again.
///
/// `reset` are fields (dotted paths such as `status` or `metadata.ownerReferences`) that this endpoint can't own; `new`
/// must hold their live values already.
pub fn track_update(schema: &Schema, live: Option<&Value>, new: &mut Value, manager: &Manager<'_>, reset: &[&str]) {
    track(schema, (live, live), new, manager, reset);
}

/// As [`track_update`] after a create. What is in `blank` already, as a struct writes it when nothing is set, is nobody's.
pub fn track_create(schema: &Schema, blank: Option<&Value>, new: &mut Value, manager: &Manager<'_>, reset: &[&str]) {
    track(schema, (None, blank), new, manager, reset);
}

fn track(
    schema: &Schema,
    (live, compared): (Option<&Value>, Option<&Value>),
    new: &mut Value,
    manager: &Manager<'_>,
    reset: &[&str],
) {
    let root = Type::root(schema);
    let mut managers = before(live, new, manager);
    if managers.is_empty() && live.is_some() {
        managers.encode(new);
        return;
    }
    managers.fit(root);
    match after(root, compared, new, managers, manager, reset) {
        Ok(managers) => managers.encode(new),
        // A list whose items can't be told apart: validation refuses the object, or it was stored under another schema.
        Err(NoIdentity) => live.map(decode_or_none).unwrap_or_default().encode(new),
    }
}

/// The managers after `writer` made `new` from `live`.
pub(super) fn after(
    root: Type<'_>,
    live: Option<&Value>,
    new: &Value,
    mut managers: Managers,
    writer: &Manager<'_>,
    reset: &[&str],
) -> Result<Managers, NoIdentity> {
    let changes = managed_changes(root, live, new, reset)?;
    managers.surrender(None, &changes);
    let written = changes.written().difference(&UNMANAGED);
    if !written.is_empty() {
        let mut entry = Entry::of(writer, Operation::Update);
        entry.fields = match managers.get(&entry) {
            Some(known) => known.fields.union(&written),
            None => written,
        };
        entry.time = Some(writer.now);
        managers.put(entry);
    }
    managers.cap();
    Ok(managers)
}

fn managed_changes(root: Type<'_>, live: Option<&Value>, new: &Value, reset: &[&str]) -> Result<Changes, NoIdentity> {
    Ok(compare(root, live, new)?.without(&dotted(reset)))
}

fn before(live: Option<&Value>, new: &Value, manager: &Manager<'_>) -> Managers {
    let live = || live.map(decode_or_none).unwrap_or_default();
    if !manager.subresource.is_empty() {
        return live();
    }
    if is_reset(new) {
        return Managers::default();
    }
    match Managers::decode(new) {
        Ok(sent) if !sent.is_empty() => sent,
        _ => live(),
    }
}

/// The managers of an object; unreadable ones count as none.
pub(super) fn decode_or_none(object: &Value) -> Managers {
    Managers::decode(object).unwrap_or_default()
}
