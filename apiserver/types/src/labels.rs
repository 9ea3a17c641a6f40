//! Labels, annotations, finalizers and field managers of the layers.

/// Label on everything that the guest layer writes: the guest UID. What lacks it is never touched.
pub const GUEST_UID: &str = "guestclusters.dev/guest-uid";
/// Label of a pool's objects: the name of the node pool.
pub const NODE_POOL: &str = "guestclusters.dev/node-pool";
/// Label of a Cluster: the network plugin it asks for; add-on providers select by it.
pub const CNI: &str = "guestclusters.dev/cni";
/// Label of a Cluster API object: the name of its Cluster.
pub const CLUSTER_NAME: &str = "cluster.x-k8s.io/cluster-name";
/// Label of a control-plane Machine; the value is empty.
pub const CONTROL_PLANE: &str = "cluster.x-k8s.io/control-plane";
/// Label of a control-plane Machine: the name of its KubeadmControlPlane.
pub const CONTROL_PLANE_NAME: &str = "cluster.x-k8s.io/control-plane-name";
/// Label of a worker Machine: the name of its MachineDeployment.
pub const DEPLOYMENT_NAME: &str = "cluster.x-k8s.io/deployment-name";

/// Annotation of a new GuestCluster: the guest UID of running objects that it takes over.
pub const ADOPT: &str = "guestclusters.dev/adopt";
/// Annotation of a GuestCluster: whenever its value changes, another key takes the place of the one that signs credentials.
pub const ROTATE_SIGNING_KEY: &str = "guestclusters.dev/rotate-signing-key";
/// Annotation of a GuestCluster whose keys are lost: the id of the trust key that its control plane was made with. New keys are
/// made in its place, and control-plane nodes are replaced.
pub const REPLACE_TRUST_KEY: &str = "guestclusters.dev/replace-trust-key";
/// Annotation of a Cluster: the revision of the templates that its objects were made with.
pub const TEMPLATE_REVISION: &str = "guestclusters.dev/template-revision";
/// Annotation of a Cluster: the StorageClasses its workloads may use, separated by commas; storage providers read it.
pub const STORAGE_CLASSES: &str = "guestclusters.dev/storage-classes";
/// Annotation of a Cluster: the default one of its StorageClasses.
pub const DEFAULT_STORAGE_CLASS: &str = "guestclusters.dev/default-storage-class";

/// Annotation of a VirtualMachineService: why its load balancer has no address, as `Reason: message`. Its status has no place for it.
pub const LOAD_BALANCER_BLOCKED: &str = "guestclusters.dev/load-balancer-blocked";

/// Label of a GuestCredential: its person, guest and level in one value, by which those that live are counted. A hash, as names of
/// people are no label values.
pub const HOLDER: &str = "guestclusters.dev/holder";
/// Finalizer of a GuestCredential: the guest refuses the credential before the record goes.
pub const REVOCATION_FINALIZER: &str = "guestclusters.dev/revocation";
/// Finalizer of a GuestCluster: its Cluster API objects are gone before it goes.
pub const FINALIZER: &str = "guestclusters.dev/guest";

/// Field manager of the guest layer.
pub const GUEST_MANAGER: &str = "guestcluster-controller";
/// Field manager of the machine layer.
pub const MACHINE_MANAGER: &str = "guestcluster-machine-controller";
/// Field manager of the VM layer.
pub const VM_MANAGER: &str = "guestcluster-vm-controller";
