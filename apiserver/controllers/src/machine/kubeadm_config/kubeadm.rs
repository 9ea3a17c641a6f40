//! kubeadm's configuration documents (`kubeadm.k8s.io/v1beta4`) from Cluster API's form of them.

use crate::machine::error::Error;
use guestcluster_types::upstream::capi::Cluster;
use guestcluster_types::upstream::kubeadm::{ClusterConfiguration, InitConfiguration, JoinConfiguration};
use kube::ResourceExt;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The first minor of Kubernetes 1 whose kubeadm reads v1beta4.
const FIRST_MINOR: u32 = 31;
const API_VERSION: &str = "kubeadm.k8s.io/v1beta4";

/// The API version that kubeadm of a Kubernetes version reads.
pub(super) fn api_version(kubernetes: &str) -> Result<&'static str, Error> {
    let mut numbers = kubernetes
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(1), Some(minor)) if minor >= FIRST_MINOR => Ok(API_VERSION),
        (Some(major), Some(_)) if major > 1 => Ok(API_VERSION),
        _ => Err(Error::Invalid(format!(
            "kubeadm of Kubernetes {kubernetes} does not read {API_VERSION}: v1.{FIRST_MINOR} is the first that does"
        ))),
    }
}

/// ClusterConfiguration and InitConfiguration, as two YAML documents.
pub(super) fn init(
    cluster: &Cluster,
    version: &str,
    configuration: &ClusterConfiguration,
    init: &InitConfiguration,
) -> Result<String, Error> {
    let api_version = api_version(version)?;
    let cluster = document(
        api_version,
        "ClusterConfiguration",
        cluster_fields(cluster, version, configuration)?,
    )?;
    let init = document(api_version, "InitConfiguration", fields(init)?)?;
    Ok(format!("---\n{cluster}---\n{init}"))
}

/// JoinConfiguration.
pub(super) fn join(version: &str, join: &JoinConfiguration) -> Result<String, Error> {
    let join = document(api_version(version)?, "JoinConfiguration", fields(join)?)?;
    Ok(format!("---\n{join}"))
}

/// The fields of a ClusterConfiguration.
pub(super) fn cluster_fields(
    cluster: &Cluster,
    version: &str,
    configuration: &ClusterConfiguration,
) -> Result<Map<String, Value>, Error> {
    let mut fields = fields(configuration)?;
    let network = &cluster.spec.cluster_network;
    let blocks = |blocks: &[String]| (!blocks.is_empty()).then(|| blocks.join(","));
    let networking = json!({
        "dnsDomain": network.service_domain,
        "podSubnet": blocks(&network.pods.cidr_blocks),
        "serviceSubnet": blocks(&network.services.cidr_blocks),
    });
    fields.insert("clusterName".to_owned(), json!(cluster.name_any()));
    fields.insert("kubernetesVersion".to_owned(), json!(version));
    fields.insert("networking".to_owned(), without_nulls(networking));
    fields
        .entry("controlPlaneEndpoint")
        .or_insert_with(|| json!(cluster.spec.control_plane_endpoint.to_string()));
    for (days, period) in [
        ("certificateValidityPeriodDays", "certificateValidityPeriod"),
        ("caCertificateValidityPeriodDays", "caCertificateValidityPeriod"),
    ] {
        if let Some(days) = fields.remove(days).and_then(|days| days.as_i64()) {
            fields.insert(period.to_owned(), json!(format!("{}h0m0s", days.saturating_mul(24))));
        }
    }
    Ok(fields)
}

/// The fields in Cluster API's form, with its whole seconds turned into kubeadm's durations.
fn fields(configuration: &impl Serialize) -> Result<Map<String, Value>, Error> {
    let value = serde_json::to_value(configuration).map_err(Error::encode("a kubeadm configuration"))?;
    let Value::Object(mut fields) = value else {
        return Ok(Map::new());
    };
    if let Some(Value::Object(timeouts)) = fields.get_mut("timeouts") {
        *timeouts = std::mem::take(timeouts).into_iter().map(as_duration).collect();
    }
    for token in fields
        .get_mut("bootstrapTokens")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Value::Object(token) = token {
            *token = std::mem::take(token).into_iter().map(as_duration).collect();
        }
    }
    Ok(fields)
}

/// `ttlSeconds: 60` is `ttl: 60s`.
fn as_duration((key, value): (String, Value)) -> (String, Value) {
    match (key.strip_suffix("Seconds"), value.as_i64()) {
        (Some(key), Some(seconds)) => (key.to_owned(), json!(format!("{seconds}s"))),
        _ => (key, value),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    }
}

fn document(api_version: &str, kind: &str, mut fields: Map<String, Value>) -> Result<String, Error> {
    fields.insert("apiVersion".to_owned(), json!(api_version));
    fields.insert("kind".to_owned(), json!(kind));
    yaml("a kubeadm configuration", &fields)
}

