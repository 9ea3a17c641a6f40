//! kubeadm's ClusterConfiguration, as far as control planes are made by it.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde_json::Value;

use crate::trouble::Trouble;

const SERVICE_SUBNET: &str = "10.96.0.0/12";
const DOMAIN: &str = "cluster.local";
/// Where a VM's own member answers, as its guest system sees it.
const BESIDE: &str = "https://127.0.0.1:2379";

/// A ClusterConfiguration (`kubeadm.k8s.io/v1beta4`, or v1beta3 with its maps of arguments).
pub(crate) struct ClusterConfiguration(Value);

/// A folder or file of the VM that a program sees under another path.
pub(crate) struct Volume<'a> {
    pub(crate) host_path: &'a str,
    pub(crate) mount_path: &'a str,
    /// Whether the folder is made.
    pub(crate) is_made: bool,
}

/// The etcd that kube-apiserver stores in.
pub(crate) enum Etcd<'a> {
    /// A member on each control-plane VM, whose authority the bootstrap data bring.
    Stacked,
    /// The same, whose authority somebody else keeps: to Cluster API it is external, at the VM's own address.
    Beside(ExternalEtcd<'a>),
    /// One that runs elsewhere.
    Elsewhere(ExternalEtcd<'a>),
}

/// An etcd that Cluster API does not look after.
pub(crate) struct ExternalEtcd<'a> {
    pub(crate) endpoints: Vec<&'a str>,
    pub(crate) ca_file: &'a str,
    pub(crate) cert_file: &'a str,
    pub(crate) key_file: &'a str,
}

impl ClusterConfiguration {
    pub(crate) fn new(document: Value) -> Self {
        Self(document)
    }

    /// The document.
    pub(crate) fn document(&self) -> &Value {
        &self.0
    }

    pub(crate) fn cluster_name(&self) -> &str {
        self.0["clusterName"].as_str().unwrap_or("kubernetes")
    }

    /// `host:port` of the load balancer.
    pub(crate) fn endpoint(&self) -> Result<&str, Trouble> {
        let endpoint = self.0["controlPlaneEndpoint"].as_str();
        endpoint.ok_or_else(|| Trouble::failed("kubeadm's controlPlaneEndpoint is missing from the bootstrap data"))
    }

    pub(crate) fn pod_subnet(&self) -> Option<&str> {
        self.0["networking"]["podSubnet"].as_str()
    }

    pub(crate) fn service_subnet(&self) -> &str {
        self.0["networking"]["serviceSubnet"].as_str().unwrap_or(SERVICE_SUBNET)
    }

    pub(crate) fn domain(&self) -> &str {
        self.0["networking"]["dnsDomain"].as_str().unwrap_or(DOMAIN)
    }

    /// Names and addresses by which clients reach the API server, beside those of the VM itself.
    pub(crate) fn names(&self) -> Result<(Vec<String>, Vec<IpAddr>), Trouble> {
        let mut names: Vec<_> = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
        ]
        .map(str::to_owned)
        .into();
        names.push(format!("kubernetes.default.svc.{}", self.domain()));
        let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), self.service_address()?];
        let further = self.0["apiServer"]["certSANs"].as_array().into_iter().flatten();
        let further = further.filter_map(Value::as_str);
        for name in further.chain([host(self.endpoint()?)]) {
            match name.parse() {
                Ok(address) => addresses.push(address),
                Err(_) => names.push(name.to_owned()),
            }
        }
        Ok((names, addresses))
    }

    /// Arguments of `apiServer`, `controllerManager` or `etcd/local` beside kubeadm's own.
    pub(crate) fn extra_arguments(&self, component: &str) -> Vec<(&str, &str)> {
        match self.component(component).map(|component| &component["extraArgs"]) {
            Some(Value::Array(list)) => list
                .iter()
                .filter_map(|argument| Some((argument["name"].as_str()?, argument["value"].as_str()?)))
                .collect(),
            Some(Value::Object(map)) => map
                .iter()
                .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// What a program sees of the VM beside kubeadm's own mounts.
    pub(crate) fn volumes(&self, component: &str) -> Vec<Volume<'_>> {
        let volumes = self.component(component).map(|component| &component["extraVolumes"]);
        let volumes = volumes.and_then(Value::as_array).into_iter().flatten();
        volumes
            .filter_map(|volume| {
                Some(Volume {
                    host_path: volume["hostPath"].as_str()?,
                    mount_path: volume["mountPath"].as_str()?,
                    is_made: volume["pathType"] == "DirectoryOrCreate",
                })
            })
            .collect()
    }

    /// The etcd that kube-apiserver stores in.
    pub(crate) fn etcd(&self) -> Etcd<'_> {
        let Some(external) = self.external_etcd() else {
            return Etcd::Stacked;
        };
        if external.endpoints == [BESIDE] {
            Etcd::Beside(external)
        } else {
            Etcd::Elsewhere(external)
        }
    }

    fn external_etcd(&self) -> Option<ExternalEtcd<'_>> {
        let external = self.0["etcd"]["external"].as_object()?;
        let text = |name: &str| external.get(name).and_then(Value::as_str).unwrap_or_default();
        let endpoints = external.get("endpoints").and_then(Value::as_array);
        Some(ExternalEtcd {
            endpoints: endpoints.into_iter().flatten().filter_map(Value::as_str).collect(),
            ca_file: text("caFile"),
            cert_file: text("certFile"),
            key_file: text("keyFile"),
        })
    }

    /// The address of the Service `kubernetes`: the first one of the range.
    fn service_address(&self) -> Result<IpAddr, Trouble> {
        let first = self.service_subnet().split(',').next().unwrap_or_default();
        let range: Option<IpNet> = first.parse().ok();
        let address = range.and_then(|range| range.hosts().next());
        address.ok_or_else(|| Trouble::failed(format!("kubeadm's serviceSubnet {first:?} is no range of addresses")))
    }

    fn component(&self, name: &str) -> Option<&Value> {
        self.0.pointer(&format!("/{name}"))
    }
}

/// The host of `host:port`.
fn host(endpoint: &str) -> &str {
    let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_addresses_of_the_api_server() {
        let configuration = ClusterConfiguration::new(json!({
            "controlPlaneEndpoint": "127.64.0.9:6443", "networking": {"dnsDomain": "guest.local", "serviceSubnet": "10.1.0.0/16"},
            "apiServer": {"certSANs": ["api.example", "192.0.2.1"]},
        }));
        let (names, addresses) = configuration.names().unwrap();
        assert!(
            names.contains(&"kubernetes.default.svc.guest.local".to_owned())
                && names.contains(&"api.example".to_owned())
        );
        let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["127.0.0.1", "10.1.0.1", "192.0.2.1", "127.64.0.9"]);
    }

    #[test]
    fn both_forms_of_arguments_are_read() {
        let list = ClusterConfiguration::new(json!({"apiServer": {"extraArgs": [{"name": "v", "value": "2"}]}}));
        let map = ClusterConfiguration::new(json!({"apiServer": {"extraArgs": {"v": "2"}}}));
        for configuration in [list, map] {
            assert_eq!(configuration.extra_arguments("apiServer"), [("v", "2")]);
            assert_eq!(configuration.extra_arguments("etcd/local"), []);
        }
    }
}
