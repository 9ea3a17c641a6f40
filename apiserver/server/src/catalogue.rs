//! What a supervisor offers: namespaces, releases, VM classes, images, storage classes. The first start of
//! an embedded supervisor puts it there; `catalogue` prints it for others.

use guestcluster_types::EtcdMode;
use process_driver::Programs;
use serde_json::{Value, json};

use crate::roles::SYSTEM_NAMESPACE;

/// ConfigMap with delays and faults of the simulated VMs.
pub(crate) const SIM_CONFIG_MAP: &str = "sim-driver";
/// Key in [`SIM_CONFIG_MAP`].
pub(crate) const SIM_CONFIG_KEY: &str = "config.yaml";
/// Namespaces for users.
const TEAM_NAMESPACES: [&str; 2] = ["team-a", "team-b"];

/// One object of the catalogue and where it goes.
pub(crate) struct Seed {
    /// API group, empty for core.
    pub(crate) group: &'static str,
    /// Plural name of the resource.
    pub(crate) resource: &'static str,
    /// Namespace, or empty.
    pub(crate) namespace: String,
    /// The object.
    pub(crate) object: Value,
}

/// What a supervisor offers.
pub(crate) struct Catalogue<'a> {
    /// The versions that guests may have.
    pub(crate) releases: Vec<Release>,
    /// Who manages the etcd of guests.
    pub(crate) etcd: EtcdMode,
    /// Whether they are there at every start, as what they name is.
    pub(crate) follows_programs: bool,
    /// The sim driver's configuration, YAML.
    pub(crate) sim_config: &'a str,
}

impl Catalogue<'_> {
    /// The releases, each with its image.
    pub(crate) fn releases(&self) -> impl Iterator<Item = Seed> {
        let releases = self.releases.iter();
        releases.flat_map(|release| [release.image(), release.seed(self.etcd)])
    }

    /// Every object, in an order in which each finds what it needs.
    pub(crate) fn seeds(&self) -> Vec<Seed> {
        let mut seeds = Vec::new();
        seeds.extend(TEAM_NAMESPACES.iter().map(|name| namespace(name)));
        seeds.extend(self.releases());
        seeds.extend(
            STORAGE_CLASSES
                .iter()
                .map(|(name, default)| storage_class(name, *default)),
        );
        for team in TEAM_NAMESPACES {
            seeds.extend(
                SIZES
                    .iter()
                    .flat_map(|size| [size.best_effort(team), size.guaranteed(team)]),
            );
        }
        seeds.push(config_map(SIM_CONFIG_MAP, json!({SIM_CONFIG_KEY: self.sim_config})));
        seeds
    }
}

/// A namespace.
pub(crate) fn namespace(name: &str) -> Seed {
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    Seed {
        group: "",
        resource: "namespaces",
        namespace: String::new(),
        object,
    }
}

/// A ConfigMap of the supervisor's own.
pub(crate) fn config_map(name: &str, data: Value) -> Seed {
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE},
        "data": data,
    });
    Seed {
        group: "",
        resource: "configmaps",
        namespace: SYSTEM_NAMESPACE.to_owned(),
        object,
    }
}

/// A version that guests may have.
pub(crate) struct Release {
    version: String,
    support: &'static str,
    components: Vec<(&'static str, String)>,
}

/// Version, support, and the versions of etcd, CoreDNS and the pause container.
const SIMULATED: [(&str, &str, [&str; 3]); 5] = [
    ("v1.33.6", "deprecated", ["3.5.24", "v1.12.0", "3.10"]),
    ("v1.33.7", "supported", ["3.5.24", "v1.12.0", "3.10"]),
    ("v1.34.1", "supported", ["3.6.4", "v1.12.1", "3.10.1"]),
    ("v1.34.2", "supported", ["3.6.5", "v1.12.1", "3.10.1"]),
    ("v1.35.0", "supported", ["3.6.6", "v1.13.1", "3.10.1"]),
];

impl Release {
    /// Those that simulated VMs have.
    pub(crate) fn simulated() -> Vec<Self> {
        SIMULATED
            .iter()
            .map(|(version, support, [etcd, coredns, pause])| Self {
                version: (*version).to_owned(),
                support,
                components: vec![
                    ("coredns", (*coredns).to_owned()),
                    ("etcd", (*etcd).to_owned()),
                    ("pause", (*pause).to_owned()),
                ],
            })
            .collect()
    }

