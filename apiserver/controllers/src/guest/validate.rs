//! From what is asked and what there is to a plan, or to why there is none. Pure, and the only source of user errors.

use std::sync::Arc;

use guestcluster_types::{
    EtcdMode, GuestCluster, GuestClusterRelease, NodePool,
    conditions::{DISTRIBUTION_RESOLVED, READY, reasons},
    labels, names,
    upstream::{
        capi::MachineDeployment,
        kubeadm::{ClusterConfiguration, KubeadmControlPlane},
    },
    version::{Candidate, KubernetesVersion, VersionHint, resolve},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{
    dereference::Layers,
    plan::{Blocked, Identity, MachinePlan, Plan, PoolPlan, TEMPLATE_REVISION},
    progress,
};

/// All releases there are.
pub(super) type Catalogue = [Arc<GuestClusterRelease>];

/// Makes the plan of a guest.
pub(super) fn plan(
    guest: &GuestCluster,
    identity: Identity,
    layers: &Layers,
    catalogue: &Catalogue,
    health_checks: bool,
) -> Result<Plan, Blocked> {
    let live = layers.control_plane.as_deref();
    let running = running(guest, live);
    let target = target(guest, running.as_ref(), live, catalogue)?;
    let control_plane = control_plane(&target, live, layers, catalogue)?;
    let etcd = etcd(&target, live, catalogue);
    let is_done = live.is_some_and(|live| progress::control_plane_runs(live, &target));
    let context = PoolContext {
        control_plane: &control_plane,
        is_done,
        running: running.as_ref(),
        layers,
        catalogue,
    };
    let pools = guest.spec.topology.node_pools.iter();
    let pools = pools
        .map(|wanted| pool(&identity.name, wanted, &context))
        .collect::<Result<_, _>>()?;
    Ok(Plan {
        identity,
        spec: guest.spec.clone(),
        running,
        target,
        etcd,
        control_plane,
        pools,
        health_checks,
        trust_key: None,
    })
}

/// What the cluster runs: what status says, or where status is lost, the control plane itself.
pub(super) fn running(guest: &GuestCluster, live: Option<&KubeadmControlPlane>) -> Option<KubernetesVersion> {
    let recorded = guest
        .status
        .as_ref()
        .and_then(|status| status.distribution.as_ref()?.version.as_ref());
    let observed = live.map(|live| live.status.version.as_ref().unwrap_or(&live.spec.version));
    recorded.or(observed)?.parse().ok()
}

/// The version to go to. What was chosen before is kept as long as it is what is asked for, whatever the catalogue says.
fn target(
    guest: &GuestCluster,
    running: Option<&KubernetesVersion>,
    live: Option<&KubeadmControlPlane>,
    catalogue: &Catalogue,
) -> Result<KubernetesVersion, Blocked> {
    let hint: VersionHint = guest
        .spec
        .distribution
        .version
        .parse()
        .map_err(|error| unresolved(&error))?;
    let chosen: Option<KubernetesVersion> = live.and_then(|live| live.spec.version.parse().ok());
    if let Some(kept) = chosen.iter().chain(running).find(|version| hint.matches(version)) {
        return Ok(kept.clone());
    }
    let candidates: Vec<_> = catalogue.iter().filter_map(|release| Candidate::of(release)).collect();
    resolve(&hint, &candidates, running)
        .map(|resolved| resolved.version)
        .map_err(|error| unresolved(&error))
}

fn unresolved(error: &dyn std::error::Error) -> Blocked {
    Blocked {
        condition: DISTRIBUTION_RESOLVED,
        reason: reasons::NO_RELEASE,
        message: error.to_string(),
        object: None,
        terminal: false,
    }
}

fn control_plane(
    target: &KubernetesVersion,
    live: Option<&KubeadmControlPlane>,
    layers: &Layers,
    catalogue: &Catalogue,
) -> Result<MachinePlan, Blocked> {
    let moves = live.is_none_or(|live| live.spec.version != target.to_string());
    let recorded = layers.cluster.as_deref().map(|cluster| &cluster.metadata);
    let template = live.map(|live| live.spec.machine_template.spec.infrastructure_ref.name.as_str());
    Ok(MachinePlan {
        version: target.clone(),
        image: image(target, template.filter(|_| !moves), layers, catalogue)?,
        revision: revision(recorded, moves)?,
    })
}

/// Whether etcd runs on the control plane: fixed when a cluster is created.
fn etcd(target: &KubernetesVersion, live: Option<&KubeadmControlPlane>, catalogue: &Catalogue) -> EtcdMode {
    match live {
        Some(live) => {
            let configuration = live.spec.kubeadm_config_spec.cluster_configuration.as_ref();
            let external = configuration.is_some_and(ClusterConfiguration::has_external_etcd);
            if external {
                EtcdMode::External
            } else {
                EtcdMode::Stacked
            }
        }
        None => release(target, catalogue)
            .map(|release| release.spec.etcd)
            .unwrap_or_default(),
    }
}

/// What all pools of a guest are planned with.
struct PoolContext<'a> {
    control_plane: &'a MachinePlan,
    /// Whether the control plane runs the version it is to run.
    is_done: bool,
    running: Option<&'a KubernetesVersion>,
    layers: &'a Layers,
    catalogue: &'a Catalogue,
}

