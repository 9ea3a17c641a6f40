//! The VM layer as the test plays it: load balancers get an address behind which the guest answers, and VMs boot, read
//! their bootstrap data and become Nodes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use guestcluster_types::upstream::{
    topology::ZONE_LABEL,
    vmoperator::{VirtualMachine, VirtualMachineService},
};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::{sync::Mutex, task::AbortHandle};

use crate::{played_evictions::Evictions, played_guest::PlayedGuest};

const NAMESPACE: &str = "team-a";
const TICK: Duration = Duration::from_millis(5);
const NOW: &str = "2026-01-01T00:00:00Z";

/// The VM layer; it ends when it is dropped.
pub(crate) struct PlayedVms {
    world: Arc<World>,
    task: AbortHandle,
}

struct World {
    client: Client,
    address: IpAddr,
    guest: Mutex<Option<PlayedGuest>>,
    /// Evictions in the guest, if it has any.
    evictions: Option<Arc<Evictions>>,
    /// Classes without capacity: VMs of them are not created.
    missing_classes: BTreeSet<String>,
    booted: Mutex<BTreeMap<String, String>>,
}

impl PlayedVms {
    /// Plays the VM layer; the load balancer's address is told from others by `number`.
    pub(crate) fn start(
        client: Client,
        number: u8,
        missing_classes: &[&str],
        evictions: Option<Arc<Evictions>>,
    ) -> Self {
        let process = std::process::id().to_be_bytes();
        let world = Arc::new(World {
            client,
            address: Ipv4Addr::new(127, number, process[2], process[3].max(1)).into(),
            guest: Mutex::default(),
            evictions,
            missing_classes: missing_classes.iter().map(|&class| class.to_owned()).collect(),
            booted: Mutex::default(),
        });
        let task = tokio::spawn({
            let world = world.clone();
            async move {
                loop {
                    if let Err(error) = world.tick().await {
                        eprintln!("played VM layer: {error:#}");
                    }
                    tokio::time::sleep(TICK).await;
                }
            }
        });
        Self {
            world,
            task: task.abort_handle(),
        }
    }

    /// An administrator's client of the guest.
    pub(crate) async fn guest(&self) -> Result<Client> {
        Ok(self
            .world
            .guest
            .lock()
            .await
            .as_ref()
            .context("the guest does not run")?
            .client
            .clone())
    }

    /// Names of the VMs that booted, with their bootstrap data.
    pub(crate) async fn booted(&self) -> BTreeMap<String, String> {
        self.world.booted.lock().await.clone()
    }
}

