//! Whether our server's service account has every right that it needs.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::{Api, Client, api::PostParams};
use serde_json::Value;

use super::{Finding, apply_manifests};
use crate::{
    layers::Layers,
    roles::{self, SERVER, SYSTEM_NAMESPACE},
};

const CHECK: &str = "rights";
/// Questions at once.
const AT_ONCE: usize = 16;
/// Rights that are told one by one.
const TOLD: usize = 10;

/// A right, as it is asked for. Namespace none: everywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    namespace: Option<String>,
    group: String,
    resource: String,
    subresource: Option<String>,
    name: Option<String>,
    verb: String,
}

pub(super) async fn check(client: &Client, layers: Layers) -> kube::Result<Vec<Finding>> {
    let needed = needed(&roles::aggregated(layers));
    let count = needed.len();
    let missing: Vec<Option<Right>> = stream::iter(needed)
        .map(|right| async move { Ok::<_, kube::Error>((!is_held(client, &right).await?).then_some(right)) })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let missing: Vec<Right> = missing.into_iter().flatten().collect();
    if missing.is_empty() {
        return Ok(vec![Finding::ok(
            CHECK,
            format!("our server has all {count} rights that it needs"),
        )]);
    }
    Ok(tell(missing, &apply_manifests(layers)))
}

/// A line for all verbs of a resource.
fn tell(missing: Vec<Right>, hint: &str) -> Vec<Finding> {
    let mut merged: Vec<Right> = Vec::new();
    for right in missing {
        match merged.last_mut().filter(|last| last.is_about_the_same(&right)) {
            Some(last) => last.verb = format!("{}, {}", last.verb, right.verb),
            None => merged.push(right),
        }
    }
    let told = merged
        .iter()
        .take(TOLD)
        .map(|right| Finding::failed(CHECK, format!("our server may not {right}: {hint}")));
    let more = merged.len().saturating_sub(TOLD);
    let rest = (more > 0).then(|| Finding::failed(CHECK, format!("{more} more rights are missing: {hint}")));
    told.chain(rest).collect()
}

impl Right {
    fn is_about_the_same(&self, other: &Right) -> bool {
        let of = |right: &Right| Right {
            verb: String::new(),
            ..right.clone()
        };
        of(self) == of(other)
    }
}

/// The rights of our service account in these roles: each Role and ClusterRole that a binding in there gives it.
fn needed(objects: &[Value]) -> BTreeSet<Right> {
    let bindings = objects.iter().filter(|object| {
        let subjects = object["subjects"].as_array();
        subjects.is_some_and(|all| {
            all.iter()
                .any(|subject| subject["kind"] == "ServiceAccount" && subject["name"] == SERVER)
        })
    });
    let mut rights = BTreeSet::new();
    for binding in bindings {
        let namespace = binding["metadata"]["namespace"].as_str();
        let role = objects.iter().find(|object| {
            object["kind"] == binding["roleRef"]["kind"]
                && object["metadata"]["name"] == binding["roleRef"]["name"]
                && object["metadata"]["namespace"] == binding["metadata"]["namespace"]
        });
        // One that the supervisor brings itself is not in the list.
        for rule in role.and_then(|role| role["rules"].as_array()).into_iter().flatten() {
            rights.extend(of_rule(rule, namespace));
        }
    }
    rights
}

fn of_rule(rule: &Value, namespace: Option<&str>) -> Vec<Right> {
    let words = |key: &str| -> Vec<String> {
        let words = rule[key].as_array().into_iter().flatten();
        words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let names: Vec<Option<String>> = match words("resourceNames") {
        names if names.is_empty() => vec![None],
        names => names.into_iter().map(Some).collect(),
    };
    let mut rights = Vec::new();
    for group in words("apiGroups") {
        for resource in words("resources") {
            for verb in words("verbs") {
                for name in &names {
                    let (resource, subresource) = match resource.split_once('/') {
                        Some((resource, subresource)) => (resource.to_owned(), Some(subresource.to_owned())),
                        None => (resource.clone(), None),
                    };
                    rights.push(Right {
                        namespace: namespace.map(str::to_owned),
                        group: group.clone(),
                        resource,
                        subresource,
                        name: name.clone(),
                        verb: verb.clone(),
                    });
                }
            }
        }
    }
    rights
}

async fn is_held(client: &Client, right: &Right) -> kube::Result<bool> {
    let account = format!("system:serviceaccount:{SYSTEM_NAMESPACE}:{SERVER}");
    let groups = [
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{SYSTEM_NAMESPACE}"),
        "system:authenticated".to_owned(),
    ];
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(account),
            groups: Some(groups.into()),
            resource_attributes: Some(ResourceAttributes {
                namespace: right.namespace.clone(),
                group: Some(right.group.clone()),
                resource: Some(right.resource.clone()),
                subresource: right.subresource.clone(),
                name: right.name.clone(),
                verb: Some(right.verb.clone()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

impl std::fmt::Display for Right {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Right {
            namespace,
            group,
            resource,
            subresource,
            name,
            verb,
        } = self;
        write!(formatter, "{verb} {resource}")?;
        if let Some(subresource) = subresource {
            write!(formatter, "/{subresource}")?;
        }
        if !group.is_empty() {
            write!(formatter, ".{group}")?;
        }
        if let Some(name) = name {
            write!(formatter, " {name}")?;
        }
        match namespace {
            Some(namespace) => write!(formatter, " in {namespace}"),
            None => write!(formatter, " everywhere"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_of_a_resource_are_told_in_one_line() {
        let rights = needed(&roles::aggregated("none".parse().unwrap()));
        let told = tell(rights.into_iter().collect(), "do it");
        assert_eq!(told.len(), TOLD + 1);
        assert!(
            told.iter()
                .any(|finding| finding.detail == "our server may not get, list, watch namespaces everywhere: do it"),
            "{told:#?}"
        );
    }

    #[test]
    fn rights_are_those_of_the_bindings_and_of_the_layers() {
        let told = |layers: &str| -> Vec<String> {
            let rights = needed(&roles::aggregated(layers.parse().unwrap()));
            rights.iter().map(Right::to_string).collect()
        };
        let guest = told("guest");
        for right in [
            "create subjectaccessreviews.authorization.k8s.io everywhere",
            "patch guestclusters/status.guestclusters.dev everywhere",
            "patch apiservices.apiregistration.k8s.io v1alpha1.guestclusters.dev everywhere",
            "update secrets guestcluster-apiserver-serving in guestclusters-system",
        ] {
            assert!(guest.iter().any(|told| told == right), "{right} in {guest:#?}");
        }
        // What users' roles give is nothing that the server needs.
        assert!(
            !guest.iter().any(|right| right.contains("deletecollection")),
            "{guest:#?}"
        );
        assert!(told("all").len() > guest.len() && guest.len() > told("none").len());
    }
}
