//! Writes to the supervisor: apply, merge patch and delete, each only if it changes something.

use super::conditions::{Setter, paused};
use super::engine::{Informer, Key, Watched};
use super::error::Error;
use guestcluster_types::upstream::HasConditions;
use guestcluster_types::upstream::capi::{CLUSTER_NAME_LABEL, Cluster, condition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, OwnerReference};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions, PropagationPolicy};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::fmt::Debug;

/// The field manager of this layer.
pub(crate) const MANAGER: &str = "guestcluster-machine-controller";

/// Creates `desired` by server-side apply, or brings what it says into the existing object.
pub(crate) async fn apply<K>(client: &Client, desired: &K) -> Result<K, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize,
{
    let api = Api::<K>::namespaced(client.clone(), &desired.namespace().unwrap_or_default());
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&desired.name_any(), &params, &Patch::Apply(desired))
        .await
        .map_err(Error::api("applying an object"))
}

impl<K> Informer<K>
where
    K: Watched + Resource<Scope = NamespaceResourceScope> + Serialize,
{
    /// Applies `desired` unless the known object already says all of it.
    pub(crate) async fn apply(&self, desired: &K) -> Result<(), Error> {
        if let Some(known) = self.get(&Key::of(desired)) {
            let known = serde_json::to_value(&*known).map_err(Error::encode("an object"))?;
            let wanted = serde_json::to_value(desired).map_err(Error::encode("an object"))?;
            if contains(&known, &wanted) {
                return Ok(());
            }
        }
        let written = apply(self.client(), desired).await?;
        self.observe(written);
        Ok(())
    }

    /// Makes the status `new` where it is `old`, leaving fields that neither knows.
    pub(crate) async fn patch_status<S: Serialize>(&self, live: &K, old: &S, new: &S) -> Result<(), Error> {
        self.patch_status_of(live, json!({ "uid": live.uid() }), old, new).await
    }

    /// As [`Self::patch_status`], for a status whose list of conditions has several writers: a patch replaces a list
    /// whole, so it counts only in the version that was read.
    pub(crate) async fn patch_shared_status<S: Serialize>(&self, live: &K, old: &S, new: &S) -> Result<(), Error> {
        let version = json!({ "uid": live.uid(), "resourceVersion": live.resource_version() });
        self.patch_status_of(live, version, old, new).await
    }

    async fn patch_status_of<S: Serialize>(&self, live: &K, metadata: Value, old: &S, new: &S) -> Result<(), Error> {
        let old = serde_json::to_value(old).map_err(Error::encode("a status"))?;
        let new = serde_json::to_value(new).map_err(Error::encode("a status"))?;
        let Some(patch) = difference(&old, &new) else {
            return Ok(());
        };
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({ "metadata": metadata, "status": patch }));
        let written = self
            .namespaced(live)
            .patch_status(&live.name_any(), &params, &patch)
            .await;
        self.observe(written.map_err(Error::api("patching a status"))?);
        Ok(())
    }

    /// Says at the object that it is left alone.
    pub(crate) async fn tell_paused(&self, live: &K, cluster: &Cluster) -> Result<(), Error>
    where
        K: HasConditions,
    {
        let before = live.conditions();
        let mut after = before.to_vec();
        Setter::new(&mut after, live.meta().generation).set(condition::PAUSED, paused(cluster));
        let of = |conditions: &[Condition]| json!({ "conditions": conditions });
        // The list is replaced whole, and others may write into it.
        self.patch_shared_status(live, &of(before), &of(&after)).await
    }

    /// Merges `spec` into the object's spec.
    pub(crate) async fn patch_spec(&self, live: &K, spec: Value) -> Result<(), Error> {
        self.patch(live, json!({ "metadata": { "uid": live.uid() }, "spec": spec }))
            .await
    }

    /// Makes labels, annotations, owner references and finalizers those of `new`. A list is replaced only in the
    /// version that it was read in.
    pub(crate) async fn patch_metadata(&self, live: &K, new: &ObjectMeta) -> Result<(), Error> {
        let Some(patch) = metadata_patch(live.meta(), new)? else {
            return Ok(());
        };
        self.patch(live, patch).await
    }

    /// Removes a finalizer; the object is gone after that, if it was being deleted.
    pub(crate) async fn remove_finalizer(&self, live: &K, finalizer: &str) -> Result<(), Error> {
        let mut meta = live.meta().clone();
        meta.finalizers
            .get_or_insert_default()
            .retain(|existing| existing != finalizer);
        match self.patch_metadata(live, &meta).await {
            Err(Error::Api {
                source: kube::Error::Api(status),
                ..
            }) if status.code == 404 => Ok(()),
            outcome => outcome,
        }
    }

    /// Asks for the deletion of this very object, unless that was done or it is gone.
    pub(crate) async fn delete(&self, live: &K) -> Result<(), Error> {
        if live.meta().deletion_timestamp.is_some() {
            return Ok(());
        }
        let uid = Preconditions {
            uid: live.uid(),
            resource_version: None,
        };
        let params = DeleteParams {
            preconditions: Some(uid),
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        match self.namespaced(live).delete(&live.name_any(), &params).await {
            // A conflict means that another object has the name: this one is gone.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(error) => Err(Error::api("deleting an object")(error)),
            Ok(answer) => {
                if let Some(object) = answer.left() {
                    self.observe(object);
                }
                Ok(())
            }
        }
    }

    async fn patch(&self, live: &K, patch: Value) -> Result<(), Error> {
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let written = self
            .namespaced(live)
            .patch(&live.name_any(), &params, &Patch::Merge(patch))
            .await;
        self.observe(written.map_err(Error::api("patching an object"))?);
        Ok(())
    }

    fn namespaced(&self, live: &K) -> Api<K> {
        Api::namespaced(self.client().clone(), &live.namespace().unwrap_or_default())
    }
}

