//! Bootstrap data of machines, made as the layer makes it.

use super::super::cloud_init::Command;
use super::super::data::Data;
use super::super::dereference::{files_of, places};
use crate::guest::with_everything;
use crate::machine::certificates::public_key_hash;
use guestcluster_credentials::x509::{CertificateAuthority, CertifiedKey};
use guestcluster_types::EtcdMode;
use guestcluster_types::upstream::ApiEndpoint;
use guestcluster_types::upstream::capi::Cluster;
use guestcluster_types::upstream::kubeadm::{BootstrapTokenDiscovery, ClusterConfiguration, KubeadmConfigSpec};
use serde_json::{Value, json};
use std::fmt;
use std::sync::OnceLock;

/// What a machine starts by, and which machine that is.
pub(super) struct Machine {
    release: String,
    spec: &'static str,
    role: Role,
    pub(super) data: String,
}

const STACKED: &str = "stacked etcd";
/// What stands in bootstrap data for the name of the machine that reads it.
pub(super) const HOST_NAME: &str = "{{ ds.meta_data.local_hostname }}";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    First,
    ControlPlane,
    Worker,
}

impl Machine {
    /// All machines of a release: those of guests, and those of a spec with every field that kubeadm has a word for.
    pub(super) fn of(release: &str) -> Vec<Self> {
        let mut machines = Vec::new();
        for (spec, etcd) in [(STACKED, EtcdMode::Stacked), ("external etcd", EtcdMode::External)] {
            let (cluster, control_plane, pool) = with_everything(release, etcd);
            let control_plane = control_plane.spec.kubeadm_config_spec;
            let pool = pool.spec.template.spec;
            for (role, config) in [
                (Role::First, &control_plane),
                (Role::ControlPlane, &control_plane),
                (Role::Worker, &pool),
            ] {
                machines.push(Self::new(release, spec, role, cluster.clone(), config.clone()));
            }
        }
        let cluster = with_everything(release, EtcdMode::Stacked).0;
        for role in [Role::First, Role::ControlPlane, Role::Worker] {
            machines.push(Self::new(release, "every field", role, cluster.clone(), every_field()));
        }
        machines
    }

    fn new(release: &str, spec_name: &'static str, role: Role, mut cluster: Cluster, spec: KubeadmConfigSpec) -> Self {
        cluster.spec.control_plane_endpoint = ApiEndpoint {
            host: "10.0.0.1".to_owned(),
            port: 6443,
        };
        let authority = authority();
        let external = spec
            .cluster_configuration
            .as_ref()
            .is_some_and(ClusterConfiguration::has_external_etcd);
        let hash = public_key_hash(&authority.certificate).unwrap();
        let certificates = places(external).flat_map(|place| files_of(authority.clone(), place));
        let data = Data {
            cluster: &cluster,
            version: release,
            spec,
            certificates: if role == Role::Worker {
                Vec::new()
            } else {
                certificates.collect()
            },
        };
        let discovery = BootstrapTokenDiscovery {
            token: Some("abcdef.0123456789abcdef".to_owned()),
            api_server_endpoint: Some(cluster.spec.control_plane_endpoint.to_string()),
            ca_cert_hashes: vec![hash],
            unsafe_skip_ca_verification: None,
        };
        let data = match role {
            Role::First => data.first(),
            Role::ControlPlane => data.join(discovery, true),
            Role::Worker => data.join(discovery, false),
        };
        Self {
            release: release.to_owned(),
            spec: spec_name,
            role,
            data: data.unwrap(),
        }
    }

    pub(super) fn has_stacked_etcd(&self) -> bool {
        self.spec == STACKED
    }

    pub(super) fn is_first(&self) -> bool {
        self.role == Role::First
    }

    /// The documents in the file that kubeadm is started with, once cloud-init has put the machine's name in its place.
    pub(super) fn documents(&self) -> String {
        documents(&self.data.replace(HOST_NAME, "dev-cp-x7k2p"))
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {}, {:?}", self.release, self.spec, self.role)
    }
}

/// The documents in the one file that a cloud-config starts kubeadm with.
pub(super) fn documents(config: &str) -> String {
    let config: Value = serde_saphyr::from_str(config).unwrap();
    let lines = config["runcmd"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap());
    let line = lines
        .into_iter()
        .find(|line| line.starts_with("kubeadm "))
        .expect("it starts kubeadm");
    let path = [Command::Init, Command::Join]
        .map(Command::path)
        .into_iter()
        .find(|path| line.contains(path))
        .unwrap();
    let files = config["write_files"].as_array().unwrap();
    let file = files
        .iter()
        .find(|file| file["path"] == path)
        .expect("what kubeadm is started with");
    file["content"].as_str().unwrap().to_owned()
}

