//! The object around a spec and a status.

/// For `skip_serializing_if`.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Declares a kind, in a namespace unless it says `Cluster`: a struct of metadata, spec and status that serializes with `apiVersion` and `kind`, and
/// leaves out a spec or status that says nothing (upstream's schemas refuse an empty spec object).
macro_rules! resource {
    (@ $scope:ident $(#[$doc:meta])* $kind:ident { group: $group:literal, version: $version:literal, plural: $plural:literal, spec: $spec:ty, status: $status:ty }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, schemars::JsonSchema, serde::Deserialize)]
        #[serde(default)]
        pub struct $kind {
            /// Standard object metadata.
            pub metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
            /// What is wanted.
            pub spec: $spec,
            /// What is.
            pub status: $status,
        }

        impl $kind {
            /// An object of this kind with a name and a spec.
            pub fn new(name: &str, spec: $spec) -> Self {
                Self {
                    metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                        name: Some(name.to_owned()),
                        ..Default::default()
                    },
                    spec,
                    status: Default::default(),
                }
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct;
                let spec = !$crate::upstream::is_default(&self.spec);
                let status = !$crate::upstream::is_default(&self.status);
                let mut object = serializer.serialize_struct(stringify!($kind), 3 + usize::from(spec) + usize::from(status))?;
                object.serialize_field("apiVersion", concat!($group, "/", $version))?;
                object.serialize_field("kind", stringify!($kind))?;
                object.serialize_field("metadata", &self.metadata)?;
                if spec {
                    object.serialize_field("spec", &self.spec)?;
                }
                if status {
                    object.serialize_field("status", &self.status)?;
                }
                object.end()
            }
        }

        impl kube::Resource for $kind {
            type DynamicType = ();
            type Scope = k8s_openapi::$scope;

            fn kind((): &()) -> std::borrow::Cow<'_, str> {
                stringify!($kind).into()
            }

            fn group((): &()) -> std::borrow::Cow<'_, str> {
                $group.into()
            }

            fn version((): &()) -> std::borrow::Cow<'_, str> {
                $version.into()
            }

            fn plural((): &()) -> std::borrow::Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &mut self.metadata
            }
        }
    };
    ($(#[$doc:meta])* $kind:ident { group: $group:literal, version: $version:literal, plural: $plural:literal, spec: $spec:ty, status: $status:ty }) => {
        $crate::upstream::resource!(@ NamespaceResourceScope $(#[$doc])* $kind { group: $group, version: $version, plural: $plural, spec: $spec, status: $status });
    };
    (Cluster, $(#[$doc:meta])* $kind:ident { group: $group:literal, version: $version:literal, plural: $plural:literal, spec: $spec:ty, status: $status:ty }) => {
        $crate::upstream::resource!(@ ClusterResourceScope $(#[$doc])* $kind { group: $group, version: $version, plural: $plural, spec: $spec, status: $status });
    };
    ($(#[$doc:meta])* $kind:ident { group: $group:literal, version: $version:literal, plural: $plural:literal, spec: $spec:ty, status: $status:ty, conditions }) => {
        $crate::upstream::resource!($(#[$doc])* $kind { group: $group, version: $version, plural: $plural, spec: $spec, status: $status });

        impl $crate::upstream::HasConditions for $kind {
            fn conditions(&self) -> &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition] {
                &self.status.conditions
            }
        }
    };
}
pub(crate) use resource;

#[cfg(test)]
mod tests {
    use crate::upstream::capv::{VSphereCluster, VSphereClusterSpec};
    use crate::upstream::{ContractReference, capi, kubeadm};
    use serde_json::json;

    #[test]
    fn an_empty_spec_and_status_are_left_out() {
        let cluster = VSphereCluster::new("dev", VSphereClusterSpec::default());
        assert_eq!(
            serde_json::to_value(&cluster).unwrap(),
            json!({
                "apiVersion": "vmware.infrastructure.cluster.x-k8s.io/v1beta2",
                "kind": "VSphereCluster",
                "metadata": {"name": "dev"},
            })
        );
    }

    #[test]
    fn fields_that_we_do_not_know_are_ignored_or_kept_where_a_clone_needs_them() {
        let machine: capi::Machine = serde_json::from_value(json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine", "metadata": {"name": "a"},
            "spec": {"clusterName": "dev", "somethingNew": 1, "bootstrap": {}, "infrastructureRef": {"apiGroup": "g", "kind": "K", "name": "n"}},
        }))
        .unwrap();
        assert_eq!(machine.spec.cluster_name, "dev");

        let spec = json!({
            "clusterConfiguration": {"apiServer": {"certSANs": ["a"], "extraVolumes": [{"name": "v", "hostPath": "/a", "mountPath": "/a"}]}, "dns": {"imageTag": "1"}},
            "ntp": {"enabled": true},
        });
        let config: kubeadm::KubeadmConfigSpec = serde_json::from_value(spec.clone()).unwrap();
        assert_eq!(serde_json::to_value(&config).unwrap(), spec);
    }

    #[test]
    fn a_reference_names_group_and_kind_but_no_version() {
        let reference = ContractReference::to::<kubeadm::KubeadmControlPlane>("dev");
        assert_eq!(
            serde_json::to_value(&reference).unwrap(),
            json!({"apiGroup": "controlplane.cluster.x-k8s.io", "kind": "KubeadmControlPlane", "name": "dev"})
        );
        assert!(reference.is::<kubeadm::KubeadmControlPlane>() && !reference.is::<capi::Cluster>());
    }
}
