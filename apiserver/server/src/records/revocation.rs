//! GuestRevocation: an order that takes effect once, at the moment it is accepted.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use generic_apiserver::{
    admission::Notes,
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext, Verbs, crd},
    status::{FieldError, Status},
};
use guestcluster_types::{GuestRevocation, columns};
use jiff::{SignedDuration, Timestamp};
use kube::CustomResourceExt as _;
use serde_json::{Value, json};

use crate::{audit::Annotation, exchange::Guests, guestclusters};

/// How long new credentials may be blocked, from now.
const LONGEST_BLOCK: SignedDuration = SignedDuration::from_hours(24);

/// GuestRevocation with its columns and rules.
pub(crate) fn definition(guests: Arc<OnceLock<Guests>>) -> anyhow::Result<ResourceDefinition> {
    let mut definition = crd::definition_from(&serde_json::to_value(GuestRevocation::crd())?)?;
    definition.columns = guestclusters::columns(columns::GUEST_REVOCATION);
    definition.verbs = Verbs::All;
    definition.strategy = Arc::new(Rules { guests });
    Ok(definition)
}

struct Rules {
    /// Set once the registry that these rules are part of runs.
    guests: Arc<OnceLock<Guests>>,
}

#[async_trait]
impl Strategy for Rules {
    /// What was minted up to this moment ends, and the guest is the one that bears the name at this moment.
    fn prepare_for_create(&self, context: &StrategyContext<'_>, object: &mut Value) {
        object["spec"]["issuedBefore"] = json!(now().to_string());
        let spec = &mut object["spec"];
        if !spec["clusterRef"]["uid"].is_null() {
            return;
        }
        let name = spec["clusterRef"]["name"].as_str().unwrap_or_default();
        let guest = self.guests.get().and_then(|guests| guests.uid(context.namespace, name));
        if let Some(uid) = guest {
            spec["clusterRef"]["uid"] = json!(uid);
        }
    }

    /// Controllers write status and finalizers; what was ordered stays.
    async fn validate_update(
        &self,
        _context: &StrategyContext<'_>,
        object: &Value,
        old: &Value,
    ) -> Result<Findings, Status> {
        Ok(super::unchanged_spec(object, old))
    }

    /// Lifts its block.
    async fn validate_delete(&self, context: &StrategyContext<'_>, object: &Value) -> Result<(), Status> {
        let until = object["spec"]["blockUntil"].as_str().unwrap_or_default();
        if until.parse().is_ok_and(|until: Timestamp| until > now()) {
            Annotation::BlocksUntil.add(context.notes, until);
        }
        Ok(())
    }

    async fn validate_create(&self, context: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        let spec = &object["spec"];
        annotate(context.notes, spec);
        let mut errors = Vec::new();
        errors.extend(cluster(spec));
        errors.extend(subject(spec));
        errors.extend(block(spec, now()));
        Ok(Findings {
            errors,
            warnings: Vec::new(),
        })
    }
}

/// Tells the audit log whom it is about, and until when.
fn annotate(notes: &Notes, spec: &Value) {
    match spec["subject"]["user"].as_str() {
        Some(user) => Annotation::Revokes.add(notes, format_args!("user={user}")),
        None => Annotation::Revokes.add(notes, "everybody"),
    }
    for (annotation, value) in [
        (Annotation::GuestUid, &spec["clusterRef"]["uid"]),
        (Annotation::IssuedBefore, &spec["issuedBefore"]),
        (Annotation::BlocksUntil, &spec["blockUntil"]),
    ] {
        if let Some(value) = value.as_str() {
            annotation.add(notes, value);
        }
    }
}

fn cluster(spec: &Value) -> Option<FieldError> {
    if !spec["clusterRef"]["uid"].is_null() {
        return None;
    }
    let name = &spec["clusterRef"]["name"];
    Some(FieldError::invalid(
        "spec.clusterRef.name",
        name.clone(),
        "there is no GuestCluster of this name here that has a guest UID; for a guest whose GuestCluster is gone give spec.clusterRef.uid",
    ))
}

fn subject(spec: &Value) -> Option<FieldError> {
    let (one, all) = (!spec["subject"].is_null(), spec["all"] == json!(true));
    match (one, all) {
        (true, false) | (false, true) => None,
        (true, true) => Some(FieldError::invalid("spec.all", true, "must not be set beside subject")),
        (false, false) => Some(FieldError::required(
            "spec.subject",
            "name a user as spec.subject.user, or everybody by spec.all: true",
        )),
    }
}

fn block(spec: &Value, now: Timestamp) -> Option<FieldError> {
    let text = spec["blockUntil"].as_str()?;
    let refused = |detail: &str| Some(FieldError::invalid("spec.blockUntil", text, detail.to_owned()));
    // The schema has judged its form.
    let until: Timestamp = text.parse().ok()?;
    if until <= now {
        return refused("must be in the future");
    }
    if until > now + LONGEST_BLOCK {
        return refused("must be within 24 hours from now");
    }
    None
}

/// In whole seconds, as Kubernetes writes times.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_names_one_or_everybody() {
        assert!(subject(&json!({"subject": {"user": "ann@corp"}})).is_none());
        assert!(subject(&json!({"all": true})).is_none());
        assert!(subject(&json!({"all": true, "subject": {"user": "ann@corp"}})).is_some());
        assert!(subject(&json!({"all": false})).is_some());
        assert!(subject(&json!({})).is_some());
    }

    #[test]
    fn a_block_ends_within_a_day() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let blocked = |until: &str| block(&json!({"blockUntil": until}), now);
        assert!(blocked("2026-01-01T01:00:00Z").is_none());
        assert!(blocked("2026-01-02T00:00:00Z").is_none());
        assert!(blocked("2026-01-02T00:00:01Z").is_some());
        assert!(blocked("2025-12-31T23:59:59Z").is_some());
        assert!(block(&json!({}), now).is_none());
    }
}
