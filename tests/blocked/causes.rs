//! The list of causes, in the order in which they are put; those of one guest follow each other.

use super::{
    happens::{
        api_silent, balancer_goes, class_gone, cluster_kept, drain_blocked, join_fails, name_taken, never_joins,
        no_address_yet, no_balancers, no_control_planes, no_machines, no_vms, node_not_ready, set_meets_quota,
        vm_falls, vm_kept,
    },
    played::{Played, Role},
    vms::{Failing, Stage},
};

/// One way in which a guest is blocked, and what is said of it at the top.
pub(crate) struct Cause {
    pub(crate) what: &'static str,
    /// Whose guest it is.
    pub(super) guest: &'static str,
    pub(super) inject: Inject,
    /// The object that is named: its kind, and how its name begins.
    pub(super) kind: &'static str,
    pub(super) object: &'static str,
    /// Its reason; machine layers may have different words.
    pub(super) reasons: &'static [&'static str],
    /// A part of the message.
    pub(super) says: &'static str,
    /// A part of what to do.
    pub(super) advice: &'static str,
    /// A part of the line that is marked in the tree.
    pub(super) mark: &'static str,
}

/// How it is made to happen. When that is done, a lower object shows it.
#[derive(Clone, Copy)]
pub(super) enum Inject {
    /// The VM layer says of the VM of a role that it is so far, and that these conditions are False.
    Vm(Role, Stage, &'static [Failing]),
    /// The VM layer says of the load balancer that it has this ingress; ours adds why it has none.
    Service(&'static str, Option<&'static str>),
    /// Something else.
    Happens(fn(&mut Played<'_>) -> Result<(), String>),
}

use Inject::{Happens, Service, Vm};
use Role::ControlPlane;
use Stage::{Created, Identified, PoweredOn, Wanted};

/// A cause that the first control-plane VM of guest `vms` has.
const fn vm(
    what: &'static str,
    stage: Stage,
    failing: &'static [Failing],
    reasons: &'static [&'static str],
    says: &'static str,
    advice: &'static str,
) -> Cause {
    Cause {
        what,
        guest: "vms",
        inject: Vm(ControlPlane, stage, failing),
        kind: "VirtualMachine",
        object: "vms-cp-",
        reasons,
        says,
        advice,
        mark: "vms-cp-",
    }
}

/// A cause that the load balancer of guest `net` has.
const fn balancer(
    what: &'static str,
    inject: Inject,
    reasons: &'static [&'static str],
    says: &'static str,
    advice: &'static str,
) -> Cause {
    Cause {
        what,
        guest: "net",
        inject,
        kind: "VirtualMachineService",
        object: "net",
        reasons,
        says,
        advice,
        mark: "load balancer",
    }
}

/// A cause of guest `live`, which runs.
const fn live(
    what: &'static str,
    inject: Inject,
    [kind, object, mark]: [&'static str; 3],
    reasons: &'static [&'static str],
    says: &'static str,
    advice: &'static str,
) -> Cause {
    Cause {
        what,
        guest: "live",
        inject,
        kind,
        object,
        reasons,
        says,
        advice,
        mark,
    }
}

const VM_OF_WORKER: [&str; 3] = ["VirtualMachine", "live-default-", "live-default-"];

pub(super) const CAUSES: &[Cause] = &[
    balancer(
        "the load balancer has no address",
        Happens(no_address_yet),
        &["WaitingForIP"],
        "the load balancer has no address yet",
        "kubectl describe virtualmachineservice net",
    ),
    balancer(
        "no virtual address is free",
        Service("[]", Some("NoAddress: no virtual address is free")),
        &["NoAddress"],
        "no virtual address is free",
        "whether a virtual address is free",
    ),
    balancer(
        "the load balancer has a host name alone",
        Service(r#"[{"hostname": "lb.example.com"}]"#, None),
        &["WaitingForIP"],
        "host name lb.example.com and no address",
        "kubectl describe virtualmachineservice net",
    ),
    balancer(
        "somebody deletes the load balancer",
        Happens(balancer_goes),
        &["BeingDeleted"],
        "it is being deleted while its cluster is not",
        "let the deletion end",
    ),
    vm(
        "the class is not in the namespace",
        Wanted,
        &[
            (
                "VirtualMachineClassReady",
                "NotFound",
                r#"class "best-effort-small" is not in namespace vms"#,
            ),
            ("VirtualMachineCreated", "NotCreated", "the VM does not exist"),
        ],
        &["NotFound"],
        r#"class "best-effort-small" is not in namespace vms"#,
        "kubectl guest classes",
    ),
    vm(
        "the image is not there",
        Wanted,
        &[(
            "VirtualMachineImageReady",
            "NotFound",
            "Failed to get VirtualMachineImage photon-5",
        )],
        &["NotFound"],
        "Failed to get VirtualMachineImage",
        "kubectl guest versions",
    ),
    vm(
        "the image's library is out of reach",
        Wanted,
        &[(
            "VirtualMachineImageReady",
            "VirtualMachineImageProviderNotReady",
            "content library item is not synced",
        )],
        &["VirtualMachineImageProviderNotReady"],
        "content library item is not synced",
        "content library",
    ),
    vm(
        "the resource policy is not there",
        Wanted,
        &[(
            "VirtualMachineConditionVMSetResourcePolicyReady",
            "NotFound",
            "no VirtualMachineSetResourcePolicy vms",
        )],
        &["NotFound"],
        "no VirtualMachineSetResourcePolicy",
        "virtualmachinesetresourcepolicies",
    ),
    vm(
        "the bootstrap data is not there",
        Wanted,
        &[(
            "VirtualMachineBootstrapReady",
            "NotFound",
            r#"secrets "vms-cp-x" not found"#,
        )],
        &["NotFound"],
        r#"secrets "vms-cp-x" not found"#,
        "see whether the Secret in the message exists",
    ),
    vm(
        "the storage class can't be used",
        Wanted,
        &[(
            "VirtualMachineStorageReady",
            "StorageClassNotFound",
            r#"storage class "gold" is not assigned to the namespace"#,
        )],
        &["StorageClassNotFound"],
        "is not assigned to the namespace",
        "kubectl get storageclasses",
    ),
    vm(
        "the storage quota is used up",
        Wanted,
        &[(
            "VirtualMachineStorageReady",
            "InsufficientQuota",
            "exceeded quota: gold-storagequota, requested: 20Gi, limited: 100Gi",
        )],
        &["InsufficientQuota"],
        "exceeded quota: gold-storagequota",
        "kubectl describe resourcequota",
    ),
    vm(
        "the network is not there",
        Wanted,
        &[(
            "VirtualMachineNetworkReady",
            "NotReady",
            "network interface eth0 has no port",
        )],
        &["NotReady"],
        "network interface eth0 has no port",
        "whether the namespace's network is set up",
    ),
    vm(
        "no host has room",
        Wanted,
        &[(
            "VirtualMachineConditionPlacementReady",
            "NoPlacement",
            "no host of zone-1 has 8 GiB left",
        )],
        &["NoPlacement"],
        "no host of zone-1 has 8 GiB left",
        "free room in this zone",
    ),
    vm(
        "the image can't be copied",
        Wanted,
        &[(
            "VirtualMachineConditionImageCacheReady",
            "FilesFailed",
            "the datastore is full",
        )],
        &["FilesFailed"],
        "the datastore is full",
        "room on the datastore",
    ),
    vm(
        "the VM can't be created",
        Wanted,
        &[(
            "VirtualMachineCreated",
            "Error",
            "vCenter: a specified parameter was not correct",
        )],
        &["Error"],
        "a specified parameter was not correct",
        "vCenter's tasks",
    ),
    vm(
        "the VM can't be encrypted",
        Wanted,
        &[(
            "VirtualMachineEncryptionSynced",
            "EncryptionFailed",
            "no default key provider",
        )],
        &["EncryptionFailed"],
        "no default key provider",
        "key provider",
    ),
    vm(
        "somebody paused the VM",
        Wanted,
        &[(
            "VirtualMachineReconcileReady",
            "VirtualMachineReconcilePaused",
            "paused by an administrator",
        )],
        &["VirtualMachineReconcilePaused"],
        "paused by an administrator",
        "take the pause off virtualmachine vms-cp-",
    ),
    vm(
        "the VM can't be powered on",
        Created,
        &[(
            "VirtualMachinePowerStateSynced",
            "PowerOnFailed",
            "the host refuses to power on the VM",
        )],
        &["PowerOnFailed"],
        "the host refuses to power on the VM",
        "why the host does not power on VM vms-cp-",
    ),
    vm(
        "the disks are not those asked for",
        Created,
        &[(
            "VirtualMachineHardwareDeviceConfigVerified",
            "HardwareDeviceConfigMismatch",
            "volume data is missing",
        )],
        &["HardwareDeviceConfigMismatch"],
        "volume data is missing",
        "disks and controllers",
    ),
    vm(
        "something that VM Operator does not say yet",
        Created,
        &[("VirtualMachineOfTomorrow", "Unheard", "a word of tomorrow")],
        &["Unheard"],
        "a word of tomorrow",
        "kubectl describe virtualmachine vms-cp-",
    ),
    vm(
        "somebody switches the VM off",
        Created,
        &[("VirtualMachinePowerStateSynced", "PoweredOff", "it is to be off")],
        &["PoweredOff"],
        "it is to be off",
        "switch it on: kubectl patch virtualmachine vms-cp-",
    ),
    vm(
        "the guest system does not start",
        PoweredOn,
        &[(
            "VirtualMachineTools",
            "VirtualMachineToolsNotRunning",
            "VMware Tools is not running",
        )],
        &["VirtualMachineToolsNotRunning"],
        "VMware Tools is not running",
        "the console of VM vms-cp-",
    ),
    vm(
        "the VM gets no address",
        PoweredOn,
        &[],
        &["WaitingForNetworkAddress"],
        "",
        "free addresses (DHCP or pool)",
    ),
    vm(
        "the VM's port gets no address",
        PoweredOn,
        &[("VirtualMachineNetworkReady", "NoAddress", "no DHCP lease on workload-1")],
        &["NoAddress"],
        "no DHCP lease on workload-1",
        "free addresses (DHCP or pool)",
    ),
    vm(
        "the guest system does not take its network over",
        PoweredOn,
        &[
            (
                "VirtualMachineTools",
                "VirtualMachineToolsNotRunning",
                "VMware Tools is not running",
            ),
            (
                "GuestCustomization",
                "GuestCustomizationFailed",
                "netplan: exit status 1",
            ),
        ],
        &["GuestCustomizationFailed"],
        "netplan: exit status 1",
        "/var/log/cloud-init-output.log",
    ),
    vm(
        "the bootstrap data can't be read",
        PoweredOn,
        &[(
            "GuestBootstrap",
            "BootstrapFailed",
            "the bootstrap data is no cloud-config",
        )],
        &["BootstrapFailed"],
        "the bootstrap data is no cloud-config",
        "/var/log/cloud-init-output.log",
    ),
    vm(
        "the VM has no identity",
        Stage::Addressed,
        &[],
        &["WaitingForBIOSUUID"],
        "",
        "what vCenter's tasks say of VM vms-cp-",
    ),
    vm(
        "kubeadm init fails",
        Identified,
        &[("GuestBootstrap", "BootstrapFailed", "kubeadm init: etcd did not start")],
        &["BootstrapFailed"],
        "etcd did not start",
        "/var/log/cloud-init-output.log",
    ),
    Cause {
        inject: Happens(api_silent),
        kind: "Machine",
        ..vm(
            "the API server does not answer",
            Identified,
            &[],
            &["WaitingForAPIServer"],
            "",
            "what kubeadm says (/var/log/cloud-init-output.log)",
        )
    },
    live(
        "a node never joins",
        Happens(never_joins),
        ["Machine", "live-default-", "live-default-"],
        &[
            "NodeDoesNotExist",
            "NodeNotHealthy",
            "InspectionFailed",
            "NodeHealthyUnknown",
            "WaitingForNode",
        ],
        "",
        "what kubeadm join says",
    ),
    live(
        "kubeadm join fails",
        Happens(join_fails),
        VM_OF_WORKER,
        &["BootstrapFailed"],
        "kubeadm join: x509",
        "have machine live-default-",
    ),
    live(
        "a node is not Ready",
        Happens(node_not_ready),
        ["Node", "live-default-", "live-default-"],
        &["NodeNotHealthy", "NodeNotReady"],
        "container runtime is down",
        "kubectl describe node live-default-",
    ),
    live(
        "the VM of a Ready node falls",
        Happens(vm_falls),
        VM_OF_WORKER,
        &["PoweredOff"],
        "it is PoweredOff and not PoweredOn",
        "switch it on",
    ),
    live(
        "a quota lets no further machine be made",
        Happens(set_meets_quota),
        ["MachineSet", "live-default-", "pool default"],
        &[
            "MachinesNotCreated",
            "MachineCreationFailed",
            "InfrastructureTemplateCloningFailed",
        ],
        "exceeded quota: few",
        "kubectl describe resourcequota",
    ),
    live(
        "the class is gone when a pool grows",
        Happens(class_gone),
        VM_OF_WORKER,
        &["NotFound"],
        "class is gone",
        "kubectl guest classes",
    ),
    live(
        "a pod does not leave a node that is drained",
        Happens(drain_blocked),
        ["Node", "live-default-", "live-default-"],
        &["DrainBlocked"],
        "default/stuck",
        "disruption budgets",
    ),
    Cause {
        guest: "no-vms",
        inject: Happens(no_vms),
        kind: "VSphereMachine",
        object: "no-vms-cp-",
        mark: "no-vms-cp-",
        ..live(
            "a quota lets no VM be made",
            Happens(no_vms),
            VM_OF_WORKER,
            &["VirtualMachineNotWritten", "NotProvisioned"],
            "exceeded quota: few",
            "kubectl describe resourcequota",
        )
    },
    Cause {
        guest: "no-machines",
        ..live(
            "a quota lets no machine be made",
            Happens(no_machines),
            ["KubeadmControlPlane", "no-machines-cp", "control plane"],
            &[
                "MachinesNotCreated",
                "MachineGenerationFailed",
                "InfrastructureTemplateCloningFailed",
            ],
            "exceeded quota: few",
            "kubectl describe resourcequota",
        )
    },
    Cause {
        guest: "no-balancers",
        ..live(
            "a quota lets no load balancer be made",
            Happens(no_balancers),
            ["VSphereCluster", "no-balancers", "load balancer"],
            &["NotReady", "LoadBalancerNotWritten"],
            "exceeded quota: few",
            "kubectl describe resourcequota",
        )
    },
    Cause {
        guest: "no-control-planes",
        ..live(
            "a quota refuses what the guest layer writes",
            Happens(no_control_planes),
            ["KubeadmControlPlane", "no-control-planes-cp", "control plane"],
            &["ObjectRefused"],
            "exceeded quota: few",
            "kubectl describe resourcequota",
        )
    },
    Cause {
        guest: "taken",
        ..live(
            "a name is taken",
            Happens(name_taken),
            ["VSphereCluster", "taken", "load balancer"],
            &["NameTaken"],
            "exists in namespace taken",
            "give the cluster another name",
        )
    },
    Cause {
        guest: "net",
        ..live(
            "a finalizer keeps a deleted Cluster",
            Happens(cluster_kept),
            ["Cluster", "net", "Cluster net"],
            &["KeptByFinalizer"],
            "kept by finalizer example.com/hold",
            "let whoever set the finalizer finish",
        )
    },
    live(
        "a finalizer keeps the VM of a machine that is removed",
        Happens(vm_kept),
        VM_OF_WORKER,
        &["KeptByFinalizer"],
        "kept by finalizer example.com/backup",
        "let whoever set the finalizer finish",
    ),
];
