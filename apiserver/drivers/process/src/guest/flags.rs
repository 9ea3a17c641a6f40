//! The arguments with which kubeadm starts the programs of a control plane, with the VM's paths and address. Pure.

use std::net::Ipv4Addr;

use super::configuration::{ClusterConfiguration, Etcd, ExternalEtcd, Volume};
use crate::files::Disk;

/// What every program of a VM sees of it: kubeadm's own mounts.
const OWN_MOUNTS: [&str; 2] = ["/etc/kubernetes", "/var/lib/etcd"];
pub(super) const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;
const METRICS_PORT: u16 = 2381;
pub(super) const API_PORT: u16 = 6443;

/// What the arguments are made from.
pub(super) struct Machine<'a> {
    pub(super) name: &'a str,
    pub(super) address: Ipv4Addr,
    pub(super) disk: &'a Disk,
    pub(super) configuration: &'a ClusterConfiguration,
}

/// How an etcd finds its cluster.
pub(super) struct InitialCluster {
    /// `name=URL` of each member, with commas between them.
    pub(super) members: String,
    /// Whether the cluster exists.
    pub(super) exists: bool,
}

impl Machine<'_> {
    /// Where clients reach it.
    pub(super) fn client_url(&self) -> String {
        format!("https://{}:{CLIENT_PORT}", self.address)
    }

    /// The cluster that a first control-plane VM begins.
    pub(super) fn begun(&self) -> InitialCluster {
        InitialCluster {
            members: format!("{}={}", self.name, peer_url(self.address)),
            exists: false,
        }
    }

    /// Of etcd. All that kubeadm puts on 127.0.0.1 is on the VM's own address.
    pub(super) fn etcd(&self, cluster: &InitialCluster) -> Vec<String> {
        let pki = |name: &str| self.disk.path(&format!("/etc/kubernetes/pki/etcd/{name}"));
        let state = if cluster.exists { "existing" } else { "new" };
        let flags = vec![
            ("advertise-client-urls", self.client_url()),
            ("cert-file", pki("server.crt")),
            ("client-cert-auth", "true".to_owned()),
            ("data-dir", self.disk.path("/var/lib/etcd")),
            ("initial-advertise-peer-urls", peer_url(self.address)),
            ("initial-cluster", cluster.members.clone()),
            ("initial-cluster-state", state.to_owned()),
            ("key-file", pki("server.key")),
            ("listen-client-urls", self.client_url()),
            ("listen-metrics-urls", format!("http://{}:{METRICS_PORT}", self.address)),
            ("listen-peer-urls", peer_url(self.address)),
            ("name", self.name.to_owned()),
            ("peer-cert-file", pki("peer.crt")),
            ("peer-client-cert-auth", "true".to_owned()),
            ("peer-key-file", pki("peer.key")),
            ("peer-trusted-ca-file", pki("ca.crt")),
            ("snapshot-count", "10000".to_owned()),
            ("trusted-ca-file", pki("ca.crt")),
        ];
        self.merged(flags, "etcd/local")
    }

    /// Of kube-apiserver.
    pub(super) fn api_server(&self) -> Vec<String> {
        let pki = |name: &str| self.disk.path(&format!("/etc/kubernetes/pki/{name}"));
        let text = str::to_owned;
        let mut flags = vec![
            ("advertise-address", self.address.to_string()),
            ("allow-privileged", text("true")),
            ("authorization-mode", text("Node,RBAC")),
            ("bind-address", self.address.to_string()),
            ("client-ca-file", pki("ca.crt")),
            ("enable-admission-plugins", text("NodeRestriction")),
            ("enable-bootstrap-token-auth", text("true")),
            // The endpoints of a Service can't be loopback addresses.
            ("endpoint-reconciler-type", text("none")),
            ("kubelet-client-certificate", pki("apiserver-kubelet-client.crt")),
            ("kubelet-client-key", pki("apiserver-kubelet-client.key")),
            (
                "kubelet-preferred-address-types",
                text("InternalIP,ExternalIP,Hostname"),
            ),
            ("proxy-client-cert-file", pki("front-proxy-client.crt")),
            ("proxy-client-key-file", pki("front-proxy-client.key")),
            ("requestheader-allowed-names", text("front-proxy-client")),
            ("requestheader-client-ca-file", pki("front-proxy-ca.crt")),
            ("requestheader-extra-headers-prefix", text("X-Remote-Extra-")),
            ("requestheader-group-headers", text("X-Remote-Group")),
            ("requestheader-username-headers", text("X-Remote-User")),
            ("secure-port", API_PORT.to_string()),
            (
                "service-account-issuer",
                format!("https://kubernetes.default.svc.{}", self.configuration.domain()),
            ),
            ("service-account-key-file", pki("sa.pub")),
            ("service-account-signing-key-file", pki("sa.key")),
            (
                "service-cluster-ip-range",
                self.configuration.service_subnet().to_owned(),
            ),
            ("tls-cert-file", pki("apiserver.crt")),
            ("tls-private-key-file", pki("apiserver.key")),
        ];
        flags.extend(match self.configuration.etcd() {
            Etcd::Beside(external) => self.external_etcd(&external, self.client_url()),
            Etcd::Elsewhere(external) => self.external_etcd(&external, external.endpoints.join(",")),
            Etcd::Stacked => [
                ("etcd-cafile", pki("etcd/ca.crt")),
                ("etcd-certfile", pki("apiserver-etcd-client.crt")),
                ("etcd-keyfile", pki("apiserver-etcd-client.key")),
                ("etcd-servers", self.client_url()),
            ],
        });
        self.merged(flags, "apiServer")
    }

    /// Of kube-controller-manager.
    pub(super) fn controller_manager(&self) -> Vec<String> {
        let pki = |name: &str| self.disk.path(&format!("/etc/kubernetes/pki/{name}"));
        let kubeconfig = || self.disk.path("/etc/kubernetes/controller-manager.conf");
        let text = str::to_owned;
        let mut flags = vec![
            ("authentication-kubeconfig", kubeconfig()),
            ("authorization-kubeconfig", kubeconfig()),
            ("bind-address", self.address.to_string()),
            ("client-ca-file", pki("ca.crt")),
            ("cluster-name", self.configuration.cluster_name().to_owned()),
            ("cluster-signing-cert-file", pki("ca.crt")),
            ("cluster-signing-key-file", pki("ca.key")),
            ("controllers", text("*,bootstrapsigner,tokencleaner")),
            ("kubeconfig", kubeconfig()),
            ("leader-elect", text("true")),
            ("requestheader-client-ca-file", pki("front-proxy-ca.crt")),
            ("root-ca-file", pki("ca.crt")),
            ("service-account-private-key-file", pki("sa.key")),
            (
                "service-cluster-ip-range",
                self.configuration.service_subnet().to_owned(),
            ),
            ("use-service-account-credentials", text("true")),
        ];
        if let Some(pods) = self.configuration.pod_subnet() {
            flags.extend([("allocate-node-cidrs", text("true")), ("cluster-cidr", pods.to_owned())]);
        }
        self.merged(flags, "controllerManager")
    }

    fn external_etcd(&self, external: &ExternalEtcd<'_>, servers: String) -> [(&'static str, String); 4] {
        [
            ("etcd-cafile", self.disk.path(external.ca_file)),
            ("etcd-certfile", self.disk.path(external.cert_file)),
            ("etcd-keyfile", self.disk.path(external.key_file)),
            ("etcd-servers", servers),
        ]
    }

    /// kubeadm's flags and those of the configuration, of which one replaces all of its name.
    fn merged(&self, own: Vec<(&'static str, String)>, component: &str) -> Vec<String> {
        let extra = self.configuration.extra_arguments(component);
        let volumes = self.configuration.volumes(component);
        let own = own
            .into_iter()
            .filter(|(name, _)| extra.iter().all(|(other, _)| other != name));
        let own = own.map(|(name, value)| format!("--{name}={value}"));
        let further = extra
            .iter()
            .map(|(name, value)| format!("--{name}={}", mapped(value, &volumes, self.disk)));
        own.chain(further).collect()
    }
}

