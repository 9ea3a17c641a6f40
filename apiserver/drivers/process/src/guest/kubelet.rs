//! The node of a VM, as a kubelet has it: registered, and alive as long as it says so.

use std::{convert::Infallible, time::Duration};

use guest_system::{
    cloud_init::Role,
    node::{NodeFacts, registration, status},
    static_pods::{self, StaticPod},
};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{GuestSystem, control_plane::ControlPlane};
use crate::{
    client::{Identity, client, is, send, send_as},
    trouble::Trouble,
};

/// How often a node says that it is alive, and for how long that holds.
const HEARTBEAT: Duration = Duration::from_secs(10);
const LEASE_SECONDS: u32 = 40;
/// After a silence as long the node may count as lost, and says anew how it is.
const SILENCE: Duration = Duration::from_secs(30);
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
const PODS: &str = "/api/v1/namespaces/kube-system/pods";
const STRATEGIC_MERGE: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// A node that is registered.
pub(super) struct Kubelet {
    client: Client,
    facts: NodeFacts,
}

impl GuestSystem {
    /// A worker joins its guest, with the certificate that it got before if it did.
    pub(super) async fn join(&self, version: &str) -> Result<Kubelet, Trouble> {
        let Role::Join(join) = &self.bootstrap.role else {
            return Err(Trouble::failed("the bootstrap data of a worker joins no guest"));
        };
        let server = format!("https://{}", join.endpoint);
        let (authority, pair) = self.certificate(join, &server).await?;
        let client = client(&server, &authority, Identity::Certificate(&pair))?;
        let kubelet = Kubelet {
            client: client.clone(),
            facts: self.facts(version),
        };
        kubelet
            .register(&client, &registration(&self.bootstrap, &kubelet.facts))
            .await?;
        Ok(kubelet)
    }

    /// A control-plane node, which its administrator registers: a kubelet may not give itself that role.
    pub(super) async fn register(&self, control_plane: &ControlPlane, version: &str) -> Result<Kubelet, Trouble> {
        let kubelet = Kubelet {
            client: control_plane.client(Identity::Certificate(&control_plane.credentials.kubelet))?,
            facts: self.facts(version),
        };
        let administrator = control_plane.administrator()?;
        kubelet
            .register(&administrator, &registration(&self.bootstrap, &kubelet.facts))
            .await?;
        kubelet
            .show_static_pods(&administrator)
            .await
            .map_err(|error| Trouble::refused("showing the Pods of the control plane", &error))?;
        Ok(kubelet)
    }
}

impl Kubelet {
    /// Registers the Node and makes it Ready; a Node that is there is brought up to date.
    async fn register(&self, registrar: &Client, node: &Value) -> Result<(), Trouble> {
        match send(registrar, "POST", "/api/v1/nodes", node).await {
            Err(error) if is(&error, 409) => {
                let provider = json!({"spec": {"providerID": node["spec"]["providerID"]}});
                let patched = send_as(registrar, "PATCH", &self.path(), STRATEGIC_MERGE, &provider).await;
                patched.map_err(|error| Trouble::refused("updating the Node", &error))?;
            }
            created => {
                created.map_err(|error| Trouble::refused("registering the Node", &error))?;
            }
        }
        self.report()
            .await
            .map_err(|error| Trouble::refused("reporting the Node's status", &error))?;
        let beat = self.beat().await;
        beat.map_err(|error| Trouble::refused("renewing the Node's Lease", &error))
    }

    /// Shows what the VM runs of the control plane as Pods.
    async fn show_static_pods(&self, administrator: &Client) -> Result<(), kube::Error> {
        let node = send(administrator, "GET", &self.path(), &Value::Null).await?;
        let node_uid = node["metadata"]["uid"].as_str().unwrap_or_default();
        for StaticPod { name, pod, status } in static_pods::of(&self.facts, node_uid, Timestamp::now()) {
            match send(administrator, "POST", PODS, &pod).await {
                Err(error) if !is(&error, 409) => return Err(error),
                _ => {}
            }
            let path = format!("{PODS}/{name}/status");
            send_as(
                administrator,
                "PATCH",
                &path,
                STRATEGIC_MERGE,
                &json!({"status": status}),
            )
            .await?;
        }
        Ok(())
    }

    /// Says that the node is alive, until it is dropped.
    pub(super) async fn live(&self) -> Result<Infallible, Trouble> {
        let mut last = Instant::now();
        loop {
            sleep(HEARTBEAT).await;
            let beaten = async {
                self.beat().await?;
                if last.elapsed() > SILENCE {
                    self.report().await?;
                }
                Ok::<_, kube::Error>(())
            };
            match beaten.await {
                Ok(()) => last = Instant::now(),
                Err(error) => tracing::debug!(node = %self.facts.name, %error, "no heartbeat"),
            }
        }
    }

    async fn report(&self) -> Result<(), kube::Error> {
        let body = json!({"status": status(&self.facts, Timestamp::now())});
        let path = format!("{}/status", self.path());
        send_as(&self.client, "PATCH", &path, STRATEGIC_MERGE, &body)
            .await
            .map(drop)
    }

    async fn beat(&self) -> Result<(), kube::Error> {
        let name = &self.facts.name;
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": name, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now},
        });
        let path = format!("{LEASES}/{name}?fieldManager=kubelet&force=true");
        send_as(&self.client, "PATCH", &path, APPLY, &lease).await.map(drop)
    }

    fn path(&self) -> String {
        format!("/api/v1/nodes/{}", self.facts.name)
    }
}
