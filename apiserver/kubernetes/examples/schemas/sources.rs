//! Which kinds are taken from which upstream file.

/// Module of the core kinds; its OpenAPI v3 documents describe them.
pub(crate) const KUBERNETES: &str = "k8s.io/kubernetes@v1.37.2/api/openapi-spec/v3";

/// One kind of an OpenAPI v3 document.
pub(crate) struct OpenApiKind {
    /// File below [`KUBERNETES`].
    pub(crate) document: &'static str,
    /// Name of the component.
    pub(crate) component: &'static str,
    /// Name of the file that is written: `<plural>[.<group>].json`.
    pub(crate) file: &'static str,
    /// Paths that are kept as they are sent, without structure: pod templates of kinds that are only stored.
    pub(crate) opaque: &'static [&'static str],
}

const fn kind(document: &'static str, component: &'static str, file: &'static str) -> OpenApiKind {
    OpenApiKind {
        document,
        component,
        file,
        opaque: &[],
    }
}

/// The core kinds.
pub(crate) const OPENAPI: &[OpenApiKind] = &[
    kind("api__v1", "io.k8s.api.core.v1.ConfigMap", "configmaps"),
    kind("api__v1", "io.k8s.api.core.v1.Endpoints", "endpoints"),
    kind("api__v1", "io.k8s.api.core.v1.Event", "events"),
    kind("api__v1", "io.k8s.api.core.v1.Namespace", "namespaces"),
    kind("api__v1", "io.k8s.api.core.v1.Node", "nodes"),
    kind("api__v1", "io.k8s.api.core.v1.Pod", "pods"),
    kind("api__v1", "io.k8s.api.core.v1.ResourceQuota", "resourcequotas"),
    kind("api__v1", "io.k8s.api.core.v1.Secret", "secrets"),
    kind("api__v1", "io.k8s.api.core.v1.Service", "services"),
    kind("api__v1", "io.k8s.api.core.v1.ServiceAccount", "serviceaccounts"),
    OpenApiKind {
        document: "apis__apps__v1",
        component: "io.k8s.api.apps.v1.DaemonSet",
        file: "daemonsets.apps",
        opaque: &["spec.template"],
    },
    OpenApiKind {
        document: "apis__apps__v1",
        component: "io.k8s.api.apps.v1.Deployment",
        file: "deployments.apps",
        opaque: &["spec.template"],
    },
    kind(
        "apis__authentication.k8s.io__v1",
        "io.k8s.api.authentication.v1.SelfSubjectReview",
        "selfsubjectreviews.authentication.k8s.io",
    ),
    kind(
        "apis__authorization.k8s.io__v1",
        "io.k8s.api.authorization.v1.LocalSubjectAccessReview",
        "localsubjectaccessreviews.authorization.k8s.io",
    ),
    kind(
        "apis__authorization.k8s.io__v1",
        "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
        "selfsubjectaccessreviews.authorization.k8s.io",
    ),
    kind(
        "apis__authorization.k8s.io__v1",
        "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
        "selfsubjectrulesreviews.authorization.k8s.io",
    ),
    kind(
        "apis__authorization.k8s.io__v1",
        "io.k8s.api.authorization.v1.SubjectAccessReview",
        "subjectaccessreviews.authorization.k8s.io",
    ),
    kind(
        "apis__coordination.k8s.io__v1",
        "io.k8s.api.coordination.v1.Lease",
        "leases.coordination.k8s.io",
    ),
    kind(
        "apis__events.k8s.io__v1",
        "io.k8s.api.events.v1.Event",
        "events.events.k8s.io",
    ),
    kind(
        "apis__rbac.authorization.k8s.io__v1",
        "io.k8s.api.rbac.v1.Role",
        "roles.rbac.authorization.k8s.io",
    ),
    kind(
        "apis__rbac.authorization.k8s.io__v1",
        "io.k8s.api.rbac.v1.RoleBinding",
        "rolebindings.rbac.authorization.k8s.io",
    ),
    kind(
        "apis__rbac.authorization.k8s.io__v1",
        "io.k8s.api.rbac.v1.ClusterRole",
        "clusterroles.rbac.authorization.k8s.io",
    ),
    kind(
        "apis__rbac.authorization.k8s.io__v1",
        "io.k8s.api.rbac.v1.ClusterRoleBinding",
        "clusterrolebindings.rbac.authorization.k8s.io",
    ),
    kind(
        "apis__storage.k8s.io__v1",
        "io.k8s.api.storage.v1.StorageClass",
        "storageclasses.storage.k8s.io",
    ),
    kind(
        "apis__storage.k8s.io__v1",
        "io.k8s.api.storage.v1.VolumeAttachment",
        "volumeattachments.storage.k8s.io",
    ),
];

/// Kinds of one file of CustomResourceDefinitions.
pub(crate) struct CrdFile {
    /// Path below the module cache.
    pub(crate) path: &'static str,
    /// The version that is served.
    pub(crate) version: &'static str,
    /// Plurals that are taken.
    pub(crate) plurals: &'static [&'static str],
}

const CAPI: &str = "v1beta2";
/// VM Operator with what it needs of a supervisor.
const VM_OPERATOR: &str =
    "sigs.k8s.io/cluster-api-provider-vsphere/test@v1.16.1/infrastructure/vm-operator/vm-operator-9.1.yaml";

