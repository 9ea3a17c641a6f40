//! The VM layer and what runs in its VMs, as the test plays them, step by step.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use guestcluster_tests::{Kubectl, Manifest, Supervisor, client, eventually, until};
use guestcluster_types::{
    GuestCluster,
    upstream::vmoperator::{VirtualMachine, VirtualMachineService},
};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Secret};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    played_guest::PlayedGuest,
    vms::{self, Stage},
};

/// Longest for what the machine layer does before anything is blocked.
const PATIENCE: u64 = 90;

/// What a VM is in its guest.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    ControlPlane,
    Worker,
}

/// The supervisor, with each guest in a namespace of its name.
pub(super) struct Played<'a> {
    supervisor: &'a Supervisor,
    runtime: Runtime,
    client: Client,
    /// API servers of guests that have one.
    answering: BTreeMap<String, PlayedGuest>,
    addresses: BTreeMap<String, Ipv4Addr>,
}

impl<'a> Played<'a> {
    pub(super) fn new(supervisor: &'a Supervisor) -> Self {
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(client(&supervisor.admin_kubeconfig())).unwrap();
        Self {
            supervisor,
            runtime,
            client,
            answering: BTreeMap::new(),
            addresses: BTreeMap::new(),
        }
    }

    /// kubectl in the namespace of a guest.
    pub(super) fn kubectl(&self, guest: &str) -> Kubectl {
        self.supervisor.kubectl_in(guest, None)
    }

    /// Makes the namespace of a guest, with the classes of the catalogue.
    pub(super) fn namespace(&self, guest: &str) -> Kubectl {
        self.supervisor.add_namespace(guest);
        self.kubectl(guest)
    }

    /// Sets a quota.
    pub(super) fn quota(&self, guest: &str, count: &str, limit: usize) {
        let quota = format!("create quota few --hard=count/{count}={limit}");
        self.kubectl(guest).run(&quota).success();
    }

    /// Waits until the quota counts.
    pub(super) fn quota_counts(&self, guest: &str) {
        let kubectl = self.kubectl(guest);
        eventually(PATIENCE, "the quota counts", || {
            let quota = kubectl.json("get quota few");
            let counts = quota["status"]["used"].as_object().is_some_and(|used| !used.is_empty());
            if counts { Ok(()) } else { Err(quota.to_string()) }
        });
    }

    /// Asks for a guest in a namespace that is there.
    pub(super) fn create(&self, guest: &str, workers: u32) {
        let manifest = Manifest::new(guest, "v1.34", 1, workers).text();
        self.kubectl(guest).run_with("create -f -", Some(&manifest)).success();
    }

    /// The GuestCluster.
    pub(super) fn guest(&self, guest: &str) -> Value {
        let found = self.runtime.block_on(self.api::<GuestCluster>(guest).get_opt(guest));
        serde_json::to_value(found.unwrap()).unwrap()
    }

    /// Waits until an object of the machine layer is such; the object.
    pub(super) fn awaited(&self, guest: &str, what: &str, is_such: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let kubectl = self.kubectl(guest);
        until(Duration::from_secs(PATIENCE), || {
            let found = kubectl.json(&format!("get {what}"));
            let such = found["items"]
                .as_array()
                .and_then(|items| items.iter().find(|item| is_such(item)));
            such.cloned()
                .ok_or_else(|| format!("no {what} is such: {}", statuses(&found)))
        })
    }

    /// The VM of a role that is not done yet, or was done last.
    pub(super) fn vm(&self, guest: &str, role: Role) -> Result<VirtualMachine, String> {
        until(Duration::from_secs(PATIENCE), || {
            let role = if role == Role::ControlPlane {
                "controlplane"
            } else {
                "node"
            };
            let selector = format!("capv.vmware.com/cluster.role={role}");
            let listed = self.runtime.block_on(
                self.api::<VirtualMachine>(guest)
                    .list(&ListParams::default().labels(&selector)),
            );
            let mut vms = listed.unwrap().items;
            vms.sort_by_key(|vm| (vm.status.bios_uuid.is_some(), vm.name_any()));
            let first = vms.into_iter().next();
            first.ok_or_else(|| format!("no VM of {guest}: {}", self.guest(guest)["status"]))
        })
    }

