//! What a GuestCluster names, and what its name would take. What is followed is enough to accept; before anything is refused it
//! is read live. What can't be read is a warning: the object may be written before its classes are.

mod releases;

use std::{collections::BTreeSet, fmt::Debug, sync::Arc};

use generic_apiserver::registry::{Findings, Registry};
use guestcluster_types::{
    GuestCluster, labels,
    upstream::{capi::Cluster, topology::AvailabilityZone, vmoperator::VirtualMachineClass},
    validation::{self, Reference, ReferenceKind},
    version::{KubernetesVersion, VersionHint, resolve},
};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::ListParams,
    core::PartialObjectMeta,
    runtime::watcher::{self, watcher},
};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use self::releases::Releases;
use super::{rules::field_error, together::Together};
use crate::followed::Followed;

/// What of other objects is known, and the way to those that are not.
pub(super) struct LookUps {
    client: Client,
    releases: Releases,
    clusters: Followed<()>,
    vm_classes: Followed<()>,
    storage_classes: Followed<()>,
    zones: Followed<()>,
    /// What there is of a kind in a namespace. Many ask at the same time, and mostly for the same.
    listed: Together<(ReferenceKind, String), Result<Names, String>>,
}

/// The names of what there is of a kind in a namespace.
type Names = Arc<BTreeSet<String>>;

impl LookUps {
    /// By this client, whose rights count, and in this registry's releases. Everything is read live until
    /// [`LookUps::follow`] runs.
    pub(super) fn new(client: Client, registry: &Arc<Registry>) -> LookUps {
        LookUps {
            client,
            releases: Releases::of(registry),
            clusters: Followed::new("Clusters"),
            vm_classes: Followed::new("VM classes"),
            storage_classes: Followed::new("storage classes"),
            zones: Followed::new("zones"),
            listed: Together::default(),
        }
    }

    /// Follows what GuestClusters name, until `stop`.
    pub(super) async fn follow(&self, stop: CancellationToken) {
        tokio::join!(
            follow::<Cluster>(&self.client, &self.clusters, stop.clone()),
            follow::<VirtualMachineClass>(&self.client, &self.vm_classes, stop.clone()),
            follow::<StorageClass>(&self.client, &self.storage_classes, stop.clone()),
            follow::<AvailabilityZone>(&self.client, &self.zones, stop),
        );
    }

    /// Checks against other objects: everything for a new GuestCluster, else what changed.
    pub(super) async fn check(&self, namespace: &str, new: &GuestCluster, old: Option<&GuestCluster>) -> Findings {
        let references = validation::references(new, old);
        // At once: on a real supervisor each may be a request over the network.
        let found = futures::join!(
            self.check_name(namespace, new, old),
            self.check_version(new, old),
            self.check_references(ReferenceKind::VmClass, namespace, &references),
            self.check_references(ReferenceKind::StorageClass, namespace, &references),
            self.check_references(ReferenceKind::Zone, namespace, &references),
        );
        let mut findings = Findings::default();
        for part in <[Findings; 5]>::from(found) {
            findings.errors.extend(part.errors);
            findings.warnings.extend(part.warnings);
        }
        findings
    }
}

async fn follow<K>(client: &Client, followed: &Followed<()>, stop: CancellationToken)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let objects: Api<PartialObjectMeta<K>> = Api::all(client.clone());
    let begin = || watcher(objects.clone(), watcher::Config::default());
    followed.follow(begin, |_| (), stop).await;
}

