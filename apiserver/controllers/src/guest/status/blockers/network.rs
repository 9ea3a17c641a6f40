//! What keeps a guest from having a network and an address.

use guestcluster_types::{
    conditions::reasons,
    labels::LOAD_BALANCER_BLOCKED,
    upstream::{
        HasConditions as _,
        capi::condition,
        capv::{self, VSphereCluster},
        vmoperator::VirtualMachineService,
    },
};
use kube::ResourceExt as _;

use super::{Blocker, Waits, machine::paused};
use crate::guest::{dereference::Layers, plan::Object};

const SERVICE: &str = "VirtualMachineService";

/// What the network waits for: the load balancer, what the VSphereCluster says of it, or that this one has not looked yet.
pub(in crate::guest::status) fn network(layers: &Layers, infrastructure: &VSphereCluster) -> Blocker {
    if let Some(paused) = paused(infrastructure.condition(condition::PAUSED)) {
        return of_infrastructure(infrastructure, paused);
    }
    let said = || {
        infrastructure
            .conditions()
            .iter()
            .filter(|condition| condition.status == "False")
    };
    let service = layers.service.as_deref();
    // Ready is the sum of the others, which say more.
    let mut others = said().filter(|condition| !matches!(condition.type_.as_str(), "Ready" | "Paused"));
    let first = others.clone().next();
    let trouble = others.find(|condition| {
        // What it says of a load balancer that is there may be old.
        (service.is_none() || condition.type_ != capv::condition::LOAD_BALANCER_READY) && !condition.message.is_empty()
    });
    if let Some(trouble) = trouble {
        return of_infrastructure(infrastructure, Waits::of(trouble));
    }
    if let Some(service) = service {
        return of_service(service, infrastructure);
    }
    match first {
        Some(first) => of_infrastructure(infrastructure, Waits::of(first)),
        None => Blocker::passing(
            Object::of(infrastructure),
            reasons::WAITING_FOR_NETWORK,
            "waiting for the network and an address",
        ),
    }
}

fn of_infrastructure(object: &VSphereCluster, waits: Waits) -> Blocker {
    let what = format!("the network of {}", object.name_any());
    Blocker::waiting(Object::of(object), &what, waits)
}

fn of_service(service: &VirtualMachineService, infrastructure: &VSphereCluster) -> Blocker {
    let about = capv::condition::LOAD_BALANCER_READY;
    let ingress = &service.status.load_balancer.ingress;
    let address = ingress
        .iter()
        .find_map(|ingress| ingress.ip.as_deref().filter(|ip| !ip.is_empty()));
    if let Some(address) = address {
        let said = format!("it has not taken over address {address} of its load balancer yet");
        return of_infrastructure(infrastructure, Waits::new("", reasons::WAITING_FOR_NETWORK, said));
    }
    let host = ingress.iter().find_map(|ingress| ingress.hostname.as_deref());
    let told = service
        .annotations()
        .get(LOAD_BALANCER_BLOCKED)
        .and_then(|told| told.split_once(": "));
    let waits = if service.metadata.deletion_timestamp.is_some() {
        Waits::new(
            about,
            reasons::BEING_DELETED,
            "it is being deleted while its cluster is not",
        )
    } else if let Some((reason, said)) = told {
        Waits::new(about, reason, said).severe()
    } else if let Some(host) = host {
        let said = format!("the load balancer has host name {host} and no address; only addresses are taken");
        Waits::new(about, reasons::WAITING_FOR_IP, said).severe()
    } else {
        Waits::new(about, reasons::WAITING_FOR_IP, "the load balancer has no address yet")
    };
    let what = format!("{SERVICE} {}", service.name_any());
    Blocker::waiting(Object::of(service), &what, waits)
}
