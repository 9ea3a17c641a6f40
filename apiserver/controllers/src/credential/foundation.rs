//! What a guest has beside what it trusts: the roles of the levels and of the agent, and the agent where it runs as a pod. A
//! guest that has them already, as a simulated one has from its start, is not written to.

use std::fmt::Debug;

use guestcluster_credentials::{levels, trust_object::NAMESPACE};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::DaemonSet,
        core::v1::ServiceAccount,
        rbac::v1::{ClusterRole, ClusterRoleBinding},
    },
};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{FIELD_MANAGER, agent, apply};
use crate::applying;

/// What a role or binding consists of.
const CONTENT: [&str; 3] = ["rules", "roleRef", "subjects"];

/// Brings all of it into the guest; the agent only by an image of it.
pub async fn lay_foundation(inside: &Client, agent_image: Option<&str>) -> kube::Result<()> {
    for wanted in levels::cluster_objects() {
        match wanted["kind"].as_str() {
            Some("ClusterRole") => keep(&Api::<ClusterRole>::all(inside.clone()), &wanted).await?,
            _ => keep(&Api::<ClusterRoleBinding>::all(inside.clone()), &wanted).await?,
        }
    }
    if let Some(image) = agent_image {
        apply::make_namespace(inside).await?;
        bring::<ServiceAccount>(inside, agent::account()).await?;
        bring::<DaemonSet>(inside, agent::daemon_set(image)).await?;
    }
    Ok(())
}

/// Writes a role or binding unless it says this already, whoever wrote it.
async fn keep<K>(api: &Api<K>, wanted: &Value) -> kube::Result<()>
where
    K: Resource + Serialize + DeserializeOwned + Clone + Debug,
{
    let name = wanted["metadata"]["name"].as_str().unwrap_or_default();
    let live = api.get_opt(name).await?;
    let live = live.map(|live| serde_json::to_value(live).unwrap_or_default());
    if live.as_ref().is_some_and(|live| says(live, wanted)) {
        return Ok(());
    }
    if live.is_some_and(|live| live["roleRef"] != wanted["roleRef"]) {
        // A binding's role can't be changed.
        api.delete(name, &DeleteParams::default()).await?;
    }
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(name, &parameters, &Patch::Apply(wanted)).await?;
    Ok(())
}

fn says(live: &Value, wanted: &Value) -> bool {
    CONTENT.iter().all(|field| live[field] == wanted[field])
}

async fn bring<K>(inside: &Client, wanted: Value) -> kube::Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize + DeserializeOwned + Clone + Debug,
{
    let api: Api<K> = Api::namespaced(inside.clone(), NAMESPACE);
    let wanted: K = serde_json::from_value(wanted).map_err(kube::Error::SerdeError)?;
    let live = api.get_opt(wanted.meta().name.as_deref().unwrap_or_default()).await?;
    applying::apply(&api, &wanted, live.as_ref(), FIELD_MANAGER).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_wrote_a_role_it_is_compared_by_what_it_says() {
        for wanted in levels::cluster_objects() {
            let mut live = wanted.clone();
            live["metadata"]["uid"] = "u".into();
            live["metadata"]["annotations"] = Value::Null;
            assert!(says(&live, &wanted));
            let field = CONTENT.into_iter().find(|field| !wanted[field].is_null()).unwrap();
            live[field] = Value::Null;
            assert!(!says(&live, &wanted));
        }
    }

    #[test]
    fn roles_and_bindings_are_all_there_is() {
        for wanted in levels::cluster_objects() {
            let text = wanted.to_string();
            match wanted["kind"].as_str().unwrap() {
                "ClusterRole" => drop(serde_json::from_str::<ClusterRole>(&text).unwrap()),
                "ClusterRoleBinding" => drop(serde_json::from_str::<ClusterRoleBinding>(&text).unwrap()),
                other => panic!("{other}"),
            }
        }
    }
}
