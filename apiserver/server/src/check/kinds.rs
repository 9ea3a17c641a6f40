//! Whether the kinds that the layers work with are served, in the version that they speak.

use std::collections::{BTreeMap, BTreeSet};

use guestcluster_types::upstream::crds::CRDS;
use kube::Client;
use serde_json::Value;

use super::{Finding, found};
use crate::{layers::Layers, roles};

const CHECK: &str = "kinds";
/// What a supervisor may lack, and what guests do without then.
const OPTIONAL: &[(&str, &str)] = &[("availabilityzones", "guests have no failure domains to be spread over")];

pub(super) async fn check(client: &Client, layers: Layers) -> kube::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (group_version, needed) in needed(layers) {
        let served = found(client.list_api_group_resources(&group_version)).await?;
        let served: BTreeSet<String> = served
            .into_iter()
            .flat_map(|list| list.resources)
            .map(|resource| resource.name)
            .collect();
        findings.push(judge(&group_version, &needed, &served));
    }
    Ok(findings)
}

/// Plural names by group and version, of all kinds of others that our rights name.
fn needed(layers: Layers) -> BTreeMap<String, BTreeSet<String>> {
    let named = named_by_rights(layers);
    let mut needed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, text) in CRDS {
        let Ok(definition) = serde_json::from_str::<Value>(text) else {
            continue;
        };
        let spec = &definition["spec"];
        let (Some(group), Some(plural)) = (spec["group"].as_str(), spec["names"]["plural"].as_str()) else {
            continue;
        };
        let versions = spec["versions"].as_array().into_iter().flatten();
        let stored = versions
            .filter(|version| version["storage"] == true)
            .find_map(|version| version["name"].as_str());
        if let Some(version) = stored.filter(|_| named.contains(&(group.to_owned(), plural.to_owned()))) {
            needed
                .entry(format!("{group}/{version}"))
                .or_default()
                .insert(plural.to_owned());
        }
    }
    needed
}

fn named_by_rights(layers: Layers) -> BTreeSet<(String, String)> {
    let mut named = BTreeSet::new();
    for role in roles::aggregated(layers) {
        for rule in role["rules"].as_array().into_iter().flatten() {
            for group in rule["apiGroups"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                for resource in rule["resources"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                {
                    named.insert((group.to_owned(), resource.to_owned()));
                }
            }
        }
    }
    named
}

fn judge(group_version: &str, needed: &BTreeSet<String>, served: &BTreeSet<String>) -> Finding {
    let missing: Vec<&str> = needed.difference(served).map(String::as_str).collect();
    if missing.is_empty() {
        return Finding::ok(CHECK, format!("{group_version} is served"));
    }
    let without = |plural: &&str| OPTIONAL.iter().find(|(optional, _)| optional == plural);
    let optional: Option<Vec<_>> = missing.iter().map(without).collect();
    if let Some(optional) = optional {
        let without: Vec<_> = optional.iter().map(|(_, without)| *without).collect();
        return Finding::warning(
            CHECK,
            format!(
                "{} of {group_version} are not served: {}",
                missing.join(", "),
                without.join(", ")
            ),
        );
    }
    let from = match group_version {
        group if group.starts_with("vmoperator.") => "VM Operator",
        group if group.starts_with("vmware.infrastructure.") => "Cluster API's vSphere provider, in supervisor mode",
        _ => "Cluster API",
    };
    Finding::failed(
        CHECK,
        format!(
            "{} of {group_version} are not served: install {from}",
            missing.join(", ")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::Severity, *};

    #[test]
    fn missing_kinds_are_named_with_what_brings_them() {
        let needed = needed("guest".parse().unwrap());
        let machines = &needed["cluster.x-k8s.io/v1beta2"];
        assert!(
            machines.contains("clusters") && machines.contains("machinehealthchecks"),
            "{machines:?}"
        );
        assert!(needed["vmoperator.vmware.com/v1alpha5"].contains("virtualmachineclasses"));
        assert_eq!(
            judge("cluster.x-k8s.io/v1beta2", machines, machines).severity,
            Severity::Ok
        );
        let none = BTreeSet::new();
        let told = judge("vmoperator.vmware.com/v1alpha5", machines, &none);
        assert_eq!(told.severity, Severity::Failed);
        assert!(told.detail.ends_with("install VM Operator"), "{}", told.detail);
    }

    #[test]
    fn a_kind_that_a_supervisor_may_lack_is_no_failure() {
        let zones = &needed("machine".parse().unwrap())["topology.tanzu.vmware.com/v1alpha1"];
        let told = judge("topology.tanzu.vmware.com/v1alpha1", zones, &BTreeSet::new());
        assert_eq!(told.severity, Severity::Warning);
        assert!(
            told.detail.ends_with("no failure domains to be spread over"),
            "{}",
            told.detail
        );
    }
}
