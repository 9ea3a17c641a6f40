//! What a GuestCluster names and what its name would take, by live reads. What can't be read is a warning: the object may be
//! written before its classes are.

use std::{collections::BTreeSet, sync::Arc};

use generic_apiserver::registry::Findings;
use guestcluster_types::{
    GuestCluster, GuestClusterRelease, GuestClusterReleaseSpec, labels,
    upstream::{capi::Cluster, vmoperator::VirtualMachineClass},
    validation::{self, Reference, ReferenceKind},
    version::{Candidate, KubernetesVersion, VersionHint, resolve},
};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::ListParams,
    core::{PartialObjectMeta, Request},
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{rules::field_error, together::Together};

/// What checks have in common. Many at the same time mostly ask for the same classes and releases, and each read is a request
/// to kube-apiserver.
#[derive(Default)]
pub(super) struct LookUps {
    releases: Releases,
    listed: Together<(), Result<Arc<[GuestClusterRelease]>, String>>,
    /// Whether there is a class of this kind, namespace and name.
    classes: Together<(ReferenceKind, String, String), bool>,
}

/// Checks against other objects: everything for a new GuestCluster, else what changed.
pub(super) async fn check(
    client: &Client,
    look_ups: &LookUps,
    namespace: &str,
    new: &GuestCluster,
    old: Option<&GuestCluster>,
) -> Findings {
    let references = validation::references(new, old);
    let classes: Api<VirtualMachineClass> = Api::namespaced(client.clone(), namespace);
    let storage: Api<StorageClass> = Api::all(client.clone());
    // At once: on a real supervisor each is a request over the network.
    let found = futures::join!(
        check_name(client, namespace, new, old),
        check_version(client, look_ups, new, old),
        check_references(&classes, look_ups, ReferenceKind::VmClass, namespace, &references),
        check_references(&storage, look_ups, ReferenceKind::StorageClass, namespace, &references),
    );
    let mut findings = Findings::default();
    for part in <[Findings; 4]>::from(found) {
        findings.errors.extend(part.errors);
        findings.warnings.extend(part.warnings);
    }
    findings
}

/// The warning that something could not be looked up.
pub(super) fn not_checked(what: &str, why: &str) -> String {
    format!("{what} could not be checked ({why}); see the Ready condition")
}

async fn check_name(client: &Client, namespace: &str, new: &GuestCluster, old: Option<&GuestCluster>) -> Findings {
    let mut findings = Findings::default();
    if old.is_some() || new.annotations().contains_key(labels::ADOPT) {
        return findings;
    }
    let clusters: Api<Cluster> = Api::namespaced(client.clone(), namespace);
    let name = new.name_any();
    match clusters.get_metadata_opt(&name).await {
        Ok(None) => {}
        Ok(Some(taken)) => {
            let detail = match taken.labels().get(labels::GUEST_UID) {
                Some(uid) => format!(
                    "is taken by the Cluster {namespace}/{name} of another GuestCluster; choose another name, or take it over with annotation {}: {uid}",
                    labels::ADOPT
                ),
                None => format!(
                    "is taken by the Cluster {namespace}/{name}, which was not made from a GuestCluster; choose another name"
                ),
            };
            findings.errors.push(generic_apiserver::FieldError::invalid(
                "metadata.name",
                json!(name),
                detail,
            ));
        }
        Err(error) => findings.warnings.push(not_checked("the name", &reason(&error))),
    }
    findings
}

async fn check_version(
    client: &Client,
    look_ups: &LookUps,
    new: &GuestCluster,
    old: Option<&GuestCluster>,
) -> Findings {
    let mut findings = Findings::default();
    let version = &new.spec.distribution.version;
    if old.is_some_and(|old| old.spec.distribution.version == *version) {
        return findings;
    }
    // Its form was judged before.
    let Ok(hint) = version.parse::<VersionHint>() else {
        return findings;
    };
    let list = async || look_ups.releases.list(client).await.map_err(|error| reason(&error));
    match look_ups.listed.ask((), list).await {
        Ok(releases) => {
            let candidates: Vec<_> = releases.iter().filter_map(Candidate::of).collect();
            if let Err(unresolved) = resolve(&hint, &candidates, running(old).as_ref()) {
                findings.errors.push(field_error(validation::unresolved(&unresolved)));
            }
        }
        Err(why) => findings.warnings.push(not_checked("the version", &why)),
    }
    findings
}

/// The releases as the last answer had them. Each check asks anew; only an answer that differs is read anew, which costs
/// more than all else in a check.
#[derive(Default)]
struct Releases(Mutex<Option<Answer>>);

#[derive(Clone)]
struct Answer {
    /// The list up to the end of its items; what follows differs with every write of anything.
    items: Arc<str>,
    releases: Arc<[GuestClusterRelease]>,
}

