//! Our server behind a real kube-apiserver, registered as its manifests say and with no more rights than those give.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    AUDIT_LOG, Objects, PATIENCE, SECOND, SECOND_AUDIT_LOG, SERVER, Start, audited, binaries, printed, sso::Sso,
};
use crate::{Daemon, Host, Kubectl, host::write_private};

/// The name that kube-apiserver expects in our certificate.
const SERVED_AS: &str = "guestcluster-apiserver.guestclusters-system.svc";
/// What kube-apiserver's own log keeps: by the policy that we ship, but for [`WHOLE_BODIES`].
const HOST_POLICY: &str = include_str!("../../../manifests/audit-policy.yaml");
/// Of what people of this group ask of our kinds, kube-apiserver's log keeps as much as it ever does.
pub const WHOLE_BODIES: &str = "whole-bodies";

/// The EndpointSlice of a second replica.
const SECOND_SLICE: &str = "guestcluster-apiserver-second";

/// The host, and how our server reaches it and is reached.
#[derive(Debug)]
pub(super) struct Aggregated {
    host: Host,
    /// Held for its life: kube-apiserver trusts it.
    _sso: Sso,
    address: SocketAddr,
    kubeconfig: PathBuf,
    layers: String,
    objects: Objects,
    /// Further arguments of every server.
    further: Vec<String>,
}

impl Aggregated {
    /// Starts the issuer and the host that trusts it, still without its controllers, and applies the manifests.
    pub(super) fn prepare(root: &Path, start: &Start) -> Self {
        let sso = Sso::start(root);
        let folder = root.join("host");
        let mut flags = [vec![sso.flag()], start.host_flags.clone()].concat();
        if !start.unaudited {
            flags.extend(audit_flags(&folder));
        }
        let host = Host::start_without_controllers(&folder, flags);
        sso.publish(&host.admin());
        let address = Host::reachable_address();
        let aggregated = Self {
            kubeconfig: root.join("server.kubeconfig"),
            layers: start.layers.clone().unwrap_or_else(|| "all".to_owned()),
            objects: start.objects.clone(),
            further: start.arguments.clone(),
            host,
            _sso: sso,
            address,
        };
        aggregated.apply(&[
            "manifests",
            "--layers",
            &aggregated.layers,
            "--endpoint",
            &address.to_string(),
        ]);
        if let Some(bundle) = &start.ca_bundle {
            aggregated.trust(bundle);
        }
        aggregated.write_kubeconfig(root);
        aggregated
    }

    /// The arguments that only this mode has.
    pub(super) fn arguments(&self, command: &mut Command, root: &Path, is_audited: bool) {
        self.arguments_for(command, self.address);
        if is_audited {
            audited(command, root, AUDIT_LOG);
        }
    }

    /// Starts a server at an address that the Service does not lead to, and waits until it serves.
    pub(super) fn second_server(&self, root: &Path, address: SocketAddr) -> Daemon {
        let data_dir = root.join(SECOND);
        // Written when it serves.
        let _ = std::fs::remove_file(data_dir.join("server"));
        let mut command = Command::new(binaries().join(SERVER));
        self.arguments_for(&mut command, address);
        audited(&mut command, root, SECOND_AUDIT_LOG);
        command.arg("--data-dir").arg(&data_dir).args(&self.further);
        let mut server = Daemon::start(SECOND, command, root);
        server.await_that(PATIENCE, "serves", || data_dir.join("server").exists());
        server
    }

    fn arguments_for(&self, command: &mut Command, address: SocketAddr) {
        command.arg("aggregated").arg("--kubeconfig").arg(&self.kubeconfig);
        command.args(["--listen", &address.to_string(), "--layers", &self.layers]);
        match &self.objects {
            Objects::File => {}
            Objects::HostEtcd => {
                let etcd = format!("http://{}", self.host.etcd_address());
                command.args(["--etcd-servers", &etcd]);
            }
            Objects::Etcd(servers) => {
                command.args(["--etcd-servers", servers]);
            }
        }
    }