/// An owner reference as controllers set it: one owner, which the deletion of may wait for this object.
pub(crate) fn controlled_by<K: Resource<DynamicType = ()>>(owner: &K) -> Vec<OwnerReference> {
    let reference = owner.controller_owner_ref(&());
    reference
        .into_iter()
        .map(|reference| OwnerReference {
            block_owner_deletion: Some(true),
            ..reference
        })
        .collect()
}

/// The controlling owner reference, if its kind is `K`.
pub(crate) fn controller_of<K: Resource<DynamicType = ()>>(meta: &ObjectMeta) -> Option<&OwnerReference> {
    let owners = meta.owner_references.iter().flatten();
    owners
        .filter(|owner| owner.controller == Some(true))
        .find(|owner| owner.kind == K::kind(&()) && group_of(owner) == K::group(&()))
}

/// An owner that does not control the object, as Cluster API makes the Cluster one.
pub(crate) fn owned_by<K: Resource<DynamicType = ()>>(owner: &K) -> Vec<OwnerReference> {
    owner.owner_ref(&()).into_iter().collect()
}

/// Metadata of an object that goes with its Cluster, is found by its label, and goes when the finalizer is removed.
pub(crate) fn owned_in_cluster(meta: &ObjectMeta, cluster: &Cluster, finalizer: &str) -> ObjectMeta {
    let mut meta = meta.clone();
    let owners = meta.owner_references.get_or_insert_default();
    if !owners
        .iter()
        .any(|owner| Some(&owner.uid) == cluster.metadata.uid.as_ref())
    {
        owners.extend(owned_by(cluster));
    }
    let finalizers = meta.finalizers.get_or_insert_default();
    if !finalizers.iter().any(|present| present == finalizer) {
        finalizers.push(finalizer.to_owned());
    }
    meta.labels
        .get_or_insert_default()
        .insert(CLUSTER_NAME_LABEL.to_owned(), cluster.name_any());
    meta
}

/// The owner reference of kind `K`, whether that controls the object or not.
pub(crate) fn owner_of<K: Resource<DynamicType = ()>>(meta: &ObjectMeta) -> Option<&OwnerReference> {
    let mut owners = meta.owner_references.iter().flatten();
    owners.find(|owner| owner.kind == K::kind(&()) && group_of(owner) == K::group(&()))
}

