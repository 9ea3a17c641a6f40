//! What a terminating namespace still holds, and how its status tells of it. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

/// What a pass over a namespace's content found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Remaining {
    /// By `plural.group`: how many objects are left.
    pub(super) objects: BTreeMap<String, usize>,
    /// By finalizer: how many objects it holds.
    pub(super) finalizers: BTreeMap<String, usize>,
    /// Why objects could not be deleted.
    pub(super) failures: Vec<String>,
}

impl Remaining {
    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Counts an object that is left, with its finalizers.
    pub(super) fn add(&mut self, group_resource: &str, finalizers: &[String]) {
        *self.objects.entry(group_resource.to_owned()).or_default() += 1;
        for finalizer in finalizers {
            *self.finalizers.entry(finalizer.clone()).or_default() += 1;
        }
    }

    /// Puts the conditions into a namespace, with the time of those whose status changes. False when nothing changes.
    pub(super) fn report(&self, namespace: &mut Value, now: Timestamp) -> bool {
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
        let mut changed = false;
        for (r#type, is_true, reason, message) in self.conditions() {
            changed |= set_condition(namespace, r#type, is_true, reason, &message, &now);
        }
        changed
    }

    fn conditions(&self) -> [(&'static str, bool, &'static str, String); 3] {
        let failure = match self.failures.as_slice() {
            [] => (
                false,
                "ContentDeleted",
                "All content is deleted or waits for its finalizers".to_owned(),
            ),
            failures => (true, "ContentDeletionFailed", failures.join("; ")),
        };
        let content = if self.objects.is_empty() {
            (false, "ContentRemoved", "All content is removed".to_owned())
        } else {
            let counts = self
                .objects
                .iter()
                .map(|(resource, count)| format!("{resource} has {count} resource instances"));
            (
                true,
                "SomeResourcesRemain",
                format!("Some resources are remaining: {}", list(counts)),
            )
        };
        let finalizers = if self.finalizers.is_empty() {
            (
                false,
                "ContentHasNoFinalizers",
                "No content is held by a finalizer".to_owned(),
            )
        } else {
            let counts = self
                .finalizers
                .iter()
                .map(|(name, count)| format!("{name} in {count} resource instances"));
            let message = format!(
                "Some content in the namespace has finalizers remaining: {}",
                list(counts)
            );
            (true, "SomeFinalizersRemain", message)
        };
        [
            ("NamespaceDeletionContentFailure", failure.0, failure.1, failure.2),
            ("NamespaceContentRemaining", content.0, content.1, content.2),
            ("NamespaceFinalizersRemaining", finalizers.0, finalizers.1, finalizers.2),
        ]
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn set_condition(namespace: &mut Value, r#type: &str, is_true: bool, reason: &str, message: &str, now: &str) -> bool {
    let status = if is_true { "True" } else { "False" };
    if !namespace["status"]["conditions"].is_array() {
        namespace["status"]["conditions"] = json!([]);
    }
    let Some(conditions) = namespace["status"]["conditions"].as_array_mut() else {
        return false;
    };
    let Some(condition) = conditions.iter_mut().find(|condition| condition["type"] == r#type) else {
        conditions.push(json!({
            "type": r#type, "status": status, "reason": reason, "message": message, "lastTransitionTime": now,
        }));
        return true;
    };
    if condition["status"] == status && condition["reason"] == reason && condition["message"] == message {
        return false;
    }
    if condition["status"] != status {
        condition["lastTransitionTime"] = now.into();
    }
    condition["status"] = status.into();
    condition["reason"] = reason.into();
    condition["message"] = message.into();
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_name_what_is_left_and_move_only_when_they_change() {
        let mut remaining = Remaining::default();
        remaining.add("pods", &["example.com/a".to_owned()]);
        remaining.add("pods", &[]);
        let mut namespace = json!({"status": {"phase": "Terminating"}});
        let first = Timestamp::from_second(1_000_000).unwrap();
        assert!(remaining.report(&mut namespace, first));
        let of = |namespace: &Value, r#type: &str| {
            let conditions = namespace["status"]["conditions"].as_array().unwrap();
            conditions
                .iter()
                .find(|condition| condition["type"] == r#type)
                .unwrap()
                .clone()
        };
        let content = of(&namespace, "NamespaceContentRemaining");
        assert_eq!(content["status"], "True");
        assert_eq!(
            content["message"],
            "Some resources are remaining: pods has 2 resource instances"
        );
        assert_eq!(
            of(&namespace, "NamespaceFinalizersRemaining")["message"],
            "Some content in the namespace has finalizers remaining: example.com/a in 1 resource instances"
        );

        let later = Timestamp::from_second(2_000_000).unwrap();
        assert!(!remaining.report(&mut namespace, later));
        assert!(Remaining::default().report(&mut namespace, later));
        let content = of(&namespace, "NamespaceContentRemaining");
        assert_eq!(
            (content["status"].as_str(), content["reason"].as_str()),
            (Some("False"), Some("ContentRemoved"))
        );
        assert_eq!(content["lastTransitionTime"], later.to_string());
    }
}