/// A pool goes to the version of the control plane when that is done; until then it stays, and a new one gets the old version.
fn pool(cluster: &str, wanted: &NodePool, context: &PoolContext<'_>) -> Result<PoolPlan, Blocked> {
    let target = &context.control_plane.version;
    let live = context.layers.deployment(&names::pool(cluster, &wanted.name));
    let at = live.and_then(version_of);
    let version = match (&at, context.running) {
        _ if context.is_done => target.clone(),
        (Some(at), _) => at.clone(),
        (None, Some(running)) => running.clone(),
        (None, None) => target.clone(),
    };
    let moves = at.as_ref() != Some(&version);
    let template = live.map(|live| live.spec.template.spec.infrastructure_ref.name.as_str());
    let recorded = live.map(|live| &live.metadata).filter(|_| !moves);
    let machines = MachinePlan {
        image: image(&version, template.filter(|_| !moves), context.layers, context.catalogue)?,
        revision: recorded.map_or(Ok(context.control_plane.revision), |recorded| {
            revision(Some(recorded), false)
        })?,
        version,
    };
    Ok(PoolPlan {
        pool: wanted.clone(),
        machines,
    })
}

fn version_of(deployment: &MachineDeployment) -> Option<KubernetesVersion> {
    deployment.spec.template.spec.version.as_ref()?.parse().ok()
}

/// The image of a version: what the release says, or if that is gone, what the machines were made with until then.
fn image(
    version: &KubernetesVersion,
    template: Option<&str>,
    layers: &Layers,
    catalogue: &Catalogue,
) -> Result<String, Blocked> {
    if let Some(image) = release(version, catalogue).and_then(|release| release.spec.images.first()) {
        return Ok(image.name.clone());
    }
    let used = template.and_then(|name| layers.machine_template(name));
    used.map(|template| template.spec.template.spec.image_name.clone())
        .ok_or_else(|| Blocked {
            condition: DISTRIBUTION_RESOLVED,
            reason: reasons::RELEASE_GONE,
            message: format!("the release of {version} is not in the catalogue; nothing is changed until it is there"),
            object: None,
            terminal: false,
        })
}

fn release<'a>(version: &KubernetesVersion, catalogue: &'a Catalogue) -> Option<&'a GuestClusterRelease> {
    let text = version.to_string();
    catalogue
        .iter()
        .map(AsRef::as_ref)
        .find(|release| release.spec.version == text)
}

/// The revision of the templates: what is recorded, until the user asks for a rollout anyway.
fn revision(recorded: Option<&ObjectMeta>, moves: bool) -> Result<u32, Blocked> {
    let recorded = recorded.and_then(|metadata| metadata.annotations.as_ref()?.get(labels::TEMPLATE_REVISION));
    let Some(recorded) = recorded else {
        return Ok(TEMPLATE_REVISION);
    };
    match recorded.parse::<u32>() {
        Ok(known) if known <= TEMPLATE_REVISION => Ok(if moves { TEMPLATE_REVISION } else { known }),
        _ => Err(Blocked {
            condition: READY,
            reason: reasons::REVISION_UNKNOWN,
            message: format!(
                "the cluster was made with template revision {recorded}, this program knows up to {TEMPLATE_REVISION}; nothing is changed until it is updated"
            ),
            object: None,
            terminal: true,
        }),
    }
}

#[cfg(test)]
mod tests;
