//! Several versions of one kind: objects are stored in one of them, and shown in each as a custom resource without a conversion
//! webhook is. Fields keep their names and values; what a version's schema does not know is not in it.

use std::{cmp::Ordering, sync::Arc};

use serde_json::Value;

use super::{ResourceDefinition, object};
use crate::schema::Schema;

/// The version of a kind in which its objects are stored.
pub struct StoredVersion {
    /// Its name, such as `v1`.
    pub version: String,
    /// Its schema.
    pub schema: Arc<Schema>,
}

impl ResourceDefinition {
    /// Makes a stored object one of this version.
    pub(super) fn show(&self, stored: &mut Value) {
        if self.stored_as.is_some() {
            convert(stored, &self.names.api_version(), &self.schema);
        }
    }

    /// The object of this version as it is stored, where that is another one.
    pub(super) fn stored_form(&self, object: &Value) -> Option<Value> {
        let stored_as = self.stored_as.as_deref()?;
        let mut names = self.names.clone();
        names.version.clone_from(&stored_as.version);
        let mut stored = object.clone();
        convert(&mut stored, &names.api_version(), &stored_as.schema);
        stored_as.schema.apply_defaults(&mut stored);
        Some(stored)
    }

    /// The object as it would be read if it were stored.
    pub(super) fn as_if_stored(&self, object: Value) -> Value {
        match self.stored_form(&object) {
            Some(mut stored) => {
                self.show(&mut stored);
                stored
            }
            None => object,
        }
    }

    /// The version in which objects are stored.
    pub(crate) fn storage_version(&self) -> &str {
        let stored_as = self.stored_as.as_deref();
        stored_as.map_or(&self.names.version, |stored_as| &stored_as.version)
    }
}

fn convert(object: &mut Value, api_version: &str, schema: &Schema) {
    object::metadata_mut(object);
    object["apiVersion"] = api_version.into();
    schema.prune(object);
}

/// Every kind once, in the version that comes first: the list itself, where no kind has more.
pub(super) fn kinds(definitions: &Arc<[ResourceDefinition]>) -> Arc<[ResourceDefinition]> {
    let is_first = |position: usize| {
        let names = &definitions[position].names;
        let mut before = definitions[..position].iter().map(|definition| &definition.names);
        !before.any(|before| before.plural == names.plural && before.group == names.group)
    };
    let first: Vec<usize> = (0..definitions.len()).filter(|position| is_first(*position)).collect();
    if first.len() == definitions.len() {
        return definitions.clone();
    }
    first
        .into_iter()
        .map(|position| definitions[position].clone())
        .collect()
}

/// Which of two versions clients prefer comes first: `v2` before `v1` before `v1beta2` before `v1alpha3`, and names of another
/// form last, in their own order.
pub(crate) fn by_priority(one: &str, other: &str) -> Ordering {
    match (Parsed::from(one), Parsed::from(other)) {
        (Some(one), Some(other)) => other.cmp(&one),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

/// A version's name in the form that Kubernetes uses: how mature, then the numbers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Parsed {
    stage: Stage,
    major: u64,
    minor: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Alpha,
    Beta,
    Stable,
}

impl Parsed {
    fn from(name: &str) -> Option<Parsed> {
        let rest = name.strip_prefix('v')?;
        let (major, stage, minor) = match rest.find(|c: char| !c.is_ascii_digit()) {
            None => (rest, Stage::Stable, "0"),
            Some(at) => {
                let (major, rest) = rest.split_at(at);
                let alpha = rest.strip_prefix("alpha").map(|minor| (major, Stage::Alpha, minor));
                alpha.or_else(|| rest.strip_prefix("beta").map(|minor| (major, Stage::Beta, minor)))?
            }
        };
        let number = |digits: &str| {
            let plain = !digits.starts_with(['0', '+']) || digits == "0";
            plain.then(|| digits.parse().ok()).flatten()
        };
        let (major, minor) = (number(major)?, number(minor)?);
        (major > 0).then_some(Parsed { stage, major, minor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_come_first_and_newer_before_older() {
        let mut names = [
            "foo10", "v1alpha1", "v2", "v1beta12", "v11", "foo1", "v1", "v1beta2", "v2alpha1", "v01", "v0",
        ];
        names.sort_by(|one, other| by_priority(one, other));
        let expected = [
            "v11", "v2", "v1", "v1beta12", "v1beta2", "v2alpha1", "v1alpha1", "foo1", "foo10", "v0", "v01",
        ];
        assert_eq!(names, expected);
    }
}