    /// Waits until kube-apiserver serves our group, its description included.
    pub(super) fn await_available(&self, server: &mut Daemon) {
        const REGISTRATION: &str = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.guestclusters.dev";
        const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        const DESCRIPTION: &str = "/openapi/v3/apis/guestclusters.dev/v1alpha1";
        let host = self.host.endpoint();
        server.await_that(PATIENCE, "is available", || {
            let registration: Option<Value> = host
                .get(REGISTRATION)
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok());
            registration.is_some_and(|registration| is_available(&registration))
        });
        server.await_that(PATIENCE, "is discovered", || {
            host.get_as("/apis", DISCOVERY).is_ok_and(|text| finds_our_kinds(&text))
        });
        server.await_that(PATIENCE, "is described", || host.get(DESCRIPTION).is_ok());
    }

    /// Lets requests for our kinds also go to this address.
    pub(super) fn route_to(&self, address: SocketAddr) {
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": SECOND_SLICE,
                "namespace": "guestclusters-system",
                "labels": {"kubernetes.io/service-name": "guestcluster-apiserver"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address.ip()], "conditions": {"ready": true}}],
            "ports": [{"name": "https", "port": address.port(), "protocol": "TCP"}],
        });
        let applied = self
            .host
            .admin()
            .run_with("apply --server-side -f -", Some(&slice.to_string()));
        applied.success();
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn host_mut(&mut self) -> &mut Host {
        &mut self.host
    }

    /// Applies what our server prints when it is called like this.
    pub(super) fn apply(&self, arguments: &[&str]) {
        // Also over what a test has changed since.
        const APPLY: &str = "apply --server-side --force-conflicts -f -";
        self.host.admin().run_with(APPLY, Some(&printed(arguments))).success();
    }

    fn trust(&self, bundle: &str) {
        let patch = json!({"spec": {"caBundle": BASE64_STANDARD.encode(bundle)}}).to_string();
        let arguments = [
            "patch",
            "apiservice",
            "v1alpha1.guestclusters.dev",
            "--type=merge",
            "-p",
            &patch,
        ];
        self.host.admin().args(&arguments, None).success();
    }

    /// The kubeconfig of our server: its service account's token, in a file of its own.
    fn write_kubeconfig(&self, root: &Path) {
        let create = "-n guestclusters-system create token guestcluster-apiserver --duration=24h";
        let token = self.host.admin().run(create).success();
        let file = root.join("server.token");
        write_private(&file, token.trim());
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "host",
            "clusters": [{"name": "host", "cluster": {
                "server": self.host.server(), "certificate-authority": self.host.authority_file(),
            }}],
            "users": [{"name": "guestcluster-apiserver", "user": {"tokenFile": file}}],
            "contexts": [{"name": "host", "context": {"cluster": "host", "user": "guestcluster-apiserver"}}],
        });
        write_private(&self.kubeconfig, &kubeconfig.to_string());
    }
}

/// Where kube-apiserver's audit log is, and the flags that make it.
fn audit_flags(host: &Path) -> Vec<String> {
    fs::create_dir_all(host).expect("the folder is ours");
    let policy = host.join("audit-policy.yaml");
    let whole = format!(
        "rules:\n- {{level: RequestResponse, userGroups: ['sso:{WHOLE_BODIES}'], resources: [{{group: guestclusters.dev}}]}}"
    );
    fs::write(&policy, HOST_POLICY.replacen("rules:", &whole, 1)).expect("the folder is ours");
    vec![
        format!("--audit-policy-file={}", policy.display()),
        format!("--audit-log-path={}", host_audit_log(host).display()),
    ]
}

/// In the folder of the host.
pub(super) fn host_audit_log(host: &Path) -> PathBuf {
    host.join(AUDIT_LOG)
}

fn is_available(registration: &Value) -> bool {
    let conditions = registration["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Available" && condition["status"] == "True")
}

/// Whether aggregated discovery has our resources: a group whose server was not asked yet is there without.
fn finds_our_kinds(discovery: &[u8]) -> bool {
    let discovery: Value = serde_json::from_slice(discovery).unwrap_or_default();
    let mut groups = discovery["items"].as_array().into_iter().flatten();
    let ours = groups.find(|group| group["metadata"]["name"] == "guestclusters.dev");
    ours.is_some_and(|group| {
        group["versions"][0]["resources"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    })
}

/// A kubeconfig for this server that trusts what the APIService says, as kube-apiserver does.
pub(super) fn direct_kubeconfig(host: &Host, server: &str, credential: Option<&Kubectl>) -> String {
    let bundle = "get apiservice v1alpha1.guestclusters.dev -o jsonpath={.spec.caBundle}";
    let bundle = host.admin().run(bundle).success();
    let user = credential.map(|kubectl| kubectl.json("config view --raw --minify")["users"][0]["user"].clone());
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "direct",
        "clusters": [{"name": "direct", "cluster": {
            "server": server, "certificate-authority-data": bundle, "tls-server-name": SERVED_AS,
        }}],
        "users": [{"name": "direct", "user": user.unwrap_or_else(|| json!({}))}],
        "contexts": [{"name": "direct", "context": {"cluster": "direct", "user": "direct", "namespace": super::NAMESPACE}}],
    });
    config.to_string()
}