impl Releases {
    async fn list(&self, client: &Client) -> kube::Result<Arc<[GuestClusterRelease]>> {
        let list = Request::new(GuestClusterRelease::url_path(&(), None)).list(&ListParams::default());
        let text = client.request_text(list.map_err(kube::Error::BuildRequest)?).await?;
        self.read(&text).map_err(kube::Error::SerdeError)
    }

    fn read(&self, list: &str) -> serde_json::Result<Arc<[GuestClusterRelease]>> {
        #[derive(Deserialize)]
        struct List<'a> {
            #[serde(borrow)]
            items: &'a RawValue,
        }
        let last = self.0.lock().clone();
        if let Some(last) = last.filter(|last| list.starts_with(&*last.items)) {
            return Ok(last.releases);
        }
        let items = serde_json::from_str::<List<'_>>(list)?.items.get();
        let releases = read_items(items)?;
        let end = items.as_ptr() as usize + items.len() - list.as_ptr() as usize;
        let answer = Answer {
            items: list[..end].into(),
            releases: releases.clone(),
        };
        *self.0.lock() = Some(answer);
        Ok(releases)
    }
}

/// Releases without their metadata.
fn read_items(items: &str) -> serde_json::Result<Arc<[GuestClusterRelease]>> {
    #[derive(Deserialize)]
    struct Item {
        spec: GuestClusterReleaseSpec,
    }
    let items: Vec<Item> = serde_json::from_str(items)?;
    let release = |item: Item| GuestClusterRelease::new("", item.spec);
    Ok(items.into_iter().map(release).collect())
}

fn running(old: Option<&GuestCluster>) -> Option<KubernetesVersion> {
    old?.status
        .as_ref()?
        .distribution
        .as_ref()?
        .version
        .as_ref()?
        .parse()
        .ok()
}

async fn check_references<K>(
    api: &Api<K>,
    look_ups: &LookUps,
    kind: ReferenceKind,
    namespace: &str,
    references: &[Reference],
) -> Findings
where
    K: Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let mut findings = Findings::default();
    let wanted: Vec<_> = references.iter().filter(|reference| reference.kind == kind).collect();
    if wanted.is_empty() || all_there(api, look_ups, kind, namespace, &wanted).await {
        return findings;
    }
    let available = match names(api).await {
        Ok(available) => available,
        Err(error) => {
            let what = match kind {
                ReferenceKind::VmClass => "VM classes",
                ReferenceKind::StorageClass => "storage classes",
            };
            findings.warnings.push(not_checked(what, &reason(&error)));
            return findings;
        }
    };
    for reference in wanted
        .into_iter()
        .filter(|reference| !available.contains(&reference.name))
    {
        let there: Vec<_> = available.iter().cloned().collect();
        let problem = match kind {
            ReferenceKind::VmClass => validation::class_missing(&reference.field, &reference.name, namespace, &there),
            ReferenceKind::StorageClass => {
                validation::storage_class_missing(&reference.field, &reference.name, namespace, &there)
            }
        };
        findings.errors.push(field_error(problem));
    }
    findings
}

/// Whether each is there, asked for by name: mostly they are, and a list costs many times as much. What can't be read is not.
async fn all_there<K>(
    api: &Api<K>,
    look_ups: &LookUps,
    kind: ReferenceKind,
    namespace: &str,
    wanted: &[&Reference],
) -> bool
where
    K: Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let names: BTreeSet<&str> = wanted.iter().map(|reference| reference.name.as_str()).collect();
    for name in names {
        let key = (kind, namespace.to_owned(), name.to_owned());
        let is_there = async || matches!(api.get_metadata_opt(name).await, Ok(Some(_)));
        if !look_ups.classes.ask(key, is_there).await {
            return false;
        }
    }
    true
}

async fn names<K>(api: &Api<K>) -> kube::Result<BTreeSet<String>>
where
    K: Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let list = api.list_metadata(&ListParams::default()).await?;
    Ok(list.items.iter().map(PartialObjectMeta::name_any).collect())
}

/// Why a read failed, for people.
fn reason(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 404 => "the kind is not served".to_owned(),
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_again_when_they_differ() {
        let list = |revision: u32, versions: &[&str]| {
            let items: Vec<_> = versions
                .iter()
                .map(|version| json!({"metadata": {}, "spec": {"version": version, "images": []}}))
                .collect();
            json!({"items": items, "metadata": {"resourceVersion": revision.to_string()}}).to_string()
        };
        let releases = Releases::default();
        let first = releases.read(&list(1, &["v1.33.1"])).unwrap();
        assert_eq!(first[0].spec.version, "v1.33.1");
        let same = releases.read(&list(2, &["v1.33.1"])).unwrap();
        assert!(Arc::ptr_eq(&first, &same), "not read again");
        let more = releases.read(&list(3, &["v1.33.1", "v1.34.0"])).unwrap();
        assert_eq!(more.len(), 2);
        assert!(releases.read("{}").is_err());
    }
}
