//! Whether a VirtualMachineService can be done, and as what load balancer. Pure.

use guestcluster_types::upstream::vmoperator::VirtualMachineService;
use kube::ResourceExt as _;
use vm_driver::{Blocked, LoadBalancerSpec, ObjectUid};

/// What the driver is asked for, or what of the spec cannot be done, by the field and what is accepted.
pub(super) fn service(service: &VirtualMachineService, uid: ObjectUid) -> Result<LoadBalancerSpec, Blocked> {
    let (port, target_port) = ports(service).map_err(|message| Blocked {
        condition: String::new(),
        reason: "InvalidSpec".to_owned(),
        message,
    })?;
    Ok(LoadBalancerSpec {
        uid,
        namespace: service.namespace().unwrap_or_default(),
        name: service.name_any(),
        selector: service.spec.selector.clone(),
        port,
        target_port,
    })
}

fn ports(service: &VirtualMachineService) -> Result<(u16, u16), String> {
    let spec = &service.spec;
    if spec.type_ != "LoadBalancer" {
        return Err(format!("spec.type is {:?}: accepted is LoadBalancer", spec.type_));
    }
    if spec.selector.is_empty() {
        return Err("spec.selector is empty: accepted are labels of the VMs behind it".to_owned());
    }
    let [port] = spec.ports.as_slice() else {
        return Err(format!("spec.ports has {} ports: accepted is one", spec.ports.len()));
    };
    if port.protocol != "TCP" {
        return Err(format!(
            "spec.ports[0].protocol is {:?}: accepted is TCP",
            port.protocol
        ));
    }
    let number = |name: &str, number: i32| {
        let port = u16::try_from(number).ok().filter(|port| *port > 0);
        port.ok_or_else(|| format!("spec.ports[0].{name} is {number}: accepted are 1 to 65535"))
    };
    Ok((number("port", port.port)?, number("targetPort", port.target_port)?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(change: Value) -> Result<(u16, u16), String> {
        let mut spec = json!({"type": "LoadBalancer", "selector": {"a": "b"},
            "ports": [{"name": "api", "protocol": "TCP", "port": 6443, "targetPort": 8443}]});
        for (key, value) in change.as_object().unwrap() {
            spec[key] = value.clone();
        }
        let object = json!({"metadata": {"name": "a", "namespace": "b"}, "spec": spec});
        let judged = service(&serde_json::from_value(object).unwrap(), ObjectUid("u".to_owned()));
        judged
            .map(|spec| (spec.port, spec.target_port))
            .map_err(|blocked| blocked.message)
    }

    #[test]
    fn what_cannot_be_done_is_named_with_what_can() {
        assert_eq!(judged(json!({})), Ok((6443, 8443)));
        let port = |protocol: &str, port: i64, target: i64| json!({"ports": [{"name": "a", "protocol": protocol, "port": port, "targetPort": target}]});
        let two = json!({"name": "a", "protocol": "TCP", "port": 1, "targetPort": 1});
        for (change, told) in [
            (
                json!({"type": "ClusterIP"}),
                "spec.type is \"ClusterIP\": accepted is LoadBalancer",
            ),
            (json!({"selector": {}}), "spec.selector is empty: accepted are"),
            (json!({"ports": []}), "spec.ports has 0 ports: accepted is one"),
            (json!({"ports": [two, two]}), "spec.ports has 2 ports: accepted is one"),
            (port("UDP", 1, 1), "spec.ports[0].protocol is \"UDP\": accepted is TCP"),
            (port("TCP", 0, 1), "spec.ports[0].port is 0: accepted are 1 to 65535"),
            (
                port("TCP", 1, 65536),
                "spec.ports[0].targetPort is 65536: accepted are 1 to 65535",
            ),
        ] {
            let message = judged(change).unwrap_err();
            assert!(message.contains(told), "{told}: {message}");
        }
    }
}
