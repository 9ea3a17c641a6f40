//! Which writes a policy or a webhook is about: rules on resources, selectors of namespaces and objects.

mod attributes;
mod labels;
mod rules;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::Value;

pub use self::{
    attributes::Attributes,
    labels::{LabelSelector, LabelSelectorRequirement},
    rules::{NamedRule, Rule},
};
use super::{AdmissionRequest, Surroundings};
use crate::{request::selector, status::Status};

/// `MatchResources` of admission policies.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MatchResources {
    /// The write's namespace has such labels.
    pub namespace_selector: Option<LabelSelector>,
    /// The object, new or old, has such labels.
    pub object_selector: Option<LabelSelector>,
    /// Any of these matches; where there are none, everything does.
    pub resource_rules: Vec<NamedRule>,
    /// None of these matches.
    pub exclude_resource_rules: Vec<NamedRule>,
}

/// Rules and selectors that are ready to be asked.
#[derive(Debug)]
pub(super) struct Matcher {
    namespaces: Result<selector::LabelSelector, String>,
    objects: Result<selector::LabelSelector, String>,
    rules: Vec<NamedRule>,
    excluded: Vec<NamedRule>,
}

impl Matcher {
    pub(super) fn new(resources: MatchResources) -> Matcher {
        Matcher {
            namespaces: selected(resources.namespace_selector),
            objects: selected(resources.object_selector),
            rules: resources.resource_rules,
            excluded: resources.exclude_resource_rules,
        }
    }

    /// Whether a write is meant. The cheapest questions come first: only where all others say yes is a namespace asked for its
    /// labels. An error is about the selectors, or a namespace that can't be read.
    pub(super) async fn matches(
        &self,
        request: &AdmissionRequest<'_>,
        object: Option<&Value>,
        surroundings: &dyn Surroundings,
    ) -> Result<bool, Status> {
        let attributes = Attributes::from(request);
        if self.excluded.iter().any(|rule| rule.matches(&attributes)) {
            return Ok(false);
        }
        if !self.rules.is_empty() && !self.rules.iter().any(|rule| rule.matches(&attributes)) {
            return Ok(false);
        }
        let objects = self.objects.as_ref().map_err(|why| Status::internal(why.clone()))?;
        if !objects.is_empty() {
            let has = |object: Option<&Value>| object.is_some_and(|object| has_labels(object, objects));
            if !has(object) && !has(request.old) {
                return Ok(false);
            }
        }
        self.namespace_matches(request, object, surroundings).await
    }

    /// What is in no namespace is in every selected one, but a namespace has its own labels.
    async fn namespace_matches(
        &self,
        request: &AdmissionRequest<'_>,
        object: Option<&Value>,
        surroundings: &dyn Surroundings,
    ) -> Result<bool, Status> {
        let is_namespace = request.resource.names.plural == "namespaces";
        let namespaces = self.namespaces.as_ref().map_err(|why| Status::internal(why.clone()))?;
        if namespaces.is_empty() || request.namespace.is_empty() && !is_namespace {
            return Ok(true);
        }
        if let (true, "", Some(object)) = (is_namespace, request.subresource, object) {
            return Ok(has_labels(object, namespaces));
        }
        let name = if is_namespace { request.name } else { request.namespace };
        let namespace = surroundings.namespace(name).await?;
        Ok(has_labels(&namespace, namespaces))
    }
}

/// Everything, where nothing is said.
fn selected(selector: Option<LabelSelector>) -> Result<selector::LabelSelector, String> {
    selector.map_or_else(
        || Ok(selector::LabelSelector::default()),
        selector::LabelSelector::try_from,
    )
}

fn has_labels(object: &Value, selector: &selector::LabelSelector) -> bool {
    let labels = &object["metadata"]["labels"];
    selector.matches(|key| labels.get(key)?.as_str())
}
