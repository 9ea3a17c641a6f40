//! Writes what is desired, and removes what no longer is.

use std::fmt::Debug;

use guestcluster_types::{
    conditions::{READY, reasons},
    labels,
    upstream::capi::Cluster,
};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Preconditions},
    core::Status,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    build::Desired,
    dereference::{Layers, belongs_to},
    mirror::Mirror,
    mirrors::Mirrors,
    plan::{Blocked, Identity, Object},
};
use crate::applying;

/// Why not everything was written.
#[derive(Debug)]
pub(super) enum Failure {
    /// It can't be until something changes.
    Blocked(Blocked),
    /// The API server did not answer, or not as it should.
    Api(kube::Error),
}

/// A kind that guests are made of.
pub(super) trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned
{
}

impl<K> Kind for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned
{
}

/// Where objects are written, and what is known of them.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) client: &'a Client,
    pub(super) mirrors: &'a Mirrors,
    pub(super) identity: &'a Identity,
}

/// Applies all objects of a guest. If one of their names is taken by something else, nothing is written.
pub(super) async fn apply(writer: Writer<'_>, desired: &Desired) -> Result<(), Failure> {
    check_names(writer, desired).await?;
    let mirrors = writer.mirrors;
    writer.apply(&mirrors.infrastructures, &desired.infrastructure).await?;
    for template in &desired.machine_templates {
        writer.create(&mirrors.machine_templates, template).await?;
    }
    for template in &desired.config_templates {
        writer.create(&mirrors.config_templates, template).await?;
    }
    writer.apply(&mirrors.control_planes, &desired.control_plane).await?;
    writer.apply(&mirrors.clusters, &desired.cluster).await?;
    for deployment in &desired.deployments {
        writer.apply(&mirrors.deployments, deployment).await?;
    }
    for health_check in &desired.health_checks {
        writer.apply(&mirrors.health_checks, health_check).await?;
    }
    Ok(())
}

/// Applies what the guest's own Secrets are kept with.
pub(super) async fn apply_infrastructure(writer: Writer<'_>, desired: &Desired) -> Result<(), Failure> {
    check_names(writer, desired).await?;
    writer
        .apply(&writer.mirrors.infrastructures, &desired.infrastructure)
        .await
}

/// Applies the Cluster alone.
pub(super) async fn apply_cluster(writer: Writer<'_>, cluster: &Cluster) -> Result<(), Failure> {
    writer.apply(&writer.mirrors.clusters, cluster).await
}

/// Removes the pools that are no longer desired, and when nothing rolls any more, the templates that nothing is made from.
pub(super) async fn prune(
    writer: Writer<'_>,
    layers: &Layers,
    desired: &Desired,
    at_rest: bool,
) -> Result<(), Failure> {
    let unwanted = |all: Vec<String>, object: &str| !all.iter().any(|name| name == object);
    let wanted = names_of(&desired.deployments);
    let removed: Vec<_> = layers
        .deployments
        .iter()
        .filter(|live| unwanted(wanted.clone(), &live.name_any()))
        .collect();
    for deployment in &removed {
        writer.delete(deployment.as_ref()).await?;
    }
    let wanted = names_of(&desired.health_checks);
    for health_check in layers
        .health_checks
        .iter()
        .filter(|live| unwanted(wanted.clone(), &live.name_any()))
    {
        writer.delete(health_check.as_ref()).await?;
    }
    if !at_rest || !removed.is_empty() {
        return Ok(());
    }
    let wanted = names_of(&desired.machine_templates);
    for template in layers
        .machine_templates
        .iter()
        .filter(|live| unwanted(wanted.clone(), &live.name_any()))
    {
        writer.delete(template.as_ref()).await?;
    }
    let wanted = names_of(&desired.config_templates);
    for template in layers
        .config_templates
        .iter()
        .filter(|live| unwanted(wanted.clone(), &live.name_any()))
    {
        writer.delete(template.as_ref()).await?;
    }
    Ok(())
}

fn names_of<K: Resource>(objects: &[K]) -> Vec<String> {
    objects.iter().map(ResourceExt::name_any).collect()
}

async fn check_names(writer: Writer<'_>, desired: &Desired) -> Result<(), Failure> {
    let mirrors = writer.mirrors;
    writer.check_name(&mirrors.clusters, &desired.cluster).await?;
    writer
        .check_name(&mirrors.infrastructures, &desired.infrastructure)
        .await?;
    writer
        .check_name(&mirrors.control_planes, &desired.control_plane)
        .await?;
    for template in &desired.machine_templates {
        writer.check_name(&mirrors.machine_templates, template).await?;
    }
    for template in &desired.config_templates {
        writer.check_name(&mirrors.config_templates, template).await?;
    }
    for deployment in &desired.deployments {
        writer.check_name(&mirrors.deployments, deployment).await?;
    }
    for health_check in &desired.health_checks {
        writer.check_name(&mirrors.health_checks, health_check).await?;
    }
    Ok(())
}

