//! Tells the records how far they are, and lets go what is in force.

use std::fmt::Debug;

use guestcluster_credentials::trust_object::{self, InForce};
use guestcluster_types::{GuestCredential, NodeTrust, labels::REVOCATION_FINALIZER};
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Context, Error,
    apply::Object,
    dereference::{self, Records},
};
use crate::reports::Report;

/// What each control-plane node judges by, as it reports at the object.
pub(super) fn nodes(names: &[String], object: &Object) -> Vec<NodeTrust> {
    let hash = trust_object::hash(&object.jws);
    let node = |name: &String| {
        let report = InForce::of(&object.annotations, name);
        NodeTrust {
            name: name.clone(),
            generation: report
                .as_ref()
                .map_or(0, |report| i64::try_from(report.generation).unwrap_or(i64::MAX)),
            in_force: report.is_some_and(|report| report.hash == hash),
        }
    };
    names.iter().map(node).collect()
}

/// Whether every node judges by the object.
pub(super) fn is_in_force(nodes: &[NodeTrust]) -> bool {
    !nodes.is_empty() && nodes.iter().all(|node| node.in_force)
}

/// What there is to tell of a guest. That reports are about to come is no news.
pub(super) fn report(nodes: &[NodeTrust], may_come: bool) -> Option<Report> {
    if nodes.iter().any(|node| node.in_force) {
        return Some(Report::InForce);
    }
    let names: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
    (!may_come).then(|| {
        Report::Waiting(match names[..] {
            [] => "the guest shows no control-plane node".to_owned(),
            _ => format!("{} does not report that it accepts credentials", names.join(" and ")),
        })
    })
}

/// Writes status and finalizers.
pub(super) async fn tell(context: &Context, records: &Records, nodes: &[NodeTrust]) -> Result<(), Error> {
    let in_force = is_in_force(nodes);
    let told = told(in_force, nodes, Timestamp::now());
    for revocation in &records.revocations {
        let known = revocation.status.as_ref().map(|status| status.nodes.as_slice());
        if dereference::is_in_force(revocation) != in_force || known != Some(nodes) {
            tell_record(&context.client, revocation.as_ref(), &told).await?;
            let since = revocation.creation_timestamp();
            if let Some(since) = since.filter(|_| in_force && !dereference::is_in_force(revocation)) {
                context.runs.in_force(since.0);
            }
        }
    }
    for credential in &records.revoked {
        if in_force {
            let is_done = let_go(&context.client, credential).await?;
            let since = credential.metadata.deletion_timestamp.as_ref();
            if let Some(since) = since.filter(|_| is_done) {
                context.runs.in_force(since.0);
            }
            continue;
        }
        // Who waits for the end of the record sees for which node.
        let known = credential.status.as_ref().map(|status| status.nodes.as_slice());
        if known != Some(nodes) {
            tell_record(&context.client, credential.as_ref(), &told).await?;
        }
    }
    Ok(())
}

/// Takes the finalizer off: the guest refuses the credential, or nobody could show it any more. Whether it was on until now.
pub(super) async fn let_go(client: &Client, credential: &GuestCredential) -> Result<bool, Error> {
    let finalizers: Vec<_> = credential
        .finalizers()
        .iter()
        .filter(|finalizer| *finalizer != REVOCATION_FINALIZER)
        .collect();
    if finalizers.len() == credential.finalizers().len() {
        return Ok(false);
    }
    let patch = json!({"metadata": {
        "resourceVersion": credential.resource_version(), "uid": credential.uid(), "finalizers": finalizers,
    }});
    let api: Api<GuestCredential> = Api::namespaced(client.clone(), &credential.namespace().unwrap_or_default());
    match api
        .patch(&credential.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await
    {
        // Somebody else did, or changed it: its next event comes back here.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
        other => other.map(|_| true).map_err(Error::from),
    }
}

/// Writes what is told of a record, unless it is gone.
async fn tell_record<K>(client: &Client, record: &K, told: &Value) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), &record.namespace().unwrap_or_default());
    match api
        .patch_status(&record.name_any(), &PatchParams::default(), &Patch::Merge(told))
        .await
    {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop).map_err(Error::from),
    }
}

fn told(in_force: bool, nodes: &[NodeTrust], now: Timestamp) -> Value {
    json!({"status": {"nodes": nodes, "conditions": [condition(in_force, nodes, now)]}})
}

fn condition(in_force: bool, nodes: &[NodeTrust], now: Timestamp) -> Value {
    let waiting: Vec<_> = nodes
        .iter()
        .filter(|node| !node.in_force)
        .map(|node| node.name.as_str())
        .collect();
    let (status, reason, message) = match (in_force, waiting.is_empty()) {
        (true, _) => ("True", "InForce", String::new()),
        (false, true) => (
            "False",
            "NoControlPlaneNode",
            "the guest shows no control-plane node".to_owned(),
        ),
        (false, false) => ("False", "Waiting", format!("waiting for {}", waiting.join(", "))),
    };
    // In whole seconds, as Kubernetes writes times.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    json!({
        "type": "InForce", "status": status, "reason": reason, "message": message,
        "lastTransitionTime": now.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_named() {
        let node = |name: &str, in_force| NodeTrust {
            name: name.to_owned(),
            generation: 1,
            in_force,
        };
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let waiting = condition(false, &[node("a", true), node("b", false)], now);
        assert_eq!(
            (&waiting["status"], &waiting["message"]),
            (&json!("False"), &json!("waiting for b"))
        );
        assert_eq!(condition(true, &[node("a", true)], now)["status"], "True");
        assert_eq!(condition(false, &[], now)["reason"], "NoControlPlaneNode");
    }
}
