//! Server-side apply.

use serde_json::Value;

use super::{
    ApplyError, Conflict, Manager, Operation,
    compare::compare,
    extract::fields_of,
    last_applied,
    managers::{Entry, Managers},
    merge::merge,
    ownership::{UNMANAGED, dotted},
    prune::prune,
    set::FieldSet,
    typed::{NoIdentity, Type},
    update,
    validate::problems,
    value::same,
};
use crate::schema::Schema;

/// The manager of fields that were there before an object was first applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Server-side apply of `config` by `manager`. `live` is `None` for a create.
///
/// The result is the live object with the configuration merged into it, without the fields that this manager applied
/// last time, does not apply any more and nobody else owns. It carries the new `metadata.managedFields`, and equals
/// `live` where the apply changes nothing. `config` must carry `apiVersion`, `kind` and `metadata`, without managed fields.
///
/// `blank` is what the kind's struct shows when nothing is set, which is nobody's; none for a kind that has none.
///
/// `reset` are fields (dotted paths such as `status`) that this endpoint can't own. The result holds the configuration's
/// values of them: the caller restores the live ones, as for every write through this endpoint.
pub fn apply(
    schema: &Schema,
    live: Option<&Value>,
    config: &Value,
    manager: &Manager<'_>,
    force: bool,
    blank: Option<&Value>,
    reset: &[&str],
) -> Result<Value, ApplyError> {
    let root = Type::root(schema);
    if let Some(problems) = problems(root, config) {
        return Err(ApplyError::Invalid(format!(
            "failed to create typed patch object ({}): {problems}",
            name_of(config)
        )));
    }
    let invalid = |NoIdentity| {
        let problems = live.and_then(|live| self::problems(root, live)).unwrap_or_default();
        ApplyError::Invalid(format!(
            "failed to create typed live object ({}): {problems}",
            name_of(config)
        ))
    };
    let empty = Value::Object(serde_json::Map::new());
    let unowned = dotted(reset);
    let application = Application {
        root,
        live: live.unwrap_or(&empty),
        config,
        manager,
        claimed: without(fields_of(root, config).map_err(invalid)?, &unowned),
        unowned,
    };
    let owners = owners_before(root, live, blank, manager).map_err(invalid)?;
    let mut applied = match application.run(&owners, force).map_err(invalid)? {
        Outcome::Applied(object) => object,
        Outcome::Refused(conflicts) => match application.without_client_side(conflicts) {
            conflicts if conflicts.is_empty() => match application.run(&owners, true).map_err(invalid)? {
                Outcome::Applied(object) => object,
                Outcome::Refused(conflicts) => return Err(ApplyError::Conflicts(conflicts)),
            },
            conflicts => return Err(ApplyError::Conflicts(conflicts)),
        },
    };
    if manager.name == last_applied::KUBECTL {
        last_applied::refresh(&mut applied, config);
    }
    Ok(applied)
}

fn without(fields: FieldSet, unowned: &FieldSet) -> FieldSet {
    if unowned.is_empty() {
        fields
    } else {
        fields.recursive_difference(unowned)
    }
}

/// The managers of the live object. One that has none was written before anybody applied it: all its fields belong to a
/// manager of their own, so that the apply conflicts with them.
fn owners_before(
    root: Type<'_>,
    live: Option<&Value>,
    blank: Option<&Value>,
    manager: &Manager<'_>,
) -> Result<Managers, NoIdentity> {
    let Some(live) = live else {
        return Ok(Managers::default());
    };
    let mut owners = update::decode_or_none(live);
    if owners.is_empty() {
        let before = Manager {
            name: BEFORE_FIRST_APPLY,
            ..*manager
        };
        return update::after(root, blank, live, owners, &before, &[]);
    }
    owners.fit(root);
    Ok(owners)
}

/// One apply request against one state of the object.
struct Application<'a> {
    root: Type<'a>,
    live: &'a Value,
    config: &'a Value,
    manager: &'a Manager<'a>,
    /// Fields that this endpoint can't own.
    unowned: FieldSet,
    /// Fields of the configuration.
    claimed: FieldSet,
}

enum Outcome {
    Applied(Value),
    Refused(Vec<Conflict>),
}

impl Application<'_> {
    fn run(&self, owners: &Managers, force: bool) -> Result<Outcome, NoIdentity> {
        let mut entry = Entry::of(self.manager, Operation::Apply);
        entry.fields = self.claimed.difference(&UNMANAGED);
        let last = owners.get(&entry);
        entry.time = last.and_then(|last| last.time);
        let merged = merge(self.root, self.live, self.config)?;
        if merged.is_none() && last == Some(&entry) {
            let mut object = self.live.clone();
            let stored = object["metadata"]["managedFields"].as_array().map_or(0, Vec::len);
            // A manager that was there twice, as a write through a Scale leaves it, is one again.
            if stored != owners.iter().count() {
                owners.clone().encode(&mut object);
            }
            return Ok(Outcome::Applied(object));
        }

        let merged = merged.unwrap_or_else(|| self.live.clone());
        let pruned = match last.filter(|last| !last.fields.is_subset(&self.claimed)) {
            Some(last) => Some(prune(
                self.root,
                &merged,
                &last.fields,
                &self.owned_after(owners, &entry),
            )?),
            None => None,
        };
        let compared = pruned.as_ref().map_or(&merged, |pruned| &pruned.compared);
        let changes = compare(self.root, Some(self.live), compared)?.without(&self.unowned);
        let conflicts = owners.conflicts(&entry, &changes.written());
        if !force && !conflicts.is_empty() {
            return Ok(Outcome::Refused(conflicts));
        }

        let mut object = pruned.map_or(merged, |pruned| pruned.object);
        let mut owners = owners.clone();
        if !same(self.live, &object) {
            entry.time = Some(self.manager.now);
        }
        owners.put(entry.clone());
        owners.surrender(Some(&entry), &changes);
        owners.encode(&mut object);
        Ok(Outcome::Applied(object))
    }

    /// What anybody owns once the configuration is applied.
    fn owned_after(&self, owners: &Managers, applier: &Entry) -> FieldSet {
        let applied_before = owners.get(applier);
        owners
            .iter()
            .filter(|entry| applied_before != Some(*entry))
            .fold(self.claimed.union(&UNMANAGED), |owned, entry| {
                owned.union(&entry.fields)
            })
    }

    /// The conflicts that stay when kubectl takes over the fields it owns by client-side apply.
    fn without_client_side(&self, conflicts: Vec<Conflict>) -> Vec<Conflict> {
        if self.manager.name != last_applied::KUBECTL {
            return conflicts;
        }
        let Some(owned) = last_applied::owned_fields(self.root, self.live, self.manager.api_version) else {
            return conflicts;
        };
        let owned: Vec<String> = owned
            .paths()
            .iter()
            .map(|path| path.iter().map(ToString::to_string).collect())
            .collect();
        conflicts
            .into_iter()
            .filter(|conflict| !owned.contains(&conflict.field))
            .collect()
    }
}

/// `namespace/name; group/version, Kind=kind`, as errors name an object.
fn name_of(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let api_version = text("/apiVersion");
    let slash = if api_version.contains('/') { "" } else { "/" };
    format!(
        "{}/{}; {slash}{api_version}, Kind={}",
        text("/metadata/namespace"),
        text("/metadata/name"),
        text("/kind")
    )
}
