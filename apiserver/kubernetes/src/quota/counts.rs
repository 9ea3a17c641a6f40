//! What a namespace holds, as the watch cache knows it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};

use generic_apiserver::{
    cache::Snapshot,
    registry::{Names, Registry, Resource},
};
use serde_json::Value;

use super::{
    Amounts, ResourceQuota,
    charge::add,
    ledger::{Pending, What},
    meter::Meter,
};
use crate::quantity::Quantity;

/// Every resource that quotas count. Weak, as admission keeps it, which the resources themselves keep.
pub(super) struct Counts {
    counted: Vec<Counted>,
    /// Every name that can be counted.
    names: BTreeSet<String>,
}

pub(super) struct Counted {
    pub(super) meter: Meter,
    pub(super) resource: Weak<Resource>,
}

impl Counts {
    /// Of what a registry stores; of one that is gone nothing.
    pub(super) fn of(registry: Option<&Registry>) -> Counts {
        let stored = registry.into_iter().flat_map(|registry| {
            let definitions = registry.definitions().iter();
            let stored = definitions.filter(|definition| definition.virtual_create.is_none());
            stored.filter_map(|definition| Counted::of(registry, &definition.names))
        });
        let counted: Vec<Counted> = stored.collect();
        let names = counted.iter().flat_map(|counted| counted.meter.names());
        Counts {
            names: names.map(str::to_owned).collect(),
            counted,
        }
    }

    pub(super) fn counted(&self) -> &[Counted] {
        &self.counted
    }

    /// The place of the resource that a meter is of.
    pub(super) fn position(&self, meter: &Meter) -> Option<usize> {
        self.counted.iter().position(|counted| counted.meter == *meter)
    }

    /// Whether a quota's status says all that can be said of what it wants.
    pub(super) fn is_current(&self, quota: &ResourceQuota) -> bool {
        let mut countable = quota.wanted.keys().filter(|name| self.names.contains(*name));
        quota.wanted == quota.hard && countable.all(|name| quota.used.contains_key(name))
    }

    /// Puts into a quota what it wants and what is used of it: what is stored, and what is on the way there. The amount of what can't
    /// be counted stays.
    pub(super) fn recount(&self, quota: &mut ResourceQuota, namespace: &str, pending: &[Pending]) {
        quota.hard.clone_from(&quota.wanted);
        quota.used.retain(|name, _| quota.wanted.contains_key(name));
        for (position, counted) in self.counted.iter().enumerate() {
            let limited: Vec<&str> = counted
                .meter
                .names()
                .filter(|name| quota.wanted.contains_key(*name))
                .collect();
            let Some(snapshot) = (!limited.is_empty()).then(|| counted.snapshot()).flatten() else {
                continue;
            };
            let mut used = counted.stored(&snapshot, namespace, quota);
            let on_the_way = pending.iter().filter(|pending| pending.resource == position);
            for pending in on_the_way.filter(|pending| !pending.is_in(&snapshot)) {
                add(&mut used, &pending.more);
            }
            for name in limited {
                let amount = used.get(name).copied().unwrap_or(Quantity::ZERO);
                quota.used.insert(name.to_owned(), amount);
            }
        }
    }

    /// Whether the cache shows what was on the way.
    pub(super) fn shows(&self, pending: &Pending) -> bool {
        let counted = self.counted.get(pending.resource);
        let snapshot = counted.and_then(Counted::snapshot);
        snapshot.is_some_and(|snapshot| pending.is_in(&snapshot))
    }
}

impl Counted {
    fn of(registry: &Registry, names: &Names) -> Option<Counted> {
        Some(Counted {
            meter: Meter::of(names)?,
            resource: Arc::downgrade(&registry.resource(&names.group, &names.plural)?),
        })
    }

    fn snapshot(&self) -> Option<Snapshot> {
        Some(self.resource.upgrade()?.cache()?.snapshot())
    }

    fn stored(&self, snapshot: &Snapshot, namespace: &str, quota: &ResourceQuota) -> Amounts {
        if self.meter.is_plain() && quota.scopes.is_empty() {
            let count = u32::try_from(snapshot.count(Some(namespace), None)).unwrap_or(u32::MAX);
            let names = self.meter.names();
            return names.map(|name| (name.to_owned(), Quantity::count(count))).collect();
        }
        let mut used = Amounts::new();
        if self.meter.is_plain() {
            return used;
        }
        for entry in snapshot.range(Some(namespace), None) {
            // What can't be read can't be in a scope, and is not there for clients either.
            let object: Value = serde_json::from_slice(&entry.encoded).unwrap_or_default();
            if self.meter.is_in(&quota.scopes, &object) {
                add(&mut used, &self.meter.usage(&object));
            }
        }
        used
    }
}

impl Pending {
    /// Whether a snapshot shows it, or that it never will be there.
    fn is_in(&self, snapshot: &Snapshot) -> bool {
        let found = snapshot.get(&self.namespace, &self.name);
        match &self.what {
            What::New { uid } => found.is_some_and(|entry| entry.uid().as_ref() == Some(uid)),
            What::Changed { from } => found.is_none_or(|entry| entry.revision.to_string() != *from),
        }
    }
}
