//! What a GuestCluster names and what its name would take, by live reads. What can't be read is a warning: the object may be
//! written before its classes are.

use std::collections::BTreeSet;

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
use serde_json::json;

use super::rules::field_error;

/// Checks against other objects: everything for a new GuestCluster, else what changed.
pub(super) async fn check(
    client: &Client,
    namespace: &str,
    new: &GuestCluster,
    old: Option<&GuestCluster>,
) -> Findings {
    let mut findings = Findings::default();
    if old.is_none() {
        check_name(client, namespace, new, &mut findings).await;
    }
    if old.is_none_or(|old| old.spec.distribution.version != new.spec.distribution.version) {
        check_version(client, new, old, &mut findings).await;
    }
    let references = validation::references(new, old);
    let classes: Api<VirtualMachineClass> = Api::namespaced(client.clone(), namespace);
    check_references(&classes, ReferenceKind::VmClass, namespace, &references, &mut findings).await;
    let storage: Api<StorageClass> = Api::all(client.clone());
    check_references(
        &storage,
        ReferenceKind::StorageClass,
        namespace,
        &references,
        &mut findings,
    )
    .await;
    findings
}

/// The warning that something could not be looked up.
pub(super) fn not_checked(what: &str, why: &str) -> String {
    format!("{what} could not be checked ({why}); see the Ready condition")
}

async fn check_name(client: &Client, namespace: &str, new: &GuestCluster, findings: &mut Findings) {
    if new.annotations().contains_key(labels::ADOPT) {
        return;
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
}

async fn check_version(client: &Client, new: &GuestCluster, old: Option<&GuestCluster>, findings: &mut Findings) {
    // Its form was judged before.
    let Ok(hint) = new.spec.distribution.version.parse::<VersionHint>() else {
        return;
    };
    match releases(client).await {
        Ok(releases) => {
            let candidates: Vec<_> = releases.iter().filter_map(Candidate::of).collect();
            if let Err(unresolved) = resolve(&hint, &candidates, running(old).as_ref()) {
                findings.errors.push(field_error(validation::unresolved(&unresolved)));
            }
        }
        Err(error) => findings.warnings.push(not_checked("the version", &reason(&error))),
    }
}

/// All releases, without their metadata, which costs more to read than all else.
async fn releases(client: &Client) -> kube::Result<Vec<GuestClusterRelease>> {
    #[derive(serde::Deserialize)]
    struct List {
        items: Vec<Item>,
    }
    #[derive(serde::Deserialize)]
    struct Item {
        spec: GuestClusterReleaseSpec,
    }
    let list = Request::new(GuestClusterRelease::url_path(&(), None)).list(&ListParams::default());
    let list: List = client.request(list.map_err(kube::Error::BuildRequest)?).await?;
    let release = |item: Item| GuestClusterRelease::new("", item.spec);
    Ok(list.items.into_iter().map(release).collect())
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
    kind: ReferenceKind,
    namespace: &str,
    references: &[Reference],
    findings: &mut Findings,
) where
    K: Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let wanted: Vec<_> = references.iter().filter(|reference| reference.kind == kind).collect();
    if wanted.is_empty() || all_there(api, &wanted).await {
        return;
    }
    let available = match names(api).await {
        Ok(available) => available,
        Err(error) => {
            let what = match kind {
                ReferenceKind::VmClass => "VM classes",
                ReferenceKind::StorageClass => "storage classes",
            };
            findings.warnings.push(not_checked(what, &reason(&error)));
            return;
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
}

/// Whether each is there, asked for by name: mostly they are, and a list costs many times as much. What can't be read is not.
async fn all_there<K>(api: &Api<K>, wanted: &[&Reference]) -> bool
where
    K: Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let names: BTreeSet<&str> = wanted.iter().map(|reference| reference.name.as_str()).collect();
    for name in names {
        if !matches!(api.get_metadata_opt(name).await, Ok(Some(_))) {
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