    /// Writes the status of a VM as VM Operator would.
    pub(super) fn report(&self, guest: &str, role: Role, status: &Value) -> Result<(), String> {
        let vm = self.vm(guest, role)?;
        self.patch_status::<VirtualMachine>(guest, &vm.name_any(), status.clone());
        Ok(())
    }

    /// Writes the status of the load balancer, and what our VM layer adds.
    pub(super) fn report_service(&self, guest: &str, ingress: &str, annotation: Option<&str>) -> Result<(), String> {
        let ingress: Value = serde_json::from_str(ingress).unwrap();
        let services = self.api::<VirtualMachineService>(guest);
        until(Duration::from_secs(PATIENCE), || {
            let found = self.runtime.block_on(services.get_opt(guest)).unwrap();
            found
                .map(|_| ())
                .ok_or_else(|| format!("no load balancer: {}", self.guest(guest)["status"]))
        })?;
        let annotations = json!({"metadata": {"annotations": {"guestclusters.dev/load-balancer-blocked": annotation}}});
        let (params, patch) = (PatchParams::default(), Patch::Merge(annotations));
        self.runtime.block_on(services.patch(guest, &params, &patch)).unwrap();
        self.patch_status::<VirtualMachineService>(guest, guest, json!({"loadBalancer": {"ingress": ingress}}));
        Ok(())
    }

    /// Gives a guest an address.
    pub(super) fn publish(&mut self, guest: &str) -> Result<(), String> {
        let number = u8::try_from(self.addresses.len()).unwrap_or(u8::MAX);
        let process = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 32 + number, process[2], process[3].max(1));
        self.addresses.insert(guest.to_owned(), address);
        self.report_service(guest, &format!(r#"[{{"ip": "{address}"}}]"#), None)
    }

    /// Starts the API server of a guest at its address, as soon as its authority is there.
    pub(super) fn answer(&mut self, guest: &str) -> Result<(), String> {
        let secrets = self.api::<Secret>(guest);
        let authority = until(Duration::from_secs(PATIENCE), || {
            let found = self.runtime.block_on(secrets.get_opt(&format!("{guest}-ca"))).unwrap();
            found.ok_or_else(|| format!("no authority yet: {}", self.guest(guest)["status"]))
        })?;
        let address = self.addresses[guest].into();
        let server = self
            .runtime
            .block_on(PlayedGuest::start(address, &authority, None))
            .unwrap();
        self.answering.insert(guest.to_owned(), server);
        Ok(())
    }

    /// Lets a VM come up, without its node.
    pub(super) fn boot(&self, guest: &str, role: Role) -> Result<VirtualMachine, String> {
        let vm = self.vm(guest, role)?;
        let mut status = vms::status(Stage::Identified, &[]);
        status["biosUUID"] = json!(vm.uid());
        self.patch_status::<VirtualMachine>(guest, &vm.name_any(), status);
        Ok(vm)
    }

    /// What kubeadm and the kubelet leave in the guest.
    pub(super) fn join(&self, guest: &str, vm: &VirtualMachine, role: Role) {
        let client = self.inside(guest);
        self.runtime.block_on(async {
            let mut node = json!({"metadata": {"name": vm.name_any()}, "spec": {"providerID": format!("vsphere://{}", vm.uid().unwrap_or_default())}});
            if role == Role::ControlPlane {
                let label = "node-role.kubernetes.io/control-plane";
                node["metadata"]["labels"] = json!({label: ""});
                node["spec"]["taints"] = json!([{"key": label, "effect": "NoSchedule"}]);
            }
            create(&Api::<Node>::all(client.clone()), node).await;
            if role == Role::ControlPlane {
                for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
                    let pods = Api::<Pod>::namespaced(client.clone(), "kube-system");
                    let name = format!("{component}-{}", vm.name_any());
                    let labels = json!({"component": component, "tier": "control-plane"});
                    let metadata = json!({"annotations": {"kubernetes.io/config.mirror": "x"}, "labels": labels});
                    create(&pods, pod(&name, &vm.name_any(), &metadata)).await;
                    let ready = json!({"status": {"phase": "Running", "conditions": [vms::condition("Ready", "True", "Ready", "")]}});
                    let (params, patch) = (PatchParams::default(), Patch::Merge(ready));
                    pods.patch_status(&name, &params, &patch).await.unwrap();
                }
            }
        });
        self.node_says(guest, &vm.name_any(), "True");
        // Last: by this a control plane shows that it answers, and what it is judged by then nobody looks at again soon.
        if role == Role::ControlPlane {
            let config = json!({"metadata": {"name": "kubeadm-config"}, "data": {}});
            let configs = Api::<ConfigMap>::namespaced(self.inside(guest), "kube-system");
            self.runtime.block_on(create(&configs, config));
        }
    }

