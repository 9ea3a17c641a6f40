//! What to do about what blocks. In the words of whoever has the guest; what takes an administrator says so.

use guestcluster_types::{
    conditions::reasons,
    upstream::{capi::condition as machine, capv, kubeadm, vmoperator::condition as vm},
};

use super::Waits;
use crate::guest::plan::Object;

/// What to do next: by what the API server answered, then by the reason, then by the condition that says it.
pub(super) fn advice(object: &Object, waits: &Waits) -> String {
    let advice = of_refusal(&waits.said)
        .or_else(|| of_reason(&waits.reason))
        .or_else(|| of_condition(&waits.about));
    match advice {
        Some(advice) => advice
            .replace("{kind}", &object.kind.to_lowercase())
            .replace("{name}", &object.name),
        None if waits.severe => format!(
            "see what {} {} says: kubectl describe {} {}",
            object.kind,
            object.name,
            object.kind.to_lowercase(),
            object.name
        ),
        None => format!(
            "nothing for now; if it lasts, kubectl describe {} {} says more",
            object.kind.to_lowercase(),
            object.name
        ),
    }
}

fn of_refusal(said: &str) -> Option<&'static str> {
    let refusals = [
        (
            "exceeded quota",
            "free what the quota counts, or ask an administrator to raise it: kubectl describe resourcequota",
        ),
        (
            "denied the request",
            "change what the policy in the message objects to, or ask whoever keeps the policy",
        ),
    ];
    let found = refusals.iter().find(|(words, _)| said.contains(words));
    found.map(|(_, advice)| *advice)
}

fn of_reason(reason: &str) -> Option<&'static str> {
    Some(match reason {
        reasons::POWERED_OFF => {
            "switch it on: kubectl patch virtualmachine {name} --type=merge -p '{\"spec\":{\"powerState\":\"PoweredOn\"}}'"
        }
        reasons::BEING_DELETED => {
            "let the deletion end: it is made again then; if it does not end, kubectl get {kind} {name} -o yaml shows its finalizers"
        }
        reasons::KEPT_BY_FINALIZER => {
            "let whoever set the finalizer finish, or take the finalizer off {kind} {name} if they never will"
        }
        reasons::OBJECT_PAUSED => {
            "take annotation cluster.x-k8s.io/paused off {kind} {name}, and see that its Cluster is not paused"
        }
        "VirtualMachineReconcilePaused" => {
            "take the pause off virtualmachine {name}: its annotations say who paused it"
        }
        reasons::DRAINING => {
            "make room for the pods in the message or loosen their disruption budgets; spec.topology's drainTimeoutSeconds bounds the wait"
        }
        "WaitingForPreDrainHook" | "WaitingForPreTerminateHook" => {
            "let whoever set the hook finish, or take its annotation off machine {name}"
        }
        "WaitingForVolumeDetach" => "see which volumes stay: kubectl get volumeattachments in the cluster",
        reasons::NAME_TAKEN => "give the cluster another name, or remove what has the name",
        reasons::NO_RELEASE => "choose a version that there is: kubectl guest versions",
        reasons::RELEASE_GONE => {
            "ask an administrator to put the GuestClusterRelease back, or choose another version: kubectl guest versions"
        }
        reasons::RIGHT_MISSING => "ask an administrator to apply the roles of this program's version",
        reasons::KIND_MISSING => "ask an administrator to install what the message names",
        reasons::REVISION_UNKNOWN => "ask an administrator to update guestcluster-apiserver",
        reasons::KEYS_LOST => "ask an administrator to restore the Secret in the message from a backup",
        reasons::ADOPTION_REFUSED => "correct annotation guestclusters.dev/adopt, or create the cluster without it",
        reasons::APPLY_REFUSED => "change what the API server objects to, or ask whoever set that rule",
        reasons::PAUSED => "set spec.paused to false",
        reasons::WAITING_FOR_API => {
            "nothing for now; if it lasts, the console of VM {name} shows what kubeadm says (/var/log/cloud-init-output.log)"
        }
        reasons::WAITING_FOR_CREDENTIALS => {
            "nothing for now; if it lasts, see whether the supervisor reaches the cluster's API: kubectl describe cluster {name}"
        }
        "NodeDoesNotExist" | "InspectionFailed" | "NodeHealthyUnknown" => {
            "nothing for now; if it lasts, the console of VM {name} shows what kubeadm join says (/var/log/cloud-init-output.log)"
        }
        "NodeNotHealthy" | "NodeNotReady" => "see what the node says: kubectl describe node {name} in the cluster",
        "InfrastructureTemplateCloningFailed" | reasons::MACHINES_NOT_CREATED => {
            "see whether the template in the message exists: it is made again when the guest layer looks next"
        }
        _ => return None,
    })
}

fn of_condition(about: &str) -> Option<&'static str> {
    Some(match about {
        vm::CLASS_READY => {
            "use a class that the namespace has (kubectl guest classes), or ask an administrator to bind this one to it"
        }
        vm::IMAGE_READY => {
            "ask an administrator for the image in a content library of the namespace, or choose another version: kubectl guest versions"
        }
        vm::SET_RESOURCE_POLICY_READY | capv::condition::RESOURCE_POLICY_READY => {
            "ask an administrator why the resource pool or folder can't be made: kubectl describe virtualmachinesetresourcepolicies"
        }
        vm::BOOTSTRAP_READY => {
            "see whether the Secret in the message exists; when it is lost for good, have machine {name} deleted: another takes its place"
        }
        vm::STORAGE_READY => {
            "use a storage class that the namespace has room in (kubectl get storageclasses; kubectl describe resourcequota), or ask for more"
        }
        vm::NETWORK_READY | vm::GUEST_NETWORK_SYNCED | capv::condition::NETWORK_READY => {
            "ask an administrator whether the namespace's network is set up and has free addresses (DHCP or pool)"
        }
        vm::PLACEMENT_READY => {
            "free room in this zone, or use a smaller class or another failureDomain: kubectl guest classes"
        }
        vm::IMAGE_CACHE_READY => {
            "nothing for now: the image is being copied; if it lasts, ask an administrator about room on the datastore"
        }
        vm::ENCRYPTION_SYNCED => "ask an administrator about the key provider of the VM's storage class",
        vm::HARDWARE_VERIFIED => {
            "ask an administrator: the VM's disks and controllers are not those that were asked for"
        }
        vm::CREATED => "nothing for now; if it lasts, ask an administrator what vCenter's tasks say of VM {name}",
        vm::POWER_STATE_SYNCED => {
            "nothing for now; if it lasts, ask an administrator why the host does not power on VM {name}"
        }
        vm::TOOLS => "nothing for now; if it lasts, the console of VM {name} shows why its guest system does not start",
        vm::GUEST_BOOTSTRAP | vm::GUEST_CUSTOMIZATION => {
            "the console of VM {name} shows what cloud-init and kubeadm say (/var/log/cloud-init-output.log); when that is mended, have machine {name} deleted: another takes its place"
        }
        capv::condition::LOAD_BALANCER_READY => {
            "see what the load balancer's events say (kubectl describe virtualmachineservice {name}), or ask an administrator whether a virtual address is free"
        }
        machine::BOOTSTRAP_CONFIG_READY => "ask an administrator what {kind} {name} says",
        kubeadm::condition::CERTIFICATES_AVAILABLE => {
            "ask an administrator to restore the Secrets with the cluster's authorities (their names begin with the cluster's)"
        }
        machine::NODE_HEALTHY | machine::NODE_READY => {
            "see what the node says: kubectl describe node {name} in the cluster"
        }
        _ => return None,
    })
}