impl Drop for PlayedVms {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl World {
    async fn tick(&self) -> Result<()> {
        for service in self.api::<VirtualMachineService>().list(&ListParams::default()).await? {
            if service.status.load_balancer.ingress.is_empty() {
                self.publish(&service).await?;
            }
        }
        for vm in self.api::<VirtualMachine>().list(&ListParams::default()).await? {
            if vm.status.bios_uuid.is_none() && vm.metadata.deletion_timestamp.is_none() {
                self.boot(&vm).await?;
            }
        }
        Ok(())
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// The API server answers before its address is known.
    async fn publish(&self, service: &VirtualMachineService) -> Result<()> {
        let name = service.name_any();
        let Some(authority) = self.api::<Secret>().get_opt(&format!("{name}-ca")).await? else {
            return Ok(());
        };
        let mut guest = self.guest.lock().await;
        if guest.is_none() {
            *guest = Some(PlayedGuest::start(self.address, &authority, self.evictions.clone()).await?);
        }
        let status = json!({"loadBalancer": {"ingress": [{"ip": self.address}]}});
        self.patch_status::<VirtualMachineService>(&name, status).await
    }

    async fn boot(&self, vm: &VirtualMachine) -> Result<()> {
        let (name, class) = (vm.name_any(), vm.spec.class_name.clone().unwrap_or_default());
        if self.missing_classes.contains(&class) {
            let missing = condition(
                "VirtualMachineClassReady",
                "False",
                "NotFound",
                &format!("class \"{class}\" does not exist"),
            );
            return match vm.status.conditions.is_empty() {
                true => {
                    self.patch_status::<VirtualMachine>(&name, json!({"conditions": [missing]}))
                        .await
                }
                false => Ok(()),
            };
        }
        let source = vm
            .spec
            .bootstrap
            .cloud_init
            .as_ref()
            .and_then(|init| init.raw_cloud_config.clone())
            .context("no bootstrap data")?;
        let secret = self.api::<Secret>().get(&source.name).await?;
        let data = secret
            .data
            .as_ref()
            .and_then(|data| data.get("value"))
            .context("no value")?;
        self.booted
            .lock()
            .await
            .insert(name.clone(), String::from_utf8(data.0.clone())?);

        let uuid = vm.uid().context("no UID")?;
        self.register(vm, &name, &uuid).await?;
        let status = json!({
            "conditions": [condition("VirtualMachineCreated", "True", "True", "")],
            "powerState": "PoweredOn", "network": {"primaryIP4": "10.0.0.9"}, "biosUUID": uuid,
            "zone": vm.labels().get(ZONE_LABEL),
        });
        self.patch_status::<VirtualMachine>(&name, status).await
    }

    /// What kubeadm and the kubelet leave in the guest.
    async fn register(&self, vm: &VirtualMachine, name: &str, uuid: &str) -> Result<()> {
        let guest = self
            .guest
            .lock()
            .await
            .as_ref()
            .context("the guest does not run")?
            .client
            .clone();
        let control_plane = vm
            .labels()
            .get("capv.vmware.com/cluster.role")
            .is_some_and(|role| role == "controlplane");
        if control_plane {
            let config = json!({"metadata": {"name": "kubeadm-config"}, "data": {}});
            let _ = Api::<ConfigMap>::namespaced(guest.clone(), "kube-system")
                .create(&PostParams::default(), &from(config)?)
                .await;
        }
        let taint = json!({"key": "node.cluster.x-k8s.io/uninitialized", "effect": "NoSchedule"});
        let spec = json!({"providerID": format!("vsphere://{uuid}"), "taints": [taint]});
        let version = vm
            .spec
            .image_name
            .clone()
            .unwrap_or_default()
            .trim_start_matches("photon-")
            .to_owned();
        let nodes = Api::<Node>::all(guest);
        let created = nodes
            .create(
                &PostParams::default(),
                &from(json!({"metadata": {"name": name}, "spec": spec}))?,
            )
            .await;
        match created {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            Err(error) => return Err(error.into()),
        }
        let mut conditions = vec![condition("Ready", "True", "KubeletReady", "")];
        conditions.extend(
            ["MemoryPressure", "DiskPressure", "PIDPressure"].map(|type_| condition(type_, "False", "Enough", "")),
        );
        let info = json!({
            "kubeletVersion": version, "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "", "kernelVersion": "",
            "kubeProxyVersion": "", "machineID": "", "operatingSystem": "linux", "osImage": "", "systemUUID": uuid,
        });
        let status = json!({"status": {"conditions": conditions, "nodeInfo": info}});
        nodes
            .patch_status(name, &PatchParams::default(), &Patch::Merge(status))
            .await?;
        Ok(())
    }

    async fn patch_status<K>(&self, name: &str, status: Value) -> Result<()>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + serde::de::DeserializeOwned
            + std::fmt::Debug,
    {
        let patch = Patch::Merge(json!({ "status": status }));
        match self
            .api::<K>()
            .patch_status(name, &PatchParams::default(), &patch)
            .await
        {
            // It was deleted meanwhile.
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            outcome => Ok(outcome.map(|_| ())?),
        }
    }
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": type_, "status": status, "reason": reason, "message": message, "lastTransitionTime": NOW})
}

fn from<K: serde::de::DeserializeOwned>(value: Value) -> Result<K> {
    Ok(serde_json::from_value(value)?)
}
