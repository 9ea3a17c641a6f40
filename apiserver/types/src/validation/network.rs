//! Networks inside a cluster.

use ipnet::IpNet;
use serde_json::json;

use super::{
    Problem,
    names::{LABEL_VALUE, is_dns_subdomain, is_label_value},
};
use crate::Network;

const PATH: &str = "spec.settings.network";
/// kube-apiserver refuses larger ranges for IPv6 services.
const SERVICES_V6_PREFIX_MIN: u8 = 108;

pub(super) fn network(network: &Network) -> Vec<Problem> {
    let (pods, services) = (&network.pods.cidr_blocks, &network.services.cidr_blocks);
    let mut problems = networks(PATH, pods, services, &network.service_domain);
    let blocks = [("pods", pods), ("services", services)].into_iter();
    problems.extend(blocks.flat_map(|(name, texts)| loose_bits(&format!("{PATH}.{name}.cidrBlocks"), texts)));
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

/// All that is wrong with the addresses and the domain inside a cluster, in fields below `path`.
pub fn networks(path: &str, pods: &[String], services: &[String], domain: &str) -> Vec<Problem> {
    let mut problems = vec![];
    let pods = blocks(&format!("{path}.pods.cidrBlocks"), pods, &mut problems);
    let services = blocks(&format!("{path}.services.cidrBlocks"), services, &mut problems);
    problems.extend(overlaps(&pods, &services));
    problems.extend(services.iter().filter_map(too_large));
    if !is_dns_subdomain(domain) {
        let detail = "must be a DNS name in lower case, such as cluster.local";
        problems.push(Problem::invalid(format!("{path}.serviceDomain"), domain, detail));
    }
    problems
}

/// Bits behind the prefix do no harm, and are a sign that another block is meant.
fn loose_bits(path: &str, texts: &[String]) -> Vec<Problem> {
    let nets = texts.iter().enumerate().filter_map(|(index, text)| {
        let net: IpNet = text.parse().ok()?;
        let detail = format!("has bits behind its prefix; {} is meant perhaps", net.trunc());
        let problem = || Problem::invalid(format!("{path}[{index}]"), text.as_str(), detail);
        (net.trunc() != net).then(problem)
    });
    nets.collect()
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
            Ok(net) => blocks.push(Block {
                field,
                net: net.trunc(),
            }),
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