    /// Writes the Ready condition of a node as its kubelet would.
    pub(super) fn node_says(&self, guest: &str, name: &str, ready: &str) {
        let mut conditions = vec![vms::condition("Ready", ready, "Kubelet", "container runtime is down")];
        for kind in ["MemoryPressure", "DiskPressure", "PIDPressure"] {
            conditions.push(vms::condition(kind, "False", "Enough", ""));
        }
        let status = json!({"status": {"conditions": conditions}});
        let nodes = Api::<Node>::all(self.inside(guest));
        let (params, patch) = (PatchParams::default(), Patch::Merge(status));
        self.runtime
            .block_on(nodes.patch_status(name, &params, &patch))
            .unwrap();
    }

    /// Puts a pod on a node that never ends, though it is deleted.
    pub(super) fn stuck_pod(&self, guest: &str, node: &str) {
        let pods = Api::<Pod>::namespaced(self.inside(guest), "default");
        self.runtime.block_on(async {
            create(&pods, pod("stuck", node, &json!({"finalizers": ["example.com/stuck"]}))).await;
            pods.delete("stuck", &kube::api::DeleteParams::default()).await.unwrap();
        });
    }

    /// Lets that pod end.
    pub(super) fn release_pod(&self, guest: &str) {
        let pods = Api::<Pod>::namespaced(self.inside(guest), "default");
        let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        self.runtime
            .block_on(pods.patch("stuck", &PatchParams::default(), &patch))
            .unwrap();
    }

    fn inside(&self, guest: &str) -> Client {
        self.answering[guest].client.clone()
    }

    fn api<K>(&self, guest: &str) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), guest)
    }

    fn patch_status<K>(&self, guest: &str, name: &str, status: Value)
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug,
    {
        let patch = Patch::Merge(json!({ "status": status }));
        let api = self.api::<K>(guest);
        self.runtime
            .block_on(api.patch_status(name, &PatchParams::default(), &patch))
            .unwrap();
    }
}

fn pod(name: &str, node: &str, metadata: &Value) -> Value {
    let mut pod =
        json!({"metadata": metadata, "spec": {"nodeName": node, "containers": [{"name": "a", "image": "b"}]}});
    pod["metadata"]["name"] = json!(name);
    pod
}

async fn create<K>(api: &Api<K>, object: Value)
where
    K: Clone + DeserializeOwned + serde::Serialize + std::fmt::Debug,
{
    let object: K = serde_json::from_value(object).unwrap();
    match api.create(&PostParams::default(), &object).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        created => drop(created.unwrap()),
    }
}

/// Of a list, what is said of each object.
fn statuses(list: &Value) -> String {
    let items = list["items"].as_array().into_iter().flatten();
    let words = items.map(|item| format!("{}: {}", item["metadata"]["name"], item["status"]["conditions"]));
    words.collect::<Vec<_>>().join("\n")
}
