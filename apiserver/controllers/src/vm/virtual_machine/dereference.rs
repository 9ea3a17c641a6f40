//! Reads what a VirtualMachine names: its class, image, storage class, bootstrap data and zone.

use std::{sync::Arc, time::Duration};

use guestcluster_types::{
    upstream::{
        topology::{AvailabilityZone, ZONE_LABEL},
        vmoperator::{VirtualMachine, VirtualMachineClass, VirtualMachineSetResourcePolicy},
    },
    validation::is_dns_subdomain,
};
use k8s_openapi::api::{core::v1::Secret, storage::v1::StorageClass};
use kube::{
    Api, Client, ResourceExt as _,
    api::ListParams,
    core::{ApiResource, DynamicObject, GroupVersionKind},
    runtime::reflector::{ObjectRef, Store},
};
use serde::de::DeserializeOwned;
use vm_driver::UserData;

use super::{Error, status};

/// The first list of classes is waited for so long.
const FIRST_LIST: Duration = Duration::from_secs(1);

/// What a VirtualMachine names, as far as it exists.
pub(super) struct Found {
    /// The class.
    pub(super) class: Option<Arc<VirtualMachineClass>>,
    /// Classes of the namespace, for the message when the class is missing.
    pub(super) classes: Vec<String>,
    /// What is only needed until the VM is created; none afterwards.
    pub(super) creation: Option<Creation>,
}

/// What the creation of a VM needs.
pub(super) struct Creation {
    /// Whether the image exists.
    pub(super) image: bool,
    /// Whether the storage class exists.
    pub(super) storage_class: bool,
    /// Whether the resource policy exists.
    pub(super) policy: bool,
    /// The bootstrap data.
    pub(super) user_data: Option<UserData>,
    /// The zones that there are; none if the VM asks for no zone, or if they can't be read.
    pub(super) zones: Option<Vec<String>>,
}

/// Reads it all. A VM that was created needs only its class. None while the classes can't be read: a missing one would be a
/// wrong answer.
pub(super) async fn read(
    client: &Client,
    classes: &Store<VirtualMachineClass>,
    machine: &VirtualMachine,
) -> Result<Option<Found>, Error> {
    let namespace = machine.namespace().unwrap_or_default();
    let class_name = machine.spec.class_name.as_deref().unwrap_or_default();
    if !matches!(
        tokio::time::timeout(FIRST_LIST, classes.wait_until_ready()).await,
        Ok(Ok(()))
    ) {
        return Ok(None);
    }
    let class = classes.get(&ObjectRef::new(class_name).within(&namespace));
    let names = if class.is_some() {
        Vec::new()
    } else {
        names_in(classes, &namespace)
    };
    let creation = if status::is_created(machine) {
        None
    } else {
        Some(read_creation(client, machine, &namespace).await?)
    };
    Ok(Some(Found {
        class,
        classes: names,
        creation,
    }))
}

async fn read_creation(client: &Client, machine: &VirtualMachine, namespace: &str) -> Result<Creation, Error> {
    let spec = &machine.spec;
    let storage: Api<StorageClass> = Api::all(client.clone());
    let policies: Api<VirtualMachineSetResourcePolicy> = Api::namespaced(client.clone(), namespace);
    Ok(Creation {
        image: image_exists(client, spec.image_name.as_deref().unwrap_or_default(), namespace).await?,
        storage_class: is_there(&storage, spec.storage_class.as_deref()).await?,
        policy: is_there(&policies, spec.reserved.resource_policy_name.as_deref()).await?,
        user_data: user_data(client, machine, namespace).await?,
        zones: zones(client, machine).await?,
    })
}

/// Whether what is named exists, if anything is. No object has a name that is none.
async fn is_there<K>(api: &Api<K>, name: Option<&str>) -> Result<bool, Error>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    match name {
        None => Ok(true),
        Some(name) if !is_dns_subdomain(name) => Ok(false),
        Some(name) => Ok(api.get_metadata_opt(name).await?.is_some()),
    }
}

/// An image of the namespace, or one for all.
async fn image_exists(client: &Client, name: &str, namespace: &str) -> Result<bool, Error> {
    let of_kind = |kind| ApiResource::from_gvk(&GroupVersionKind::gvk("vmoperator.vmware.com", "v1alpha5", kind));
    let shared: Api<DynamicObject> = Api::all_with(client.clone(), &of_kind("ClusterVirtualMachineImage"));
    let own: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &of_kind("VirtualMachineImage"));
    Ok(is_there(&shared, Some(name)).await? || is_there(&own, Some(name)).await?)
}

/// The cloud-config. The vSphere provider names key `user-data` of a Secret whose key is `value`.
async fn user_data(client: &Client, machine: &VirtualMachine, namespace: &str) -> Result<Option<UserData>, Error> {
    let cloud_init = machine.spec.bootstrap.cloud_init.as_ref();
    let Some(source) = cloud_init.and_then(|cloud_init| cloud_init.raw_cloud_config.as_ref()) else {
        return Ok(Some(UserData::default()));
    };
    if !is_dns_subdomain(&source.name) {
        return Ok(None);
    }
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let Some(mut data) = secrets.get_opt(&source.name).await?.and_then(|secret| secret.data) else {
        return Ok(None);
    };
    let content = data.remove(&source.key).or_else(|| data.remove("value"));
    Ok(content.map(|content| UserData(content.0)))
}

/// A supervisor need not have the kind, or let us read it.
async fn zones(client: &Client, machine: &VirtualMachine) -> Result<Option<Vec<String>>, Error> {
    if !machine.labels().contains_key(ZONE_LABEL) {
        return Ok(None);
    }
    let zones = Api::<AvailabilityZone>::all(client.clone());
    match zones.list_metadata(&ListParams::default()).await {
        Ok(list) => Ok(Some(list.iter().map(kube::ResourceExt::name_any).collect())),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn names_in(classes: &Store<VirtualMachineClass>, namespace: &str) -> Vec<String> {
    let mut names: Vec<_> = classes
        .state()
        .iter()
        .filter(|class| class.namespace().as_deref() == Some(namespace))
        .map(|class| class.name_any())
        .collect();
    names.sort();
    names
}