/// One for all, so that what is the same on two machines is the same.
fn authority() -> CertifiedKey {
    static AUTHORITY: OnceLock<CertifiedKey> = OnceLock::new();
    AUTHORITY
        .get_or_init(|| CertificateAuthority::generate("kubernetes").unwrap().1)
        .clone()
}

/// A spec with every field of Cluster API's that reaches the machine.
fn every_field() -> KubeadmConfigSpec {
    let args = json!([{"name": "v", "value": "2"}, {"name": "profiling", "value": "false"}]);
    let envs =
        json!([{"name": "A", "value": "b"}, {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]);
    let volumes =
        json!([{"name": "a", "hostPath": "/a", "mountPath": "/b", "readOnly": true, "pathType": "DirectoryOrCreate"}]);
    let component = json!({"extraArgs": args, "extraEnvs": envs, "extraVolumes": volumes});
    let mut api_server = component.clone();
    api_server["certSANs"] = json!(["localhost", "10.0.0.2", "api.example.com"]);
    let registration = json!({
        "name": HOST_NAME, "criSocket": "unix:///var/run/containerd/containerd.sock",
        "ignorePreflightErrors": ["NumCPU"], "imagePullPolicy": "IfNotPresent", "imagePullSerial": false,
        "kubeletExtraArgs": [{"name": "node-labels", "value": "a=b,c=d"}, {"name": "cloud-provider", "value": "external"}],
        "taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}, {"key": "c", "effect": "NoExecute"}],
    });
    let timeouts = json!({
        "controlPlaneComponentHealthCheckSeconds": 240, "discoverySeconds": 300, "etcdAPICallSeconds": 120,
        "kubeletHealthCheckSeconds": 240, "kubernetesAPICallSeconds": 60, "tlsBootstrapSeconds": 300,
    });
    let endpoint = json!({"advertiseAddress": "10.0.0.3", "bindPort": 6443});
    let spec = json!({
        "clusterConfiguration": {
            "apiServer": api_server, "controllerManager": component, "scheduler": component,
            "etcd": {"local": {"dataDir": "/var/lib/etcd", "imageRepository": "example.com/etcd", "imageTag": "3.6.5",
                "extraArgs": args, "extraEnvs": envs, "serverCertSANs": ["etcd.example.com"], "peerCertSANs": ["10.0.0.4"]}},
            "dns": {"imageRepository": "example.com/dns", "imageTag": "v1.12.0"},
            "controlPlaneEndpoint": "api.example.com:6443", "imageRepository": "example.com/kubernetes", "certificatesDir": "/etc/kubernetes/pki",
            "certificateValidityPeriodDays": 365, "caCertificateValidityPeriodDays": 3650, "encryptionAlgorithm": "ECDSA-P256",
            "featureGates": {"RootlessControlPlane": true},
        },
        "initConfiguration": {
            "nodeRegistration": registration, "localAPIEndpoint": endpoint, "timeouts": timeouts, "skipPhases": ["addon/kube-proxy"],
            "patches": {"directory": "/etc/kubernetes/patches"},
            "bootstrapTokens": [{"token": "abcdef.0123456789abcdef", "description": "for a test", "ttlSeconds": 3600, "usages": ["signing", "authentication"],
                "groups": ["system:bootstrappers:kubeadm:default-node-token"]}],
        },
        "joinConfiguration": {
            "nodeRegistration": registration, "timeouts": timeouts, "skipPhases": ["preflight"], "caCertPath": "/etc/kubernetes/pki/ca.crt",
            "patches": {"directory": "/etc/kubernetes/patches"}, "controlPlane": {"localAPIEndpoint": endpoint},
            "discovery": {"tlsBootstrapToken": "abcdef.0123456789abcdef"},
        },
        "files": [{"path": "/etc/x", "owner": "root:root", "permissions": "0640", "encoding": "base64", "append": true, "content": "eA==", "contentFormat": "Raw"},
            {"path": "/etc/y", "content": "y: {a: '#'}\n\tz \n"}],
        "preKubeadmCommands": ["echo before"], "postKubeadmCommands": ["echo 'after: yes'"], "bootCommands": ["true"], "verbosity": 4, "format": "cloud-config",
        "ntp": {"enabled": true, "servers": ["ntp.example.com"]}, "mounts": [["/dev/sdb", "/data", "auto", "defaults"]],
        "users": [{"name": "ada", "gecos": "Ada", "groups": "wheel, docker", "homeDir": "/home/ada", "inactive": true, "shell": "/bin/bash",
            "passwd": "$6$x$y", "primaryGroup": "ada", "lockPassword": true, "sudo": "ALL=(ALL) NOPASSWD:ALL", "sshAuthorizedKeys": ["ssh-ed25519 AAAA ada"]},
            {"name": "eve", "inactive": false}],
    });
    serde_json::from_value(spec).unwrap()
}
