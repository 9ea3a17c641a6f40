//! What policies take as parameters: objects of any kind of the host.

use std::collections::BTreeMap;

use generic_apiserver::admission::{
    matching::{LabelSelector, LabelSelectorRequirement},
    policy::{ParamKind, ParamQuery},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
    core::{GroupVersion, Selector},
    discovery::{Scope, pinned_kind},
};
use parking_lot::Mutex;
use serde_json::Value;

use super::super::ask::ask;

/// More kinds are not remembered at once.
const KINDS: usize = 64;
/// A selector may not mean more objects.
const AT_ONCE: u32 = 500;

/// Reads parameters when they are needed: they are few, and a watch of each kind would ask for more rights than a get.
pub(super) struct HostParams {
    client: Client,
    /// Group, version and kind, and what discovery says of them.
    resources: Mutex<BTreeMap<(String, String), (ApiResource, Scope)>>,
}

impl HostParams {
    pub(super) fn new(client: Client) -> HostParams {
        HostParams {
            client,
            resources: Mutex::default(),
        }
    }

    /// The objects that are meant. The error is in kube-apiserver's words where it has some.
    pub(super) async fn find(&self, query: ParamQuery<'_>) -> Result<Vec<Value>, String> {
        let (resource, scope) = self.resource(query.kind).await?;
        let api = self.api(&resource, scope, &query)?;
        let found = match (query.reference.name.as_str(), &query.reference.selector) {
            ("", None) => return Err("one of name or selector must be provided".to_owned()),
            ("", Some(selector)) => {
                let labels = Selector::try_from(labels(selector)).map_err(|error| error.to_string())?;
                let params = ListParams::default().labels_from(&labels).limit(AT_ONCE);
                let listed = ask(|| api.list(&params)).await;
                if listed.as_ref().is_ok_and(|listed| listed.metadata.continue_.is_some()) {
                    return Err(format!("more than {AT_ONCE} objects of paramKind are selected"));
                }
                listed.map(|listed| listed.items)
            }
            (_, Some(_)) => return Err("paramRef.name and paramRef.selector are mutually exclusive".to_owned()),
            (name, None) => ask(|| api.get_opt(name)).await.map(|found| found.into_iter().collect()),
        };
        let found = found.inspect_err(|_| self.forget(query.kind))?;
        found.into_iter().map(|object| as_param(&object, query.kind)).collect()
    }

    fn api(&self, resource: &ApiResource, scope: Scope, query: &ParamQuery<'_>) -> Result<Api<DynamicObject>, String> {
        let client = self.client.clone();
        match (scope, query.reference.namespace.as_str(), query.namespace) {
            (Scope::Cluster, "", _) => Ok(Api::all_with(client, resource)),
            (Scope::Cluster, _, _) => {
                Err("paramRef.namespace must not be provided for a cluster-scoped `paramKind`".to_owned())
            }
            (Scope::Namespaced, "", "") => {
                Err("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources".to_owned())
            }
            (Scope::Namespaced, "", namespace) | (Scope::Namespaced, namespace, _) => {
                Ok(Api::namespaced_with(client, namespace, resource))
            }
        }
    }

    async fn resource(&self, kind: &ParamKind) -> Result<(ApiResource, Scope), String> {
        if let Some(known) = self.resources.lock().get(&key(kind)) {
            return Ok(known.clone());
        }
        let version: GroupVersion = kind
            .api_version
            .parse()
            .map_err(|_| format!("failed to parse paramKind APIVersion: {}", kind.api_version))?;
        let wanted = GroupVersionKind::gvk(&version.group, &version.version, &kind.kind);
        let found = ask(|| pinned_kind(&self.client, &wanted)).await.map_err(|_| {
            format!(
                "failed to find resource referenced by paramKind: '{}, Kind={}'",
                kind.api_version, kind.kind
            )
        })?;
        let found = (found.0, found.1.scope);
        let mut known = self.resources.lock();
        if known.len() >= KINDS {
            known.clear();
        }
        known.insert(key(kind), found.clone());
        Ok(found)
    }

    /// It may be another resource by now.
    fn forget(&self, kind: &ParamKind) {
        self.resources.lock().remove(&key(kind));
    }
}

fn labels(selector: &LabelSelector) -> meta::LabelSelector {
    let requirement = |declared: &LabelSelectorRequirement| meta::LabelSelectorRequirement {
        key: declared.key.clone(),
        operator: declared.operator.clone(),
        values: Some(declared.values.clone()),
    };
    meta::LabelSelector {
        match_labels: Some(selector.match_labels.clone()),
        match_expressions: Some(selector.match_expressions.iter().map(requirement).collect()),
    }
}

fn key(kind: &ParamKind) -> (String, String) {
    (kind.api_version.clone(), kind.kind.clone())
}

/// Items of lists don't say what they are.
fn as_param(object: &DynamicObject, kind: &ParamKind) -> Result<Value, String> {
    let mut object = serde_json::to_value(object).map_err(|error| error.to_string())?;
    object["apiVersion"] = kind.api_version.as_str().into();
    object["kind"] = kind.kind.as_str().into();
    Ok(object)
}