const fn capi(path: &'static str, plurals: &'static [&'static str]) -> CrdFile {
    CrdFile {
        path,
        version: CAPI,
        plurals,
    }
}

/// The kinds of Cluster API, its vSphere provider and VM Operator that the embedded supervisor serves.
pub(crate) const CRDS: &[CrdFile] = &[
    capi(
        "sigs.k8s.io/cluster-api@v1.14.2/core/config/crd/bases/cluster.x-k8s.io_clusters.yaml",
        &["clusters"],
    ),
    capi(
        "sigs.k8s.io/cluster-api@v1.14.2/core/config/crd/bases/cluster.x-k8s.io_machines.yaml",
        &["machines"],
    ),
    capi(
        "sigs.k8s.io/cluster-api@v1.14.2/core/config/crd/bases/cluster.x-k8s.io_machinesets.yaml",
        &["machinesets"],
    ),
    capi(
        "sigs.k8s.io/cluster-api@v1.14.2/core/config/crd/bases/cluster.x-k8s.io_machinedeployments.yaml",
        &["machinedeployments"],
    ),
    capi(
        "sigs.k8s.io/cluster-api@v1.14.2/core/config/crd/bases/cluster.x-k8s.io_machinehealthchecks.yaml",
        &["machinehealthchecks"],
    ),
    capi(
        "sigs.k8s.io/cluster-api@v1.14.2/bootstrap/kubeadm/config/crd/bases/bootstrap.cluster.x-k8s.io_kubeadmconfigs.yaml",
        &["kubeadmconfigs"],
    ),
    capi(
        "sigs.k8s.io/cluster-api@v1.14.2/bootstrap/kubeadm/config/crd/bases/bootstrap.cluster.x-k8s.io_kubeadmconfigtemplates.yaml",
        &["kubeadmconfigtemplates"],
    ),
    capi(
        "sigs.k8s.io/cluster-api@v1.14.2/controlplane/kubeadm/config/crd/bases/controlplane.cluster.x-k8s.io_kubeadmcontrolplanes.yaml",
        &["kubeadmcontrolplanes"],
    ),
    capi(
        "sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1/config/supervisor/crd/bases/vmware.infrastructure.cluster.x-k8s.io_vsphereclusters.yaml",
        &["vsphereclusters"],
    ),
    capi(
        "sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1/config/supervisor/crd/bases/vmware.infrastructure.cluster.x-k8s.io_vspheremachines.yaml",
        &["vspheremachines"],
    ),
    capi(
        "sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1/config/supervisor/crd/bases/vmware.infrastructure.cluster.x-k8s.io_vspheremachinetemplates.yaml",
        &["vspheremachinetemplates"],
    ),
    CrdFile {
        path: VM_OPERATOR,
        version: "v1alpha1",
        plurals: &["availabilityzones"],
    },
    CrdFile {
        path: VM_OPERATOR,
        version: "v1alpha5",
        plurals: &[
            "clustervirtualmachineimages",
            "virtualmachineclasses",
            "virtualmachineimages",
            "virtualmachines",
            "virtualmachineservices",
            "virtualmachinesetresourcepolicies",
        ],
    },
];

/// Where the module of the core kinds lists the roles of a fresh server.
pub(crate) const ROLES_FOLDER: &str =
    "k8s.io/kubernetes@v1.37.2/plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata";

/// Files of [`ROLES_FOLDER`].
pub(crate) const ROLE_FILES: &[&str] = &[
    "cluster-roles.yaml",
    "cluster-role-bindings.yaml",
    "namespace-roles.yaml",
    "namespace-role-bindings.yaml",
];

/// Names of the roles and bindings that are taken. Left out are those of programs that have nothing to do here:
/// the scheduler, the certificate signers, the controllers of kube-controller-manager.
pub(crate) const ROLES: &[&str] = &[
    "admin",
    "cluster-admin",
    "edit",
    "extension-apiserver-authentication-reader",
    "system:aggregate-to-admin",
    "system:aggregate-to-edit",
    "system:aggregate-to-view",
    "system:auth-delegator",
    "system:basic-user",
    "system:discovery",
    "system:kube-controller-manager",
    "system:kubelet-api-admin",
    "system:monitoring",
    "system:node",
    "system:node-bootstrapper",
    "system:node-proxier",
    "system:public-info-viewer",
    "system:service-account-issuer-discovery",
    "view",
];

/// Go packages of the core kinds: the name that messages get, and the file of the types.
pub(crate) const GO_PACKAGES: &[(&str, &str)] = &[
    ("apps/v1", "k8s.io/api@v0.37.2/apps/v1/types.go"),
    ("authentication/v1", "k8s.io/api@v0.37.2/authentication/v1/types.go"),
    ("authorization/v1", "k8s.io/api@v0.37.2/authorization/v1/types.go"),
    ("coordination/v1", "k8s.io/api@v0.37.2/coordination/v1/types.go"),
    ("core/v1", "k8s.io/api@v0.37.2/core/v1/types.go"),
    ("events/v1", "k8s.io/api@v0.37.2/events/v1/types.go"),
    ("meta", "k8s.io/apimachinery@v0.37.2/pkg/apis/meta/v1/types.go"),
    ("rbac/v1", "k8s.io/api@v0.37.2/rbac/v1/types.go"),
    ("storage/v1", "k8s.io/api@v0.37.2/storage/v1/types.go"),
];