impl LookUps {
    async fn check_name(&self, namespace: &str, new: &GuestCluster, old: Option<&GuestCluster>) -> Findings {
        let mut findings = Findings::default();
        if old.is_some() || new.annotations().contains_key(labels::ADOPT) {
            return findings;
        }
        let name = new.name_any();
        if self.clusters.has(namespace, &name) == Some(false) {
            // One that was made a moment ago is found before anything is written: condition Ready says NameTaken then.
            return findings;
        }
        let clusters: Api<Cluster> = Api::namespaced(self.client.clone(), namespace);
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

    async fn check_version(&self, new: &GuestCluster, old: Option<&GuestCluster>) -> Findings {
        let mut findings = Findings::default();
        let version = &new.spec.distribution.version;
        if old.is_some_and(|old| old.spec.distribution.version == *version) {
            return findings;
        }
        // Its form was judged before.
        let Ok(hint) = version.parse::<VersionHint>() else {
            return findings;
        };
        let running = running(old);
        if let Ok(seen) = self.releases.seen()
            && resolve(&hint, &seen, running.as_ref()).is_ok()
        {
            return findings;
        }
        match self.releases.current().await {
            Ok(releases) => {
                if let Err(unresolved) = resolve(&hint, &releases, running.as_ref()) {
                    findings.errors.push(field_error(validation::unresolved(&unresolved)));
                }
            }
            Err(status) => findings.warnings.push(not_checked("the version", &status.message)),
        }
        findings
    }

    async fn check_references(&self, kind: ReferenceKind, namespace: &str, references: &[Reference]) -> Findings {
        let mut findings = Findings::default();
        let wanted: Vec<_> = references.iter().filter(|reference| reference.kind == kind).collect();
        if wanted
            .iter()
            .all(|reference| self.is_there(kind, namespace, &reference.name))
        {
            return findings;
        }
        let key = (kind, namespace.to_owned());
        let available = match self.listed.ask(key, || self.names(kind, namespace)).await {
            Ok(available) => available,
            Err(why) => {
                let what = match kind {
                    ReferenceKind::VmClass => "VM classes",
                    ReferenceKind::StorageClass => "storage classes",
                    ReferenceKind::Zone => "zones",
                };
                findings.warnings.push(not_checked(what, &why));
                return findings;
            }
        };
        for reference in wanted
            .into_iter()
            .filter(|reference| !available.contains(&reference.name))
        {
            let there: Vec<_> = available.iter().cloned().collect();
            let problem = match kind {
                ReferenceKind::VmClass => {
                    validation::class_missing(&reference.field, &reference.name, namespace, &there)
                }
                ReferenceKind::StorageClass => {
                    validation::storage_class_missing(&reference.field, &reference.name, namespace, &there)
                }
                ReferenceKind::Zone => validation::zone_missing(&reference.field, &reference.name, &there),
            };
            findings.errors.push(field_error(problem));
        }
        findings
    }

    /// Whether an object of the kind is known to be there.
    fn is_there(&self, kind: ReferenceKind, namespace: &str, name: &str) -> bool {
        let has = match kind {
            ReferenceKind::VmClass => self.vm_classes.has(namespace, name),
            ReferenceKind::StorageClass => self.storage_classes.has("", name),
            ReferenceKind::Zone => self.zones.has("", name),
        };
        has == Some(true)
    }

    async fn names(&self, kind: ReferenceKind, namespace: &str) -> Result<Names, String> {
        let client = self.client.clone();
        match kind {
            ReferenceKind::VmClass => names(&Api::<VirtualMachineClass>::namespaced(client, namespace)).await,
            ReferenceKind::StorageClass => names(&Api::<StorageClass>::all(client)).await,
            ReferenceKind::Zone => names(&Api::<AvailabilityZone>::all(client)).await,
        }
    }
}

/// The warning that something could not be looked up.
pub(super) fn not_checked(what: &str, why: &str) -> String {
    format!("{what} could not be checked ({why}); see the Ready condition")
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

async fn names<K>(api: &Api<K>) -> Result<Names, String>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let list = api.list_metadata(&ListParams::default()).await;
    let list = list.map_err(|error| reason(&error))?;
    Ok(Arc::new(list.items.iter().map(PartialObjectMeta::name_any).collect()))
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
mod tests;
