//! What the aggregated server needs on its supervisor, as objects to apply.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{
    layers::Layers,
    roles::{self, API_SERVICE, SERVER, SYSTEM_NAMESPACE},
};

/// Port of the Service, and its name, which the EndpointSlice repeats.
const SERVICE_PORT: u16 = 443;
const PORT_NAME: &str = "https";

/// Where the server listens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Endpoint {
    /// In pods with label `app.kubernetes.io/name: guestcluster-apiserver`, on the container port named `https`.
    Pods,
    /// Outside the cluster, at an address that kube-apiserver reaches.
    Outside(SocketAddr),
}

/// Every object, in an order in which each finds what it needs.
pub(crate) fn objects(layers: Layers, endpoint: Endpoint) -> Vec<Value> {
    let mut objects = vec![namespace(), service_account()];
    objects.extend(roles::aggregated(layers));
    objects.push(service(endpoint));
    if let Endpoint::Outside(address) = endpoint {
        objects.push(endpoint_slice(address));
    }
    objects.push(api_service());
    for object in &mut objects {
        object["metadata"]["labels"]["app.kubernetes.io/name"] = json!(SERVER);
    }
    objects
}

fn namespace() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}})
}

fn service_account() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": SERVER, "namespace": SYSTEM_NAMESPACE},
    })
}

fn service(endpoint: Endpoint) -> Value {
    let port = json!({"name": PORT_NAME, "port": SERVICE_PORT, "protocol": "TCP"});
    let mut service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVER, "namespace": SYSTEM_NAMESPACE},
        "spec": {"ports": [port]},
    });
    match endpoint {
        Endpoint::Pods => {
            service["spec"]["selector"] = json!({"app.kubernetes.io/name": SERVER});
            service["spec"]["ports"][0]["targetPort"] = json!(PORT_NAME);
        }
        Endpoint::Outside(address) => service["spec"]["ports"][0]["targetPort"] = json!(address.port()),
    }
    service
}

/// What a Service without selector routes to; kept by nobody else.
fn endpoint_slice(address: SocketAddr) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": SERVER,
            "namespace": SYSTEM_NAMESPACE,
            "labels": {
                "kubernetes.io/service-name": SERVER,
                "endpointslice.kubernetes.io/managed-by": "guestclusters.dev",
            },
        },
        "addressType": if address.is_ipv4() { "IPv4" } else { "IPv6" },
        "endpoints": [{"addresses": [address.ip()], "conditions": {"ready": true}}],
        "ports": [{"name": PORT_NAME, "port": address.port(), "protocol": "TCP"}],
    })
}

/// The registration. Its caBundle is left to the server, which makes its own certificate; until then it is not Available.
fn api_service() -> Value {
    json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": API_SERVICE},
        "spec": {
            "group": "guestclusters.dev",
            "version": "v1alpha1",
            "service": {"name": SERVER, "namespace": SYSTEM_NAMESPACE, "port": SERVICE_PORT},
            "groupPriorityMinimum": 1000,
            "versionPriority": 10,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
        objects.iter().filter(|object| object["kind"] == kind).collect()
    }

    #[test]
    fn a_server_outside_is_reached_by_an_endpoint_slice() {
        let address = "192.0.2.10:8443".parse().unwrap();
        let objects = objects("guest".parse().unwrap(), Endpoint::Outside(address));
        let slice = of_kind(&objects, "EndpointSlice")[0];
        assert_eq!(slice["metadata"]["labels"]["kubernetes.io/service-name"], SERVER);
        let service = of_kind(&objects, "Service")[0];
        assert_eq!(slice["ports"][0]["name"], service["spec"]["ports"][0]["name"]);
        assert_eq!(slice["ports"][0]["port"], 8443);
        assert!(service["spec"]["selector"].is_null());
    }

    #[test]
    fn a_server_in_pods_is_selected() {
        let objects = objects("guest".parse().unwrap(), Endpoint::Pods);
        assert!(of_kind(&objects, "EndpointSlice").is_empty());
        let service = of_kind(&objects, "Service")[0];
        assert_eq!(service["spec"]["selector"]["app.kubernetes.io/name"], SERVER);
    }
}