/// YAML with a line break at the end.
pub(super) fn yaml(what: &'static str, value: &impl Serialize) -> Result<String, Error> {
    let mut text = serde_saphyr::to_string(value).map_err(|error| Error::Encode {
        what,
        message: error.to_string(),
    })?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<Value> {
        let documents = text.split("---\n").filter(|text| !text.trim().is_empty());
        documents.map(|text| serde_saphyr::from_str(text).unwrap()).collect()
    }

    #[test]
    fn the_version_of_the_configuration_follows_kubernetes() {
        for version in ["v1.31.0", "v1.32.3", "1.37.2", "v1.34.1+vendor.1", "v2.0.0"] {
            assert_eq!(api_version(version).unwrap(), "kubeadm.k8s.io/v1beta4", "{version}");
        }
        for version in ["v1.30.9", "v1.3", "latest", ""] {
            assert!(api_version(version).is_err(), "{version}");
        }
    }

    #[test]
    fn init_is_two_documents_in_kubeadms_form() {
        let cluster: Cluster = serde_json::from_value(json!({
            "metadata": {"name": "dev"},
            "spec": {
                "clusterNetwork": {"pods": {"cidrBlocks": ["192.168.0.0/16", "fd00::/48"]}, "services": {"cidrBlocks": ["10.96.0.0/12"]}, "serviceDomain": "cluster.local"},
                "controlPlaneEndpoint": {"host": "10.0.0.1", "port": 6443},
            },
        }))
        .unwrap();
        let configuration = serde_json::from_value(json!({
            "apiServer": {"certSANs": ["localhost"], "extraArgs": [{"name": "v", "value": "2"}], "extraVolumes": [{"name": "a", "hostPath": "/a", "mountPath": "/a", "readOnly": true}]},
            "etcd": {"external": {"endpoints": ["https://127.0.0.1:2379"], "caFile": "/a", "certFile": "/b", "keyFile": "/c"}},
            "encryptionAlgorithm": "ECDSA-P256", "certificateValidityPeriodDays": 365, "featureGates": {"NodeLocalCRISocket": true},
        }))
        .unwrap();
        let init_configuration = serde_json::from_value(json!({
            "nodeRegistration": {"name": "{{ ds.meta_data.hostname }}", "kubeletExtraArgs": [{"name": "cloud-provider", "value": "external"}], "taints": []},
            "localAPIEndpoint": {"bindPort": 6443},
            "timeouts": {"controlPlaneComponentHealthCheckSeconds": 240}, "bootstrapTokens": [{"token": "abcdef.0123456789abcdef", "ttlSeconds": 60}],
        }))
        .unwrap();
        let documents = parse(&init(&cluster, "v1.34.0", &configuration, &init_configuration).unwrap());
        assert_eq!(
            documents,
            [
                json!({
                    "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration",
                    "clusterName": "dev", "kubernetesVersion": "v1.34.0", "controlPlaneEndpoint": "10.0.0.1:6443",
                    "networking": {"dnsDomain": "cluster.local", "podSubnet": "192.168.0.0/16,fd00::/48", "serviceSubnet": "10.96.0.0/12"},
                    "apiServer": {"certSANs": ["localhost"], "extraArgs": [{"name": "v", "value": "2"}], "extraVolumes": [{"name": "a", "hostPath": "/a", "mountPath": "/a", "readOnly": true}]},
                    "etcd": {"external": {"endpoints": ["https://127.0.0.1:2379"], "caFile": "/a", "certFile": "/b", "keyFile": "/c"}},
                    "encryptionAlgorithm": "ECDSA-P256", "certificateValidityPeriod": "8760h0m0s", "featureGates": {"NodeLocalCRISocket": true},
                }),
                json!({
                    "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration",
                    "nodeRegistration": {"name": "{{ ds.meta_data.hostname }}", "kubeletExtraArgs": [{"name": "cloud-provider", "value": "external"}], "taints": []},
                    "localAPIEndpoint": {"bindPort": 6443},
                    "timeouts": {"controlPlaneComponentHealthCheck": "240s"}, "bootstrapTokens": [{"token": "abcdef.0123456789abcdef", "ttl": "60s"}],
                }),
            ]
        );
    }

    #[test]
    fn join_says_how_the_cluster_is_found() {
        let configuration = serde_json::from_value(json!({
            "nodeRegistration": {"kubeletExtraArgs": [{"name": "node-labels", "value": "a=b"}]},
            "discovery": {"bootstrapToken": {"token": "abcdef.0123456789abcdef", "apiServerEndpoint": "10.0.0.1:6443", "caCertHashes": ["sha256:00"]}},
            "controlPlane": {},
        }))
        .unwrap();
        let documents = parse(&join("v1.34.0", &configuration).unwrap());
        assert_eq!(
            documents,
            [json!({
                "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "JoinConfiguration",
                "nodeRegistration": {"kubeletExtraArgs": [{"name": "node-labels", "value": "a=b"}]},
                "discovery": {"bootstrapToken": {"token": "abcdef.0123456789abcdef", "apiServerEndpoint": "10.0.0.1:6443", "caCertHashes": ["sha256:00"]}},
                "controlPlane": {},
            })]
        );
    }
}
