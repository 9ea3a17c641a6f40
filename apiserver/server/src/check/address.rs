//! Whether Cluster API's provider for vSphere finds out where the supervisor is, to tell each guest.
//!
//! Where it can't, it calls the infrastructure of a guest that runs not ready, and no MachineHealthCheck looks at its nodes any more.

use std::net::IpAddr;

use http::Uri;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::{Api, Client, config::Kubeconfig};

use super::{Finding, found};
use crate::layers::Layers;

const CHECK: &str = "address";
/// Namespace and name of the load balancer before a supervisor's kube-apiserver.
const BALANCER: (&str, &str) = ("kube-system", "kube-apiserver-lb-svc");
/// Namespace and name of what kubeadm leaves in every cluster.
const CLUSTER_INFO: (&str, &str) = ("kube-public", "cluster-info");

/// Nothing where the machine layer is ours, which asks for no address.
pub(super) async fn check(client: &Client, layers: Layers) -> kube::Result<Vec<Finding>> {
    if layers.machine || !layers.guest {
        return Ok(vec![]);
    }
    let services: Api<Service> = Api::namespaced(client.clone(), BALANCER.0);
    let balancer = found(services.get(BALANCER.1)).await?;
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), CLUSTER_INFO.0);
    let info = found(config_maps.get(CLUSTER_INFO.1)).await?;
    Ok(vec![judge(balancer.as_ref(), info.as_ref())])
}

fn judge(balancer: Option<&Service>, info: Option<&ConfigMap>) -> Finding {
    let (namespace, name) = BALANCER;
    let by_balancer = balancer
        .and_then(of_balancer)
        .map(|host| (format!("Service {namespace}/{name}"), host));
    let (namespace, name) = CLUSTER_INFO;
    let by_info = || Some((format!("ConfigMap {namespace}/{name}"), of_info(info?)?));
    let Some((source, host)) = by_balancer.or_else(by_info) else {
        let detail = format!(
            "neither Service {}/{} nor ConfigMap {namespace}/{name} says where the supervisor is: health checks replace no machine of \
             upstream's machine layer; make the ConfigMap as kubeadm does, with a kubeconfig that has the supervisor's address",
            BALANCER.0, BALANCER.1
        );
        return Finding::failed(CHECK, detail);
    };
    // It becomes an address of Endpoints in each guest, which take nothing else.
    match host.parse::<IpAddr>() {
        Ok(address) if !address.is_loopback() && !address.is_unspecified() => {
            Finding::ok(CHECK, format!("{source} says that the supervisor is at {host}"))
        }
        _ => Finding::failed(
            CHECK,
            format!(
                "{source} says that the supervisor is at {host:?}, which guests can't be told: health checks replace no machine of \
                 upstream's machine layer; it must be an IP address, and not one of loopback"
            ),
        ),
    }
}

fn of_balancer(balancer: &Service) -> Option<String> {
    let status = balancer.status.as_ref()?.load_balancer.as_ref()?;
    let first = status.ingress.as_ref()?.first()?;
    let address = first.ip.clone().filter(|address| !address.is_empty());
    address.or_else(|| first.hostname.clone())
}

/// The host of the first cluster of the kubeconfig in it.
fn of_info(info: &ConfigMap) -> Option<String> {
    let kubeconfig = Kubeconfig::from_yaml(info.data.as_ref()?.get("kubeconfig")?).ok()?;
    let server = kubeconfig.clusters.into_iter().next()?.cluster?.server?;
    let uri: Uri = server.parse().ok()?;
    Some(uri.host()?.trim_matches(['[', ']']).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::Severity, *};

    fn balancer(ingress: &Value) -> Service {
        serde_json::from_value(json!({"status": {"loadBalancer": {"ingress": ingress}}})).unwrap()
    }

    fn info(server: &str) -> ConfigMap {
        let kubeconfig = json!({"clusters": [{"name": "", "cluster": {"server": server}}]}).to_string();
        serde_json::from_value(json!({"data": {"kubeconfig": kubeconfig}})).unwrap()
    }

    #[test]
    fn the_address_is_that_of_the_load_balancer_or_else_of_the_cluster() {
        let known = info("https://192.0.2.7:6443");
        for (balancer, info, expected) in [
            (Some(balancer(&json!([{"ip": "192.0.2.1"}]))), None, "at 192.0.2.1"),
            (
                Some(balancer(&json!([{"ip": "192.0.2.1"}]))),
                Some(known.clone()),
                "at 192.0.2.1",
            ),
            (Some(balancer(&json!([]))), Some(known.clone()), "at 192.0.2.7"),
            (None, Some(info("https://[2001:db8::1]:6443")), "at 2001:db8::1"),
        ] {
            let finding = judge(balancer.as_ref(), info.as_ref());
            assert_eq!(finding.severity, Severity::Ok, "{}", finding.detail);
            assert!(finding.detail.ends_with(expected), "{}", finding.detail);
        }
    }

    #[test]
    fn what_guests_cannot_be_told_fails() {
        let empty = ConfigMap::default();
        for (balancer, info, expected) in [
            (None, None, "neither Service kube-system/kube-apiserver-lb-svc"),
            (None, Some(empty), "neither Service"),
            (None, Some(info("https://127.0.0.1:6443")), "at \"127.0.0.1\""),
            (
                None,
                Some(info("https://supervisor.example:6443")),
                "must be an IP address",
            ),
            (None, Some(info("not a url")), "neither Service"),
            (
                Some(balancer(&json!([{"hostname": "lb.example"}]))),
                None,
                "at \"lb.example\"",
            ),
        ] {
            let finding = judge(balancer.as_ref(), info.as_ref());
            assert_eq!(finding.severity, Severity::Failed, "{}", finding.detail);
            assert!(finding.detail.contains(expected), "{}", finding.detail);
        }
    }
}
