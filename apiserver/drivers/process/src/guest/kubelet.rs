//! The node of a VM, as a kubelet has it: joined by a bootstrap token, registered, and alive as long as it says so.

use std::{convert::Infallible, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use guest_system::{
    cloud_init::{Join, Role},
    node::{NodeFacts, registration, status},
};
use guestcluster_credentials::{kubeconfig::Kubeconfig, x509::CertifiedKey};
use jiff::Timestamp;
use kube::Client;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::{GuestSystem, LOOK, control_plane::ControlPlane};
use crate::{
    client::{Identity, client, is, send, send_as},
    trouble::Trouble,
};

/// How often a node says that it is alive, and for how long that holds.
const HEARTBEAT: Duration = Duration::from_secs(10);
const LEASE_SECONDS: u32 = 40;
/// After a silence as long the node may count as lost, and says anew how it is.
const SILENCE: Duration = Duration::from_secs(30);
/// How long the guest may take to sign a node's certificate.
const SIGNING: Duration = Duration::from_secs(30);
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
const STRATEGIC_MERGE: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
/// Where the node's certificate is kept once it has one.
const CERTIFICATE: &str = "/var/lib/kubelet/pki/kubelet-client.crt";
const KEY: &str = "/var/lib/kubelet/pki/kubelet-client.key";
const AUTHORITY: &str = "/etc/kubernetes/pki/ca.crt";

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
        let (authority, pair) = match self.joined_before()? {
            Some(known) => known,
            None => self.request_certificate(join, &server).await?,
        };
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
        Ok(kubelet)
    }

    fn joined_before(&self) -> Result<Option<(String, CertifiedKey)>, Trouble> {
        let read = |file: &str| {
            let text = self.disk.read(file);
            text.map_err(|error| Trouble::failed(format!("{file}: {error}")))
        };
        let parts = (read(AUTHORITY)?, read(CERTIFICATE)?, read(KEY)?);
        let (Some(authority), Some(certificate), Some(key)) = parts else {
            return Ok(None);
        };
        Ok(Some((authority, CertifiedKey { certificate, key })))
    }

    /// As kubeadm join and a kubelet do: finds the authority by its hash, then has a key signed.
    async fn request_certificate(&self, join: &Join, server: &str) -> Result<(String, CertifiedKey), Trouble> {
        let authority = discover(join, server).await?;
        let with_token = client(server, &authority, Identity::Token(&join.token))?;
        let pair = signed(&with_token, &self.vm.key.name).await?;
        let write = |file: &str, content: &str| {
            let written = self.disk.write(file, content);
            written.map_err(|error| Trouble::failed(format!("{file}: {error}")))
        };
        let user = format!("system:node:{}", self.vm.key.name);
        let kubeconfig = Kubeconfig {
            cluster: "guest",
            user: &user,
            context: &user,
            server,
            certificate_authority: &authority,
            credential: &pair,
            namespace: None,
        };
        write("/etc/kubernetes/kubelet.conf", &kubeconfig.render())?;
        write(AUTHORITY, &authority)?;
        write(KEY, &pair.key)?;
        // Last, as it is what says that the node has joined.
        write(CERTIFICATE, &pair.certificate)?;
        Ok((authority, pair))
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

/// The guest's authority: from kube-public, which anyone may read, believed by the hash of the bootstrap data.
async fn discover(join: &Join, server: &str) -> Result<String, Trouble> {
    let anyone = client(server, "", Identity::Unknown)?;
    let path = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
    let info = send(&anyone, "GET", path, &Value::Null).await;
    let info = info.map_err(|error| Trouble::refused("reading cluster-info", &error))?;
    let unreadable = || Trouble::failed("ConfigMap kube-public/cluster-info of the guest can't be read");
    let kubeconfig = info["data"]["kubeconfig"].as_str().ok_or_else(unreadable)?;
    let kubeconfig: Value = serde_saphyr::from_str(kubeconfig).map_err(|_| unreadable())?;
    let encoded = kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]
        .as_str()
        .ok_or_else(unreadable)?;
    let authority = STANDARD.decode(encoded).map_err(|_| unreadable())?;
    let authority = String::from_utf8(authority).map_err(|_| unreadable())?;
    let hash = public_key_hash(&authority).ok_or_else(unreadable)?;
    if !join.authority_hashes.contains(&hash) {
        return Err(Trouble::failed(format!(
            "the guest at {server} has another authority than the bootstrap data names: {hash}"
        )));
    }
    Ok(authority)
}

/// `sha256:` and the hash of the public key info, as kubeadm names an authority.
fn public_key_hash(certificate: &str) -> Option<String> {
    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).ok()?;
    let hash = Sha256::digest(parsed.public_key().raw);
    Some(
        hash.iter()
            .fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    )
}

/// Makes a key, and has the guest's controllers sign a node's certificate for it.
async fn signed(client: &Client, node: &str) -> Result<CertifiedKey, Trouble> {
    let (request, key) = signing_request(node).map_err(Trouble::failed)?;
    let body = json!({
        "metadata": {"generateName": "node-csr-"},
        "spec": {
            "request": STANDARD.encode(request),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"],
        },
    });
    let refused = |error: kube::Error| Trouble::refused("requesting a certificate by the bootstrap token", &error);
    let created = send(client, "POST", REQUESTS, &body).await.map_err(refused)?;
    let path = format!(
        "{REQUESTS}/{}",
        created["metadata"]["name"].as_str().unwrap_or_default()
    );
    let deadline = Instant::now() + SIGNING;
    while Instant::now() < deadline {
        let request = send(client, "GET", &path, &Value::Null).await.map_err(refused)?;
        if let Some(encoded) = request["status"]["certificate"].as_str() {
            let certificate = STANDARD
                .decode(encoded)
                .ok()
                .and_then(|text| String::from_utf8(text).ok());
            let certificate = certificate.ok_or_else(|| Trouble::failed("the node's certificate is not PEM"))?;
            return Ok(CertifiedKey { certificate, key });
        }
        sleep(LOOK).await;
    }
    Err(Trouble::waiting(
        "the guest's controllers have not signed the node's certificate yet",
    ))
}

fn signing_request(node: &str) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    params
        .distinguished_name
        .push(DnType::CommonName, format!("system:node:{node}"));
    let key = KeyPair::generate()?;
    let request = params.serialize_request(&key)?.pem()?;
    Ok((request, key.serialize_pem()))
}
