//! What a write changed.

use serde_json::{Map, Value};

use super::{
    path::PathElement,
    set::FieldSet,
    typed::{Form, Items, NoIdentity, Type},
    value::same,
};

/// The difference of two values. No path is in more than one set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Fields that are no longer there.
    pub(super) removed: FieldSet,
    /// Leaves with another value.
    pub(super) modified: FieldSet,
    /// Fields that were not there.
    pub(super) added: FieldSet,
}

impl Changes {
    /// Modified and added fields: what the writer of the new value set.
    pub(super) fn written(&self) -> FieldSet {
        self.modified.union(&self.added)
    }

    /// Without these fields and all below them.
    pub(super) fn without(self, fields: &FieldSet) -> Changes {
        if fields.is_empty() {
            return self;
        }
        Changes {
            removed: self.removed.recursive_difference(fields),
            modified: self.modified.recursive_difference(fields),
            added: self.added.recursive_difference(fields),
        }
    }

    fn push(&mut self, element: impl FnOnce() -> PathElement, change: Change) {
        if change.is_none() {
            return;
        }
        let element = element();
        let Change { own, below } = change;
        self.removed.push(element.clone(), own == Own::Removed, below.removed);
        self.modified
            .push(element.clone(), own == Own::Modified, below.modified);
        self.added.push(element, own == Own::Added, below.added);
    }
}

/// Compares two objects; an absent one counts as empty.
pub(super) fn compare(r#type: Type<'_>, old: Option<&Value>, new: &Value) -> Result<Changes, NoIdentity> {
    Ok(walk(r#type, old, Some(new))?.below)
}

/// What happened to one value, and below it.
#[derive(Default)]
struct Change {
    own: Own,
    below: Changes,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Own {
    #[default]
    Same,
    Removed,
    Modified,
    Added,
}

impl Change {
    fn own(own: Own) -> Change {
        Change {
            own,
            below: Changes::default(),
        }
    }

    fn is_none(&self) -> bool {
        self.own == Own::Same
            && self.below.removed.is_empty()
            && self.below.modified.is_empty()
            && self.below.added.is_empty()
    }
}

fn walk(r#type: Type<'_>, old: Option<&Value>, new: Option<&Value>) -> Result<Change, NoIdentity> {
    let forms = (form_of(r#type, old), form_of(r#type, new));
    let below = match forms {
        (Form::Map(old), Form::Map(new)) => maps(r#type, Some(old), Some(new))?,
        (Form::Map(old), Form::Null) => maps(r#type, Some(old), None)?,
        (Form::Null, Form::Map(new)) => maps(r#type, None, Some(new))?,
        (Form::List(old), Form::List(new)) => lists(r#type, old, new)?,
        (Form::List(old), Form::Null) => lists(r#type, old, &[])?,
        (Form::Null, Form::List(new)) => lists(r#type, &[], new)?,
        (Form::Leaf | Form::Null, Form::Leaf | Form::Null) => Changes::default(),
        // The value changed its form: what was below it is gone, what is below it is new.
        _ => mixed(r#type, old, new)?,
    };
    let own = match (old, new) {
        (None, Some(_)) => Own::Added,
        (Some(_), None) => Own::Removed,
        (Some(old), Some(new)) if is_whole(forms) && !same(old, new) => Own::Modified,
        _ => Own::Same,
    };
    Ok(Change { own, below })
}

fn form_of<'v>(r#type: Type<'_>, value: Option<&'v Value>) -> Form<'v> {
    value.map_or(Form::Null, |value| r#type.form(value))
}

/// Whether a change of these two forms is a change of the value itself and not only of what is below it.
fn is_whole(forms: (Form<'_>, Form<'_>)) -> bool {
    match forms {
        (Form::Map(old), Form::Map(new)) => old.is_empty() && new.is_empty(),
        (Form::List(old), Form::List(new)) => old.is_empty() && new.is_empty(),
        (Form::Map(fields), Form::Null) | (Form::Null, Form::Map(fields)) => fields.is_empty(),
        (Form::List(items), Form::Null) | (Form::Null, Form::List(items)) => items.is_empty(),
        _ => true,
    }
}

fn mixed(r#type: Type<'_>, old: Option<&Value>, new: Option<&Value>) -> Result<Changes, NoIdentity> {
    let removed = walk(r#type, old, None)?.below.removed;
    let added = walk(r#type, None, new)?.below.added;
    Ok(Changes {
        removed,
        modified: FieldSet::default(),
        added,
    })
}

fn maps(
    r#type: Type<'_>,
    old: Option<&Map<String, Value>>,
    new: Option<&Map<String, Value>>,
) -> Result<Changes, NoIdentity> {
    let mut changes = Changes::default();
    for (name, before) in old.into_iter().flatten() {
        let after = new.and_then(|new| new.get(name));
        let change = walk(r#type.field(name).r#type, Some(before), after)?;
        changes.push(|| PathElement::field(name), change);
    }
    for (name, after) in new.into_iter().flatten() {
        if old.is_some_and(|old| old.contains_key(name)) {
            continue;
        }
        let change = walk(r#type.field(name).r#type, None, Some(after))?;
        changes.push(|| PathElement::field(name), change);
    }
    Ok(changes)
}

fn lists(list: Type<'_>, old: &[Value], new: &[Value]) -> Result<Changes, NoIdentity> {
    if old == new {
        return Ok(Changes::default());
    }
    let (old, new) = (Items::of(list, old)?, Items::of(list, new)?);
    let mut changes = Changes::default();
    for element in old.distinct() {
        let change = items(list.item(), old.all(element), new.all(element))?;
        changes.push(|| element.clone(), change);
    }
    for element in new.distinct().filter(|element| !old.has(element)) {
        let change = items(list.item(), old.all(element), new.all(element))?;
        changes.push(|| element.clone(), change);
    }
    Ok(changes)
}

/// The items with one path element. Duplicates count as one leaf.
fn items<'v>(
    r#type: Type<'_>,
    mut old: impl ExactSizeIterator<Item = &'v Value>,
    mut new: impl ExactSizeIterator<Item = &'v Value>,
) -> Result<Change, NoIdentity> {
    match (old.len(), new.len()) {
        (0 | 1, 0 | 1) => walk(r#type, old.next(), new.next()),
        (0 | 1, _) => {
            let gone = old
                .next()
                .map_or(Ok(Change::default()), |old| walk(r#type, Some(old), None))?;
            Ok(Change {
                own: Own::Added,
                below: gone.below,
            })
        }
        (_, 0 | 1) => {
            let fresh = new
                .next()
                .map_or(Ok(Change::default()), |new| walk(r#type, None, Some(new)))?;
            // The path is gone as a leaf of duplicates, and back as an ordinary item.
            let own = if fresh.own == Own::Added {
                Own::Modified
            } else {
                Own::Removed
            };
            Ok(Change {
                own,
                below: fresh.below,
            })
        }
        (before, after) => {
            let equal = before == after && old.zip(new).all(|(old, new)| same(old, new));
            Ok(Change::own(if equal { Own::Same } else { Own::Modified }))
        }
    }
}
