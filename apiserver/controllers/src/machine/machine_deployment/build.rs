//! The MachineSets of a deployment.

use super::bounds;
use crate::machine::machine_set::FINALIZER;
use crate::machine::writes::controlled_by;
use guestcluster_types::names::content_hash;
use guestcluster_types::upstream::capi::{
    CLUSTER_NAME_LABEL, DEPLOYMENT_NAME_LABEL, MachineDeployment, MachineSet, MachineSetSpec, REVISION_ANNOTATION,
    TEMPLATE_HASH_LABEL,
};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What kubectl keeps of what a user wrote, which is about that object alone.
const LAST_APPLIED_ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
const DESIRED_REPLICAS_ANNOTATION: &str = "machinedeployment.clusters.x-k8s.io/desired-replicas";
const MAX_REPLICAS_ANNOTATION: &str = "machinedeployment.clusters.x-k8s.io/max-replicas";

/// Tells templates apart: two with the same hash need no new Machines. Labels, annotations, taints and the bounds of
/// deletions change in place and do not count.
pub(super) fn template_hash(deployment: &MachineDeployment, now: Timestamp) -> String {
    let spec = &deployment.spec.template.spec;
    let after = deployment.spec.rollout.after.as_ref().filter(|after| after.0 <= now);
    content_hash(&json!({
        "version": spec.version,
        "bootstrap": spec.bootstrap,
        "infrastructureRef": spec.infrastructure_ref,
        "failureDomain": spec.failure_domain,
        "after": after,
    }))
}

/// The set of the current template.
pub(super) fn set(deployment: &MachineDeployment, hash: &str, replicas: i32, revision: u64) -> MachineSet {
    let spec = &deployment.spec;
    let own = [
        (CLUSTER_NAME_LABEL, spec.cluster_name.clone()),
        (DEPLOYMENT_NAME_LABEL, deployment.name_any()),
        (TEMPLATE_HASH_LABEL, hash.to_owned()),
    ];
    let own: BTreeMap<_, _> = own.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut template = spec.template.clone();
    template.metadata.labels.extend(own);
    let labels = template.metadata.labels.clone();
    template.spec.cluster_name.clone_from(&spec.cluster_name);
    let mut selector = spec.selector.clone();
    selector
        .match_labels
        .get_or_insert_default()
        .insert(TEMPLATE_HASH_LABEL.to_owned(), hash.to_owned());
    let name = format!("{}-{hash}", deployment.name_any());
    let mut set = MachineSet::new(
        &name,
        MachineSetSpec {
            cluster_name: spec.cluster_name.clone(),
            replicas: Some(replicas),
            selector,
            template,
            deletion: spec.deletion.clone(),
        },
    );
    set.metadata = ObjectMeta {
        name: Some(name),
        namespace: deployment.namespace(),
        labels: Some(labels),
        annotations: Some(annotations(deployment, revision)),
        owner_references: Some(controlled_by(deployment)),
        finalizers: Some(vec![FINALIZER.to_owned()]),
        ..ObjectMeta::default()
    };
    set
}

/// Those of the deployment, and its size, by which upstream's controller tells a scaled set from a rollout.
fn annotations(deployment: &MachineDeployment, revision: u64) -> BTreeMap<String, String> {
    let mut annotations = deployment.annotations().clone();
    annotations.remove(LAST_APPLIED_ANNOTATION);
    let (bounds, wanted) = (bounds(deployment), deployment.spec.replicas.unwrap_or(1));
    annotations.extend([
        (REVISION_ANNOTATION.to_owned(), revision.to_string()),
        (DESIRED_REPLICAS_ANNOTATION.to_owned(), wanted.to_string()),
        (
            MAX_REPLICAS_ANNOTATION.to_owned(),
            wanted.saturating_add(bounds.surge).to_string(),
        ),
    ]);
    annotations
}

/// The number of the rollout to the template: one above all others, and kept while it is the latest.
pub(super) fn revision(sets: &[Arc<MachineSet>], hash: &str) -> u64 {
    let of = |set: &MachineSet| {
        set.annotations()
            .get(REVISION_ANNOTATION)
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or_default()
    };
    let is_current = |set: &MachineSet| set.labels().get(TEMPLATE_HASH_LABEL).is_some_and(|label| label == hash);
    let current = sets.iter().find(|set| is_current(set)).map_or(0, |set| of(set));
    let others = sets
        .iter()
        .filter(|set| !is_current(set))
        .map(|set| of(set))
        .max()
        .unwrap_or_default();
    if current > others {
        current
    } else {
        others.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guestcluster_types::upstream::capi::MachineDeploymentSpec;

    fn deployment() -> MachineDeployment {
        let spec: MachineDeploymentSpec = serde_json::from_value(json!({
            "clusterName": "dev", "replicas": 3,
            "selector": {"matchLabels": {"cluster.x-k8s.io/deployment-name": "dev-a"}},
            "template": {"metadata": {"labels": {"x": "y"}}, "spec": {
                "clusterName": "dev", "version": "v1.34.0",
                "bootstrap": {"configRef": {"apiGroup": "b", "kind": "KubeadmConfigTemplate", "name": "c1"}},
                "infrastructureRef": {"apiGroup": "i", "kind": "VSphereMachineTemplate", "name": "i1"},
            }},
        }))
        .unwrap();
        let mut deployment = MachineDeployment::new("dev-a", spec);
        deployment.metadata.uid = Some("u".to_owned());
        deployment
    }

    #[test]
    fn only_what_needs_new_machines_changes_the_hash() {
        let now = Timestamp::now();
        let hash = |change: &dyn Fn(&mut MachineDeployment)| {
            let mut deployment = deployment();
            change(&mut deployment);
            template_hash(&deployment, now)
        };
        let plain = hash(&|_| {});
        assert_eq!(plain, hash(&|d| d.spec.replicas = Some(9)));
        assert_eq!(
            plain,
            hash(&|d| d.spec.template.spec.deletion.node_drain_timeout_seconds = Some(9))
        );
        assert_eq!(
            plain,
            hash(&|d| drop(d.spec.template.metadata.labels.insert("z".to_owned(), String::new())))
        );
        assert_ne!(
            plain,
            hash(&|d| d.spec.template.spec.version = Some("v1.35.0".to_owned()))
        );
        assert_ne!(
            plain,
            hash(&|d| d.spec.template.spec.infrastructure_ref.name = "i2".to_owned())
        );
    }

    #[test]
    fn the_set_selects_and_labels_its_machines() {
        let set = set(&deployment(), "abc", 2, 7);
        assert_eq!(set.name_any(), "dev-a-abc");
        let selector = set.spec.selector.match_labels.clone().unwrap();
        let labels = &set.spec.template.metadata.labels;
        assert!(
            selector.iter().all(|(key, value)| labels.get(key) == Some(value)),
            "{selector:?} {labels:?}"
        );
        assert_eq!(
            (labels["x"].as_str(), selector[TEMPLATE_HASH_LABEL].as_str()),
            ("y", "abc")
        );
    }

    #[test]
    fn a_rollout_back_gets_a_new_revision() {
        let revisions = |pairs: &[(&str, u64)]| {
            pairs
                .iter()
                .map(|(hash, revision)| Arc::new(set(&deployment(), hash, 1, *revision)))
                .collect::<Vec<_>>()
        };
        assert_eq!(revision(&[], "a"), 1);
        assert_eq!(revision(&revisions(&[("a", 1)]), "a"), 1);
        assert_eq!(revision(&revisions(&[("a", 1)]), "b"), 2);
        assert_eq!(revision(&revisions(&[("a", 1), ("b", 2)]), "a"), 3);
    }
}