    /// Those whose programs are on this machine.
    pub(crate) fn of_all_programs(programs: &Programs) -> Vec<Self> {
        let etcd = programs.etcd_version();
        let versions = programs.versions();
        versions.map(|version| Self::of_programs(version, etcd)).collect()
    }

    fn of_programs(version: &str, etcd: &str) -> Self {
        Self {
            version: version.to_owned(),
            support: "supported",
            components: vec![("etcd", etcd.to_owned())],
        }
    }

    fn image_name(&self) -> String {
        format!("photon-5-kubernetes-{}", self.version)
    }

    fn seed(&self, etcd: EtcdMode) -> Seed {
        let components = self.components.iter();
        let components: Vec<_> = components
            .map(|(name, version)| json!({"name": name, "version": version}))
            .collect();
        let object = json!({
            "apiVersion": "guestclusters.dev/v1alpha1",
            "kind": "GuestClusterRelease",
            "metadata": {"name": self.version},
            "spec": {
                "version": self.version,
                "support": self.support,
                "etcd": etcd,
                "images": [{"os": "photon", "name": self.image_name()}],
                "components": components,
            },
        });
        Seed {
            group: "guestclusters.dev",
            resource: "guestclusterreleases",
            namespace: String::new(),
            object,
        }
    }

    fn image(&self) -> Seed {
        let object = json!({
            "apiVersion": "vmoperator.vmware.com/v1alpha5",
            "kind": "ClusterVirtualMachineImage",
            "metadata": {"name": self.image_name()},
            "spec": {},
        });
        let resource = "clustervirtualmachineimages";
        Seed {
            group: "vmoperator.vmware.com",
            resource,
            namespace: String::new(),
            object,
        }
    }
}

/// Name, and whether it is the default.
const STORAGE_CLASSES: [(&str, bool); 2] = [("gold", true), ("silver", false)];

fn storage_class(name: &str, default: bool) -> Seed {
    let object = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": name,
            "annotations": {"storageclass.kubernetes.io/is-default-class": default.to_string()},
        },
        "provisioner": "csi.vsphere.vmware.com",
        "allowVolumeExpansion": true,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    });
    Seed {
        group: "storage.k8s.io",
        resource: "storageclasses",
        namespace: String::new(),
        object,
    }
}

struct Size {
    name: &'static str,
    cpus: u32,
    memory: &'static str,
}

const SIZES: [Size; 5] = [
    Size {
        name: "xsmall",
        cpus: 2,
        memory: "2Gi",
    },
    Size {
        name: "small",
        cpus: 2,
        memory: "4Gi",
    },
    Size {
        name: "medium",
        cpus: 2,
        memory: "8Gi",
    },
    Size {
        name: "large",
        cpus: 4,
        memory: "16Gi",
    },
    Size {
        name: "xlarge",
        cpus: 4,
        memory: "32Gi",
    },
];

impl Size {
    fn best_effort(&self, namespace: &str) -> Seed {
        self.class(namespace, "best-effort", json!({"hardware": self.hardware()}))
    }

    fn guaranteed(&self, namespace: &str) -> Seed {
        let requests = json!({"cpu": format!("{}", self.cpus), "memory": self.memory});
        let spec = json!({
            "hardware": self.hardware(),
            "policies": {"resources": {"requests": requests, "limits": {}}},
        });
        self.class(namespace, "guaranteed", spec)
    }

    fn hardware(&self) -> Value {
        json!({"cpus": self.cpus, "memory": self.memory})
    }

    fn class(&self, namespace: &str, tier: &str, spec: Value) -> Seed {
        let object = json!({
            "apiVersion": "vmoperator.vmware.com/v1alpha5",
            "kind": "VirtualMachineClass",
            "metadata": {"name": format!("{tier}-{}", self.name), "namespace": namespace},
            "spec": spec,
        });
        let resource = "virtualmachineclasses";
        Seed {
            group: "vmoperator.vmware.com",
            resource,
            namespace: namespace.to_owned(),
            object,
        }
    }
}