impl Writer<'_> {
    fn api<K: Kind>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.identity.namespace)
    }

    /// Whether the name of an object is free, or the guest's own.
    async fn check_name<K: Kind>(&self, mirror: &Mirror<K>, desired: &K) -> Result<(), Failure> {
        if !self.is_taken(mirror, desired).await? {
            return Ok(());
        }
        let message = format!(
            "{} {} exists in namespace {} and does not belong to this cluster; rename one of them, or remove it",
            K::kind(&()),
            desired.name_any(),
            self.identity.namespace
        );
        let reason = reasons::NAME_TAKEN;
        Err(Failure::Blocked(Blocked {
            condition: READY,
            reason,
            message,
            object: Some(Object::of(desired)),
            terminal: true,
        }))
    }

    /// A name that no watch has shown yet is asked for live, so that what somebody has just made is not written over.
    async fn is_taken<K: Kind>(&self, mirror: &Mirror<K>, desired: &K) -> Result<bool, Failure> {
        let name = desired.name_any();
        if let Some(live) = mirror.get(&self.identity.namespace, &name) {
            return Ok(!belongs_to(live.as_ref(), &self.identity.uid));
        }
        let live = self
            .api::<K>()
            .get_opt(&name)
            .await
            .map_err(|error| failure(error, desired))?;
        Ok(live.is_some_and(|live| !belongs_to(&live, &self.identity.uid)))
    }

    async fn apply<K: Kind>(&self, mirror: &Mirror<K>, desired: &K) -> Result<(), Failure> {
        let live = mirror.get(&self.identity.namespace, &desired.name_any());
        let applied = applying::apply(&self.api(), desired, live.as_deref(), labels::GUEST_MANAGER).await;
        applied.map(|_| ()).map_err(|error| failure(error, desired))
    }

    /// Writes a template unless it is there: its name says its content, and it can't be changed.
    async fn create<K: Kind>(&self, mirror: &Mirror<K>, desired: &K) -> Result<(), Failure> {
        if mirror.get(&self.identity.namespace, &desired.name_any()).is_some() {
            return Ok(());
        }
        self.apply(mirror, desired).await
    }

    /// Deletes exactly this object, once.
    pub(super) async fn delete<K: Kind>(&self, live: &K) -> Result<(), Failure> {
        if live.meta().deletion_timestamp.is_some() {
            return Ok(());
        }
        let preconditions = Preconditions {
            uid: live.uid(),
            ..Preconditions::default()
        };
        let parameters = DeleteParams {
            preconditions: Some(preconditions),
            ..DeleteParams::background()
        };
        match self.api::<K>().delete(&live.name_any(), &parameters).await {
            Ok(_) => Ok(()),
            // Gone, or another object by now: the watch will tell.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(error) => Err(failure(error, live)),
        }
    }
}

fn failure<K: Kind>(error: kube::Error, object: &K) -> Failure {
    let object = Object::of(object);
    match refusal(error, &format!("{} {}", object.kind, object.name)) {
        Failure::Blocked(blocked) => Failure::Blocked(Blocked {
            object: Some(object),
            ..blocked
        }),
        failure @ Failure::Api(_) => failure,
    }
}

/// What a refusal means: the API server has understood and will say the same again, all else is tried again.
pub(super) fn refusal(error: kube::Error, what: &str) -> Failure {
    match error {
        kube::Error::Api(status) if is_refused(&status) => Failure::Blocked(Blocked {
            condition: READY,
            reason: if lacks_right(&status) {
                reasons::RIGHT_MISSING
            } else {
                reasons::APPLY_REFUSED
            },
            message: format!("{what}: {}", status.message),
            object: None,
            terminal: false,
        }),
        error => Failure::Api(error),
    }
}

/// Whether it is the controller's own right that is missing. Quotas and policies refuse with the same code.
fn lacks_right(status: &Status) -> bool {
    status.code == 403 && status.message.contains(" is forbidden: User ") && status.message.contains(" cannot ")
}

/// Whether the API server will say the same again until somebody does something. That a webhook can't be called is among it:
/// its operator has to be told.
fn is_refused(status: &Status) -> bool {
    matches!(status.code, 400 | 403 | 422) || (status.code == 500 && status.message.contains("webhook"))
}
