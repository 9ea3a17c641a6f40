//! The VirtualMachine of a VSphereMachine, as CAPV writes it.

use super::Parts;
use crate::machine::vsphere_cluster::build::{CONTROL_PLANE_GROUP, role_labels, worker_group};
use crate::machine::writes::controlled_by;
use guestcluster_types::upstream::capi::{CLUSTER_NAME_LABEL, CONTROL_PLANE_LABEL, DEPLOYMENT_NAME_LABEL};
use guestcluster_types::upstream::capv::{MODULE_GROUP_ANNOTATION, ROLE_CONTROL_PLANE, ROLE_NODE, TAG_ANNOTATION};
use guestcluster_types::upstream::topology::ZONE_LABEL;
use guestcluster_types::upstream::vmoperator::{
    CloudInitBootstrap, ReadinessProbe, SecretKeySelector, TcpSocketProbe, VirtualMachine, VirtualMachineBootstrap,
    VirtualMachineReserved, VirtualMachineSpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;
use kube::api::ObjectMeta;
use std::collections::BTreeMap;

/// The key that CAPV names, although Cluster API's Secrets have another: VM layers fall back.
const USER_DATA: &str = "user-data";
const API_PORT: i32 = 6443;

/// `vsphere://<biosUUID>`: what the Node has as its providerID too.
pub(super) fn provider_id(vm: &VirtualMachine) -> Option<String> {
    let uuid = vm.status.bios_uuid.as_deref().filter(|uuid| !uuid.is_empty())?;
    Some(format!("vsphere://{uuid}"))
}

/// The VM; `probe` once the control plane is initialized, so that the load balancer leaves out what does not answer.
pub(super) fn virtual_machine(parts: &Parts, secret: &str, probe: bool) -> VirtualMachine {
    let (object, machine) = (&parts.object, &parts.machine);
    let control_plane = machine.labels().contains_key(CONTROL_PLANE_LABEL);
    let spec = VirtualMachineSpec {
        bootstrap: VirtualMachineBootstrap {
            cloud_init: Some(CloudInitBootstrap {
                raw_cloud_config: Some(SecretKeySelector {
                    name: secret.to_owned(),
                    key: USER_DATA.to_owned(),
                }),
            }),
            ..VirtualMachineBootstrap::default()
        },
        class_name: Some(object.spec.class_name.clone()),
        image_name: Some(object.spec.image_name.clone()),
        storage_class: object.spec.storage_class.clone(),
        power_state: Some("PoweredOn".to_owned()),
        power_off_mode: Some(power_off_mode(object.spec.power_off_mode.as_deref()).to_owned()),
        reserved: VirtualMachineReserved {
            resource_policy_name: Some(machine.spec.cluster_name.clone()),
        },
        readiness_probe: (control_plane && probe).then(|| ReadinessProbe {
            tcp_socket: Some(TcpSocketProbe {
                port: IntOrString::Int(API_PORT),
            }),
            ..ReadinessProbe::default()
        }),
        ..VirtualMachineSpec::default()
    };
    let mut vm = VirtualMachine::new(&machine.name_any(), spec);
    vm.metadata = metadata(parts, control_plane);
    vm
}

fn metadata(parts: &Parts, control_plane: bool) -> ObjectMeta {
    let machine = &parts.machine;
    let cluster = &machine.spec.cluster_name;
    let mut labels = role_labels(cluster, if control_plane { ROLE_CONTROL_PLANE } else { ROLE_NODE });
    labels.insert(CLUSTER_NAME_LABEL.to_owned(), cluster.clone());
    let pool = machine.labels().get(DEPLOYMENT_NAME_LABEL);
    if let Some(pool) = pool {
        labels.insert(DEPLOYMENT_NAME_LABEL.to_owned(), pool.clone());
    }
    if let Some(zone) = &machine.spec.failure_domain {
        labels.insert(ZONE_LABEL.to_owned(), zone.clone());
    }
    let (group, tag) = if control_plane {
        (CONTROL_PLANE_GROUP.to_owned(), "CtrlVmVmAATag")
    } else {
        (worker_group(cluster), "WorkerVmVmAATag")
    };
    let annotations = BTreeMap::from([
        (TAG_ANNOTATION.to_owned(), tag.to_owned()),
        (MODULE_GROUP_ANNOTATION.to_owned(), group),
    ]);
    ObjectMeta {
        name: machine.metadata.name.clone(),
        namespace: machine.metadata.namespace.clone(),
        labels: Some(labels),
        annotations: Some(annotations),
        owner_references: Some(controlled_by(&*parts.object)),
        ..ObjectMeta::default()
    }
}

/// VM Operator writes the modes with a capital letter.
fn power_off_mode(mode: Option<&str>) -> &'static str {
    match mode {
        Some("soft") => "Soft",
        Some("trySoft") => "TrySoft",
        _ => "Hard",
    }
}