fn group_of(owner: &OwnerReference) -> &str {
    owner.api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The merge patch that turns `old` into `new`; none if they are equal. Lists are replaced whole.
pub(crate) fn difference(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return (old != new).then(|| new.clone());
    };
    let removed = old
        .keys()
        .filter(|key| !new.contains_key(*key))
        .map(|key| (key.clone(), Value::Null));
    let changed = new.iter().filter_map(|(key, value)| match old.get(key) {
        Some(before) => difference(before, value).map(|patch| (key.clone(), patch)),
        None => Some((key.clone(), value.clone())),
    });
    let patch: Map<_, _> = removed.chain(changed).collect();
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// Whether `live` says all that `wanted` says. Lists count as said if each wanted item is contained in a live one.
pub(crate) fn contains(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, value)| live.get(key).is_some_and(|live| contains(live, value))),
        (Value::Array(live), Value::Array(wanted)) => {
            wanted.iter().all(|item| live.iter().any(|live| contains(live, item)))
        }
        (live, wanted) => live == wanted,
    }
}

fn metadata_patch(old: &ObjectMeta, new: &ObjectMeta) -> Result<Option<Value>, Error> {
    let part = |meta: &ObjectMeta| {
        let part = ObjectMeta {
            labels: meta.labels.clone(),
            annotations: meta.annotations.clone(),
            owner_references: meta.owner_references.clone().filter(|list| !list.is_empty()),
            finalizers: meta.finalizers.clone().filter(|list| !list.is_empty()),
            ..ObjectMeta::default()
        };
        serde_json::to_value(part).map_err(Error::encode("metadata"))
    };
    let Some(Value::Object(mut patch)) = difference(&part(old)?, &part(new)?) else {
        return Ok(None);
    };
    patch.insert("uid".to_owned(), json!(old.uid));
    if patch.contains_key("ownerReferences") || patch.contains_key("finalizers") {
        patch.insert("resourceVersion".to_owned(), json!(old.resource_version));
    }
    Ok(Some(json!({ "metadata": patch })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_sets_changes_and_nulls_what_is_gone() {
        let old = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1]});
        assert_eq!(difference(&old, &old), None);
        let new = json!({"b": {"c": 2, "d": 4}, "e": [1, 2]});
        assert_eq!(
            difference(&old, &new),
            Some(json!({"a": null, "b": {"d": 4}, "e": [1, 2]}))
        );
    }

    #[test]
    fn what_the_server_added_does_not_count_as_a_difference() {
        let live = json!({"metadata": {"uid": "1", "labels": {"a": "b", "c": "d"}}, "spec": {"ports": [{"port": 1, "nodePort": 3}]}});
        assert!(contains(
            &live,
            &json!({"metadata": {"labels": {"a": "b"}}, "spec": {"ports": [{"port": 1}]}})
        ));
        assert!(!contains(&live, &json!({"spec": {"ports": [{"port": 2}]}})));
        assert!(!contains(&live, &json!({"metadata": {"labels": {"x": "b"}}})));
    }

    #[test]
    fn lists_are_replaced_only_in_the_version_that_was_read() {
        let old = ObjectMeta {
            uid: Some("u".to_owned()),
            resource_version: Some("7".to_owned()),
            finalizers: Some(vec!["a".to_owned(), "b".to_owned()]),
            ..ObjectMeta::default()
        };
        let mut new = old.clone();
        assert_eq!(metadata_patch(&old, &new).unwrap(), None);
        new.finalizers = Some(vec!["b".to_owned()]);
        assert_eq!(
            metadata_patch(&old, &new).unwrap(),
            Some(json!({"metadata": {"uid": "u", "resourceVersion": "7", "finalizers": ["b"]}}))
        );
        new.finalizers = Some(vec![]);
        assert_eq!(
            metadata_patch(&old, &new).unwrap().unwrap()["metadata"]["finalizers"],
            Value::Null
        );
        new = ObjectMeta {
            annotations: Some([("x".to_owned(), "y".to_owned())].into()),
            ..old.clone()
        };
        assert_eq!(
            metadata_patch(&old, &new).unwrap(),
            Some(json!({"metadata": {"uid": "u", "annotations": {"x": "y"}}}))
        );
    }
}
