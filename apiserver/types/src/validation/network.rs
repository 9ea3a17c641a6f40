//! Networks inside a cluster.

use ipnet::IpNet;
use serde_json::json;

use super::{
    Problem,
    names::{LABEL_VALUE, is_dns_subdomain, is_label_value},
};
use crate::Network;

const PODS: &str = "spec.settings.network.pods.cidrBlocks";
const SERVICES: &str = "spec.settings.network.services.cidrBlocks";
/// kube-apiserver refuses larger ranges for IPv6 services.
const SERVICES_V6_PREFIX_MIN: u8 = 108;

pub(super) fn network(network: &Network) -> Vec<Problem> {
    let mut problems = vec![];
    let pods = blocks(PODS, &network.pods.cidr_blocks, &mut problems);
    let services = blocks(SERVICES, &network.services.cidr_blocks, &mut problems);
    problems.extend(overlaps(&pods, &services));
    problems.extend(services.iter().filter_map(too_large));
    if !is_dns_subdomain(&network.service_domain) {
        let detail = "must be a DNS name in lower case, such as cluster.local";
        let field = "spec.settings.network.serviceDomain";
        problems.push(Problem::invalid(field, network.service_domain.as_str(), detail));
    }
    if !is_label_value(&network.cni.name) {
        let field = "spec.settings.network.cni.name";
        problems.push(Problem::invalid(
            field,
            network.cni.name.as_str(),
            format!("must be {LABEL_VALUE}"),
        ));
    }
    problems
}

/// A block and where it stands.
struct Block {
    field: String,
    net: IpNet,
}

fn blocks(path: &str, texts: &[String], problems: &mut Vec<Problem>) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec![];
    for (index, text) in texts.iter().enumerate() {
        let field = format!("{path}[{index}]");
        match text.parse::<IpNet>() {
            Ok(net) if net.trunc() == net => blocks.push(Block { field, net }),
            Ok(net) => {
                let detail = format!("has bits behind its prefix; {} is meant perhaps", net.trunc());
                problems.push(Problem::invalid(field, text.as_str(), detail));
            }
            Err(_) => {
                let detail = "must be a block of addresses in CIDR form, such as 192.168.0.0/16";
                problems.push(Problem::invalid(field, text.as_str(), detail));
            }
        }
    }
    if let [first, second] = blocks.as_slice()
        && is_v4(&first.net) == is_v4(&second.net)
    {
        problems.push(Problem::invalid(
            path,
            json!(texts),
            "two blocks must be one of IPv4 and one of IPv6",
        ));
    }
    blocks
}

fn overlaps(pods: &[Block], services: &[Block]) -> Vec<Problem> {
    let mut problems = vec![];
    for service in services {
        for pod in pods.iter().filter(|pod| overlap(&pod.net, &service.net)) {
            let detail = format!(
                "overlaps {} of {}; pods and services need addresses of their own",
                pod.net, pod.field
            );
            problems.push(Problem::invalid(&service.field, service.net.to_string(), detail));
        }
    }
    problems
}

fn overlap(left: &IpNet, right: &IpNet) -> bool {
    left.contains(right) || right.contains(left)
}

fn too_large(block: &Block) -> Option<Problem> {
    let too_large = !is_v4(&block.net) && block.net.prefix_len() < SERVICES_V6_PREFIX_MIN;
    let detail = format!("is too large for services; prefixes from /{SERVICES_V6_PREFIX_MIN} on are accepted");
    too_large.then(|| Problem::invalid(&block.field, block.net.to_string(), detail))
}

fn is_v4(net: &IpNet) -> bool {
    matches!(net, IpNet::V4(_))
}
