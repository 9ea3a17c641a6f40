//! kubeadm's ClusterConfiguration as the guest keeps it. A control-plane machine that joins runs its components by that one, so it
//! must say what the control plane asks for before the machine does: its own configuration has no word for flags.

use super::kubeadm::{cluster_fields, yaml};
use crate::machine::error::Error;
use guestcluster_types::upstream::capi::Cluster;
use guestcluster_types::upstream::kubeadm::ClusterConfiguration;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Map, Value, json};

const NAMESPACE: &str = "kube-system";
const CONFIG_MAP: &str = "kubeadm-config";
const KEY: &str = "ClusterConfiguration";
/// What components run with; to kubeadm none is the same as an empty one.
const COMPONENTS: [&str; 3] = ["apiServer", "controllerManager", "scheduler"];
/// What is only written where the control plane asks for it: kubeadm has defaults.
const ASKED_FOR: [&str; 3] = ["kubernetesVersion", "featureGates", "imageRepository"];

/// Brings it to what the control plane asks for.
pub(super) async fn update(
    guest: &Client,
    cluster: &Cluster,
    version: &str,
    configuration: &ClusterConfiguration,
) -> Result<(), Error> {
    let maps: Api<ConfigMap> = Api::namespaced(guest.clone(), NAMESPACE);
    let map = maps.get_opt(CONFIG_MAP).await;
    let Some(map) = map.map_err(Error::guest("reading ConfigMap kubeadm-config"))? else {
        // Made by something else than kubeadm, which will say what it lacks.
        return Ok(());
    };
    let live = map.data.as_ref().and_then(|data| data.get(KEY));
    let wanted = cluster_fields(cluster, version, configuration)?;
    let Some(updated) = live.map(|live| updated(live, &wanted)).transpose()?.flatten() else {
        return Ok(());
    };
    let patch = json!({"metadata": {"resourceVersion": map.metadata.resource_version}, "data": {KEY: updated}});
    let patched = maps
        .patch(CONFIG_MAP, &PatchParams::default(), &Patch::Merge(patch))
        .await;
    patched
        .map(drop)
        .map_err(Error::guest("writing ConfigMap kubeadm-config"))
}

/// The text with what is wanted in it; none when it says that already.
fn updated(live: &str, wanted: &Map<String, Value>) -> Result<Option<String>, Error> {
    let fields: Option<Map<String, Value>> = serde_saphyr::from_str(live).ok();
    let fields = fields.filter(|fields| fields.get("kind") == Some(&json!(KEY)));
    let fields = fields.ok_or_else(|| {
        Error::Invalid("ConfigMap kubeadm-config of the guest holds no ClusterConfiguration".to_owned())
    })?;
    let mut changed = fields.clone();
    for component in COMPONENTS {
        let value = wanted.get(component).cloned().unwrap_or_else(|| json!({}));
        if fields.get(component).unwrap_or(&json!({})) != &value {
            changed.insert(component.to_owned(), value);
        }
    }
    for field in ASKED_FOR {
        if let Some(value) = wanted.get(field) {
            changed.insert(field.to_owned(), value.clone());
        }
    }
    if changed == fields {
        return Ok(None);
    }
    yaml("kubeadm's ClusterConfiguration", &changed).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As kubeadm writes it.
    const LIVE: &str = "\
apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
caCertificateValidityPeriod: 87600h0m0s
certificatesDir: /etc/kubernetes/pki
clusterName: dev
controllerManager: {}
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.33.4
scheduler: {}
";

    fn wanted(configuration: Value, version: &str) -> Map<String, Value> {
        let configuration = serde_json::from_value(configuration).unwrap();
        cluster_fields(&Cluster::default(), version, &configuration).unwrap()
    }

    #[test]
    fn a_guest_that_says_it_already_is_not_written_to() {
        assert_eq!(updated(LIVE, &wanted(json!({}), "v1.33.4")).unwrap(), None);
        let own = "kind: ClusterConfiguration\napiServer:\n  extraArgs:\n  - {name: v, value: '2'}\nkubernetesVersion: v1.33.4\n";
        let same = json!({"apiServer": {"extraArgs": [{"name": "v", "value": "2"}]}});
        assert_eq!(updated(own, &wanted(same, "v1.33.4")).unwrap(), None);
    }

    #[test]
    fn what_joins_gets_the_flags_and_the_version_that_the_control_plane_asks_for() {
        let api_server = json!({
            "extraArgs": [{"name": "authentication-config", "value": "/etc/kubernetes/guestclusters/authentication.yaml"}],
            "extraVolumes": [{"name": "guestclusters", "hostPath": "/a", "mountPath": "/a"}],
        });
        let text = updated(LIVE, &wanted(json!({"apiServer": api_server}), "v1.34.2"))
            .unwrap()
            .unwrap();
        let mut expected: Value = serde_saphyr::from_str(LIVE).unwrap();
        expected["apiServer"] = api_server;
        expected["kubernetesVersion"] = json!("v1.34.2");
        assert_eq!(
            serde_saphyr::from_str::<Value>(&text).unwrap(),
            expected,
            "the rest is kubeadm's"
        );
        let back = updated(&text, &wanted(json!({}), "v1.34.2")).unwrap().unwrap();
        assert_eq!(
            serde_saphyr::from_str::<Value>(&back).unwrap()["apiServer"],
            json!({}),
            "flags go as they came"
        );
    }

    #[test]
    fn what_is_no_configuration_is_told() {
        for text in ["", "[]", "\u{0}", "a: [", "text"] {
            let error = updated(text, &wanted(json!({}), "v1.33.4"));
            assert!(
                error.is_err_and(|error| error.to_string().contains("kubeadm-config")),
                "{text:?}"
            );
        }
    }
}