/// Where the other members of its etcd reach a VM's.
pub(super) fn peer_url(address: Ipv4Addr) -> String {
    format!("https://{address}:{PEER_PORT}")
}

/// A value that is a path of the VM's, as the same file is named on this machine. Others stay as they are.
fn mapped(value: &str, volumes: &[Volume<'_>], disk: &Disk) -> String {
    let mounted = volumes
        .iter()
        .filter_map(|volume| Some((below(value, volume.mount_path)?, volume)))
        // The innermost mount is what the program sees.
        .max_by_key(|(_, volume)| volume.mount_path.len());
    if let Some((rest, volume)) = mounted {
        return disk.path(&format!("{}{rest}", volume.host_path.trim_end_matches('/')));
    }
    if OWN_MOUNTS.iter().any(|mount| below(value, mount).is_some()) {
        return disk.path(value);
    }
    value.to_owned()
}

/// What stands behind the folder in a path below it: empty, or with a slash first.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn configuration() -> ClusterConfiguration {
        ClusterConfiguration::new(json!({
            "clusterName": "dev", "controlPlaneEndpoint": "127.64.0.9:6443",
            "networking": {"serviceSubnet": "10.1.0.0/16", "podSubnet": "192.168.0.0/16"},
            "apiServer": {
                "extraArgs": [
                    {"name": "authentication-config", "value": "/etc/kubernetes/guestclusters/authentication.yaml"},
                    {"name": "audit-log-path", "value": "/var/log/audit/audit.log"},
                    {"name": "authorization-mode", "value": "RBAC"},
                    {"name": "tls-sni-cert-key", "value": "a"}, {"name": "tls-sni-cert-key", "value": "b"},
                    {"name": "kubernetes-service-node-port", "value": "/varied"},
                ],
                "extraVolumes": [
                    {"name": "audit", "hostPath": "/var/log/kubernetes/", "mountPath": "/var/log/audit", "pathType": "DirectoryOrCreate"},
                    {"name": "varied", "hostPath": "/x", "mountPath": "/var"},
                ],
            },
        }))
    }

    #[test]
    fn paths_are_those_of_the_vm_and_arguments_replace_kubeadms() {
        let (configuration, disk) = (configuration(), Disk::new(Path::new("/data/vm")));
        let machine = Machine {
            name: "dev-cp-1",
            address: [127, 64, 0, 1].into(),
            disk: &disk,
            configuration: &configuration,
        };
        let flags = machine.api_server();
        for expected in [
            "--authentication-config=/data/vm/root/etc/kubernetes/guestclusters/authentication.yaml",
            "--audit-log-path=/data/vm/root/var/log/kubernetes/audit.log",
            "--authorization-mode=RBAC",
            "--tls-sni-cert-key=a",
            "--tls-sni-cert-key=b",
            "--kubernetes-service-node-port=/varied",
            "--etcd-servers=https://127.64.0.1:2379",
            "--tls-private-key-file=/data/vm/root/etc/kubernetes/pki/apiserver.key",
            "--service-cluster-ip-range=10.1.0.0/16",
        ] {
            assert!(flags.iter().any(|flag| flag == expected), "{expected}: {flags:#?}");
        }
        assert!(!flags.iter().any(|flag| flag == "--authorization-mode=Node,RBAC"));
        let etcd = machine.etcd(&machine.begun());
        assert!(
            etcd.contains(&"--initial-cluster=dev-cp-1=https://127.64.0.1:2380".to_owned()),
            "{etcd:#?}"
        );
        assert!(
            machine
                .controller_manager()
                .contains(&"--cluster-cidr=192.168.0.0/16".to_owned())
        );
    }

    #[test]
    fn an_etcd_elsewhere_is_taken_as_it_is_and_the_vms_own_found_at_its_address() {
        let elsewhere = ["https://192.0.2.1:2379", "https://192.0.2.2:2379"];
        for (endpoints, servers) in [
            (&elsewhere[..], "https://192.0.2.1:2379,https://192.0.2.2:2379"),
            (&["https://127.0.0.1:2379"], "https://127.64.0.1:2379"),
        ] {
            an_external_etcd_is_found(endpoints, servers);
        }
    }

    fn an_external_etcd_is_found(endpoints: &[&str], servers: &str) {
        let configuration = ClusterConfiguration::new(json!({"etcd": {"external": {
            "endpoints": endpoints, "caFile": "/etc/kubernetes/pki/etcd/ca.crt", "certFile": "/c", "keyFile": "/k",
        }}}));
        let disk = Disk::new(Path::new("/data/vm"));
        let machine = Machine {
            name: "a",
            address: [127, 64, 0, 1].into(),
            disk: &disk,
            configuration: &configuration,
        };
        let flags = machine.api_server();
        assert!(flags.contains(&format!("--etcd-servers={servers}")), "{flags:?}");
        assert!(flags.contains(&"--etcd-cafile=/data/vm/root/etc/kubernetes/pki/etcd/ca.crt".to_owned()));
    }
}
