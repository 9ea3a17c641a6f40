//! Where services of the host answer.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use generic_apiserver::admission::webhook::ServiceReference;
use k8s_openapi::{
    api::{
        core::v1::{Service, ServicePort},
        discovery::v1::EndpointSlice,
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::{Api, Client, api::ListParams};
use parking_lot::Mutex;
use rand::seq::IndexedRandom as _;

use super::super::ask::ask;

/// How long an answer counts. One at whose addresses nobody answers is forgotten at once.
const LIFETIME: Duration = Duration::from_secs(10);
/// More services are not remembered at once.
const SERVICES: usize = 256;
/// Endpoint slices of one service that are read.
const SLICES: u32 = 100;

type Address = (String, u16);

/// Finds services as a kube-apiserver that routes to endpoints does (`--enable-aggregator-routing`).
pub(super) struct HostServices {
    client: Client,
    known: Mutex<HashMap<ServiceReference, (Instant, Vec<Address>)>>,
}

impl HostServices {
    pub(super) fn new(client: Client) -> HostServices {
        HostServices {
            client,
            known: Mutex::default(),
        }
    }

    /// Any of the addresses at which a service answers.
    pub(super) async fn resolve(&self, service: &ServiceReference) -> Result<Address, String> {
        let known = self.known.lock().get(service).cloned();
        let addresses = match known.filter(|(read, _)| read.elapsed() < LIFETIME) {
            Some((_, addresses)) => addresses,
            None => {
                let read = self.read(service).await?;
                let mut known = self.known.lock();
                if known.len() >= SERVICES {
                    known.clear();
                }
                known.insert(service.clone(), (Instant::now(), read.clone()));
                read
            }
        };
        let chosen = addresses.choose(&mut rand::rng()).cloned();
        chosen.ok_or_else(|| format!("no endpoints available for service {:?}", service.name))
    }

    pub(super) fn forget(&self, service: &ServiceReference) {
        self.known.lock().remove(service);
    }

    async fn read(&self, reference: &ServiceReference) -> Result<Vec<Address>, String> {
        let services: Api<Service> = Api::namespaced(self.client.clone(), &reference.namespace);
        let found = ask(|| services.get_opt(&reference.name)).await?;
        let service = found.ok_or_else(|| format!("service {:?} not found", reference.name))?;
        let spec = service.spec.unwrap_or_default();
        if spec.type_.as_deref() == Some("ExternalName") {
            let name = spec.external_name.unwrap_or_default();
            return Ok(vec![(name, reference.port)]);
        }
        let ports = spec.ports.unwrap_or_default();
        let port = ports
            .iter()
            .find(|port| i64::from(port.port) == i64::from(reference.port));
        let port = port.ok_or_else(|| {
            format!(
                "no service port {} found for service {:?}",
                reference.port, reference.name
            )
        })?;
        let slices: Api<EndpointSlice> = Api::namespaced(self.client.clone(), &reference.namespace);
        let of_service = ListParams::default()
            .labels(&format!("kubernetes.io/service-name={}", reference.name))
            .limit(SLICES);
        let slices = ask(|| slices.list(&of_service)).await?;
        Ok(slices.items.iter().flat_map(|slice| addresses(slice, port)).collect())
    }
}

/// The addresses of a slice that are ready, with the number of a port.
fn addresses(slice: &EndpointSlice, port: &ServicePort) -> Vec<Address> {
    let name = port.name.as_deref().unwrap_or_default();
    let ports = slice.ports.iter().flatten();
    let number = ports
        .filter(|of_slice| of_slice.name.as_deref().unwrap_or_default() == name)
        .find_map(|of_slice| u16::try_from(of_slice.port?).ok());
    // Of a service without a selector, whoever wrote the slice may have left the ports out.
    let number = number.or_else(|| match &port.target_port {
        Some(IntOrString::Int(number)) if slice.ports.is_none() => u16::try_from(*number).ok(),
        _ => None,
    });
    let Some(number) = number else { return Vec::new() };
    let is_ready = |ready: Option<bool>| ready.unwrap_or(true);
    let ready = slice.endpoints.iter().flatten().filter(|endpoint| {
        endpoint
            .conditions
            .as_ref()
            .is_none_or(|conditions| is_ready(conditions.ready))
    });
    ready
        .filter_map(|endpoint| Some((endpoint.addresses.first()?.clone(), number)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_ready_endpoints_of_the_port_are_taken() {
        let slice: EndpointSlice = serde_json::from_value(json!({
            "addressType": "IPv4", "metadata": {"name": "s"},
            "ports": [{"name": "metrics", "port": 9090}, {"name": "https", "port": 8443}],
            "endpoints": [
                {"addresses": ["10.0.0.1"], "conditions": {"ready": true}},
                {"addresses": ["10.0.0.2"], "conditions": {"ready": false}},
                {"addresses": ["10.0.0.3"]},
            ],
        }))
        .unwrap();
        let port = |name: &str| -> ServicePort { serde_json::from_value(json!({"name": name, "port": 443})).unwrap() };
        let expected = [("10.0.0.1".to_owned(), 8443), ("10.0.0.3".to_owned(), 8443)];
        assert_eq!(addresses(&slice, &port("https")), expected);
        assert_eq!(addresses(&slice, &port("other")), []);
    }
}
