//! Control planes over the zones of a supervisor.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use guestcluster_types::upstream::{
    FailureDomain,
    capi::{Cluster, Machine, MachineDeployment},
    capv::VSphereCluster,
    kubeadm::KubeadmControlPlane,
    topology::{AvailabilityZone, ZONE_LABEL},
    vmoperator::VirtualMachine,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::json;

use super::world::{World, is_control_plane};

impl World {
    async fn add_zone(&self, name: &str) -> Result<()> {
        let zone = AvailabilityZone::new(name, Default::default());
        Api::all(self.client.clone())
            .create(&PostParams::default(), &zone)
            .await?;
        Ok(())
    }

    async fn remove_zone(&self, name: &str) -> Result<()> {
        let zones = Api::<AvailabilityZone>::all(self.client.clone());
        zones.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Waits until these are the failure domains, and as they must be.
    async fn failure_domains(&self, names: &[&str]) -> Result<()> {
        let domain = |name: &&str| FailureDomain {
            name: (*name).to_owned(),
            control_plane: Some(true),
            ..FailureDomain::default()
        };
        let wanted: Vec<_> = names.iter().map(domain).collect();
        let what = format!("the failure domains {names:?}");
        self.until("dev", &what, |object: &VSphereCluster| {
            object.status.failure_domains == wanted
        })
        .await?;
        self.until("dev", &what, |cluster: &Cluster| {
            cluster.status.failure_domains == wanted
        })
        .await?;
        Ok(())
    }

    async fn scale(&self, members: i32) -> Result<()> {
        self.patch::<KubeadmControlPlane>("dev-cp", json!({"spec": {"replicas": members}}))
            .await?;
        Ok(())
    }

    /// How many of the control plane's Machines are in each zone; each says the same of itself, of its VM, and as it was asked.
    async fn spread(&self) -> Result<BTreeMap<String, usize>> {
        let mut spread = BTreeMap::new();
        let machines = self.api::<Machine>().list(&ListParams::default()).await?;
        for machine in machines.iter().filter(|machine| is_control_plane(machine)) {
            let asked = machine.spec.failure_domain.clone();
            let vm = self.api::<VirtualMachine>().get(&machine.name_any()).await?;
            let label = vm.labels().get(ZONE_LABEL).cloned();
            ensure!(
                label == asked && vm.status.zone == asked && machine.status.failure_domain == asked,
                "{asked:?}, {label:?}, {:?}, {:?}",
                vm.status.zone,
                machine.status.failure_domain
            );
            *spread.entry(asked.unwrap_or_default()).or_default() += 1;
        }
        Ok(spread)
    }

    async fn is_spread(&self, wanted: &[(&str, usize)]) -> Result<()> {
        let wanted = wanted.iter().map(|(name, count)| ((*name).to_owned(), *count));
        let (spread, wanted) = (self.spread().await?, wanted.collect::<BTreeMap<_, _>>());
        ensure!(spread == wanted, "{spread:?}, not {wanted:?}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_is_spread_over_the_zones_that_there_are() -> Result<()> {
    let world = World::start(112, &[]).await?;
    for zone in ["b", "c", "a"] {
        world.add_zone(zone).await?;
    }
    world.create_cluster(1, "small").await?;
    world.failure_domains(&["a", "b", "c"]).await?;
    world.settled(1, 1).await?;
    world.scale(3).await?;
    world.settled(3, 1).await?;
    world.is_spread(&[("a", 1), ("b", 1), ("c", 1)]).await?;

    // A rollout with one more, and back from more than one each.
    world.upgrade("v1.35.0").await?;
    world.settled_at("v1.35.0", 3, 1).await?;
    world.is_spread(&[("a", 1), ("b", 1), ("c", 1)]).await?;
    world.scale(5).await?;
    world.settled_at("v1.35.0", 5, 1).await?;
    let spread = world.spread().await?;
    ensure!(
        spread.len() == 3 && spread.values().all(|&count| count <= 2),
        "{spread:?}"
    );
    world.scale(3).await?;
    world.settled_at("v1.35.0", 3, 1).await?;
    world.is_spread(&[("a", 1), ("b", 1), ("c", 1)]).await?;

    // A zone goes: nothing is moved for it, and nothing is made in it any more.
    world.remove_zone("b").await?;
    world.failure_domains(&["a", "c"]).await?;
    world.quiet().await?;
    world.is_spread(&[("a", 1), ("b", 1), ("c", 1)]).await?;
    world.upgrade("v1.36.0").await?;
    world.settled_at("v1.36.0", 3, 1).await?;
    let spread = world.spread().await?;
    ensure!(spread.len() == 2 && !spread.contains_key("b"), "{spread:?}");

    // Another one comes.
    world.add_zone("d").await?;
    world.failure_domains(&["a", "c", "d"]).await?;
    world.upgrade("v1.37.0").await?;
    world.settled_at("v1.37.0", 3, 1).await?;
    world.is_spread(&[("a", 1), ("c", 1), ("d", 1)]).await?;

    for zone in ["a", "c", "d"] {
        world.remove_zone(zone).await?;
    }
    world.failure_domains(&[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_in_the_zone_that_it_names_and_without_one_in_none() -> Result<()> {
    let world = World::start(113, &[]).await?;
    for zone in ["a", "b"] {
        world.add_zone(zone).await?;
    }
    world.create_cluster(2, "small").await?;
    world.settled(1, 2).await?;
    let zones = async || -> Result<Vec<Option<String>>> {
        let mut zones = vec![];
        for name in world.workers().await? {
            zones.push(world.api::<Machine>().get(&name).await?.status.failure_domain);
        }
        Ok(zones)
    };
    ensure!(zones().await? == [None, None]);
    let template = json!({"spec": {"failureDomain": "b"}});
    world
        .patch::<MachineDeployment>("dev-a", json!({"spec": {"template": template}}))
        .await?;
    world
        .until("dev-a", "two in the zone", |pool: &MachineDeployment| {
            let status = &pool.status;
            status.observed_generation == pool.metadata.generation
                && [status.replicas, status.up_to_date_replicas, status.available_replicas] == [Some(2); 3]
        })
        .await?;
    ensure!(zones().await? == vec![Some("b".to_owned()); 2]);
    Ok(())
}
