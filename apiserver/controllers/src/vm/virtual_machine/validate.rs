//! Whether a VirtualMachine can be made, and as what. Pure.

use guestcluster_types::upstream::topology::ZONE_LABEL;
use guestcluster_types::upstream::vmoperator::{
    VirtualMachine, VirtualMachineClassHardware, VirtualMachineSpec, condition,
};
use kube::ResourceExt as _;
use vm_driver::VmSpec;

use super::{
    dereference::{Creation, Found},
    quantity::bytes,
};

/// The ways to set a guest system up that VM Operator has beside cloud-init.
const OTHER_BOOTSTRAPS: [&str; 3] = ["linuxPrep", "sysprep", "vAppConfig"];

/// A prerequisite that does not hold: type, reason and message of a False condition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unmet {
    /// Condition type.
    pub(super) condition: &'static str,
    /// CamelCase reason.
    pub(super) reason: &'static str,
    /// One sentence.
    pub(super) message: String,
}

/// The VM for the driver, or the first prerequisite that does not hold.
pub(super) fn validate(machine: &VirtualMachine, found: Found) -> Result<VmSpec, Unmet> {
    let namespace = machine.namespace().unwrap_or_default();
    let spec = &machine.spec;
    let class_name = spec.class_name.clone().unwrap_or_default();
    let image = spec.image_name.clone().unwrap_or_default();
    let storage_class = spec.storage_class.clone().unwrap_or_default();
    // A VM that exists keeps running when its class is taken away.
    if found.class.is_none() && found.creation.is_some() {
        return Err(class_missing(&class_name, &namespace, &found.classes));
    }
    let hardware = found.class.map(|class| class.spec.hardware.clone()).unwrap_or_default();
    let (cpus, memory) = (cpus(&hardware), hardware.memory.as_ref().and_then(bytes));
    let mut user_data = None;
    if let Some(creation) = found.creation {
        size(&class_name, &hardware, cpus, memory)?;
        prerequisites(spec, &namespace, &creation)?;
        user_data = Some(creation.user_data.ok_or_else(|| bootstrap_missing(machine))?);
        in_a_zone(machine, creation.zones)?;
    }
    Ok(VmSpec {
        uid: super::uid(machine),
        namespace,
        name: machine.name_any(),
        labels: machine.labels().clone(),
        class: class_name,
        cpus: cpus.unwrap_or_default(),
        memory_bytes: memory.unwrap_or_default(),
        image,
        storage_class,
        zone: machine.labels().get(ZONE_LABEL).cloned(),
        powered_on: spec.power_state.as_deref() != Some("PoweredOff"),
        user_data,
    })
}

/// A VM has processors and memory.
fn size(
    class: &str,
    hardware: &VirtualMachineClassHardware,
    cpus: Option<u32>,
    memory: Option<u64>,
) -> Result<(), Unmet> {
    let invalid = |message| Unmet {
        condition: condition::CLASS_READY,
        reason: "InvalidClass",
        message,
    };
    if cpus.is_none() {
        let found = hardware.cpus.unwrap_or_default();
        return Err(invalid(format!(
            "spec.hardware.cpus of class {class:?} is {found}: accepted is a number from 1 to {}",
            u32::MAX
        )));
    }
    if memory.is_none() {
        let found = hardware.memory.as_ref().map_or("", |memory| memory.0.as_str());
        return Err(invalid(format!(
            "spec.hardware.memory of class {class:?} is {found:?}: accepted is a quantity above 0, such as 4Gi"
        )));
    }
    Ok(())
}

fn prerequisites(spec: &VirtualMachineSpec, namespace: &str, creation: &Creation) -> Result<(), Unmet> {
    let unmet = |condition, reason, message| {
        Err(Unmet {
            condition,
            reason,
            message,
        })
    };
    let named = |name: &Option<String>| name.clone().unwrap_or_default();
    if !creation.image {
        let image = named(&spec.image_name);
        let message = format!("image {image:?} is neither in namespace {namespace} nor a cluster image");
        return unmet(condition::IMAGE_READY, "VirtualMachineImageNotFound", message);
    }
    if !creation.storage_class {
        let class = named(&spec.storage_class);
        let message = format!("storage class {class:?} does not exist");
        return unmet(condition::STORAGE_READY, "StorageClassNotFound", message);
    }
    if !creation.policy {
        let policy = named(&spec.reserved.resource_policy_name);
        let message = format!(
            "spec.reserved.resourcePolicyName: VirtualMachineSetResourcePolicy {policy:?} is not in namespace {namespace}"
        );
        return unmet(
            condition::SET_RESOURCE_POLICY_READY,
            "VirtualMachineSetResourcePolicyNotFound",
            message,
        );
    }
    if let Some(field) = OTHER_BOOTSTRAPS
        .into_iter()
        .find(|name| spec.bootstrap.unknown.contains_key(*name))
    {
        let message =
            format!("spec.bootstrap.{field} is not done by this layer: accepted is cloudInit with rawCloudConfig");
        return unmet(condition::BOOTSTRAP_READY, "InvalidSpec", message);
    }
    if spec.power_state.as_deref() == Some("Suspended") {
        let message = "spec.powerState is \"Suspended\": accepted are PoweredOn and PoweredOff".to_owned();
        return unmet(condition::POWER_STATE_SYNCED, "InvalidSpec", message);
    }
    Ok(())
}

fn class_missing(class: &str, namespace: &str, available: &[String]) -> Unmet {
    let there = match available {
        [] => "there are none".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    Unmet {
        condition: condition::CLASS_READY,
        reason: "VirtualMachineClassNotFound",
        message: format!("class {class:?} is not in namespace {namespace}; {there}"),
    }
}

/// One that there is, if it asks for any.
fn in_a_zone(machine: &VirtualMachine, zones: Option<Vec<String>>) -> Result<(), Unmet> {
    let (Some(zone), Some(mut zones)) = (machine.labels().get(ZONE_LABEL), zones) else {
        return Ok(());
    };
    if zones.contains(zone) {
        return Ok(());
    }
    zones.sort();
    let there = match zones.as_slice() {
        [] => "there are none".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    Err(Unmet {
        condition: condition::PLACEMENT_READY,
        reason: "ZoneNotFound",
        message: format!("zone {zone:?} is not there; {there}"),
    })
}

fn bootstrap_missing(machine: &VirtualMachine) -> Unmet {
    let cloud_init = machine.spec.bootstrap.cloud_init.as_ref();
    let secret = cloud_init.and_then(|cloud_init| cloud_init.raw_cloud_config.as_ref());
    let (name, key) = secret.map_or(("", ""), |secret| (&secret.name, &secret.key));
    Unmet {
        condition: condition::BOOTSTRAP_READY,
        reason: "BootstrapDataNotFound",
        message: format!("Secret {name:?} has no bootstrap data: accepted is one with key {key:?} or \"value\""),
    }
}

fn cpus(hardware: &VirtualMachineClassHardware) -> Option<u32> {
    hardware
        .cpus
        .and_then(|cpus| u32::try_from(cpus).ok())
        .filter(|cpus| *cpus > 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use guestcluster_types::upstream::vmoperator::VirtualMachineClass;
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    use serde_json::json;
    use vm_driver::UserData;

    use super::*;

    fn machine() -> VirtualMachine {
        let spec = VirtualMachineSpec {
            class_name: Some("small".to_owned()),
            image_name: Some("photon".to_owned()),
            storage_class: Some("gold".to_owned()),
            ..VirtualMachineSpec::default()
        };
        let mut machine = VirtualMachine::new("dev-cp-1", spec);
        machine.metadata.namespace = Some("team-a".to_owned());
        machine
    }

    fn class() -> Arc<VirtualMachineClass> {
        let mut class = VirtualMachineClass::new("small", Default::default());
        class.spec.hardware.cpus = Some(2);
        class.spec.hardware.memory = Some(Quantity("4Gi".to_owned()));
        Arc::new(class)
    }

    fn creation() -> Creation {
        Creation {
            image: true,
            storage_class: true,
            policy: true,
            user_data: Some(UserData(b"#cloud-config".to_vec())),
            zones: None,
        }
    }

    #[test]
    fn a_missing_class_names_those_that_there_are() {
        let classes = vec!["best-effort-small".to_owned(), "guaranteed-small".to_owned()];
        let unmet = validate(
            &machine(),
            Found {
                class: None,
                classes,
                creation: Some(creation()),
            },
        )
        .unwrap_err();
        assert_eq!(unmet.reason, "VirtualMachineClassNotFound");
        assert_eq!(
            unmet.message,
            "class \"small\" is not in namespace team-a; there are best-effort-small, guaranteed-small"
        );
    }

    #[test]
    fn a_running_vm_outlives_its_class() {
        let spec = validate(
            &machine(),
            Found {
                class: None,
                classes: Vec::new(),
                creation: None,
            },
        )
        .unwrap();
        assert_eq!(spec.user_data, None);
    }

    #[test]
    fn the_class_gives_cpus_and_bytes() {
        let found = Found {
            class: Some(class()),
            classes: Vec::new(),
            creation: Some(creation()),
        };
        let spec = validate(&machine(), found).unwrap();
        assert_eq!((spec.cpus, spec.memory_bytes), (2, 4 << 30));
    }

    #[test]
    fn a_vm_is_made_in_a_zone_that_there_is() {
        let made = |asked: Option<&str>, zones: Option<&[&str]>| {
            let mut machine = machine();
            let asked = asked.map(|zone| (ZONE_LABEL.to_owned(), zone.to_owned()));
            machine.labels_mut().extend(asked);
            let zones = zones.map(|zones| zones.iter().map(|&zone| zone.to_owned()).collect());
            let found = Found {
                class: Some(class()),
                classes: Vec::new(),
                creation: Some(Creation { zones, ..creation() }),
            };
            validate(&machine, found).map(|spec| spec.zone)
        };
        let a = Ok(Some("a".to_owned()));
        assert_eq!(made(Some("a"), Some(&["b", "a"])).map_err(|unmet| unmet.message), a);
        assert_eq!(made(Some("a"), None).map_err(|unmet| unmet.message), a);
        assert_eq!(made(None, None).map_err(|unmet| unmet.message), Ok(None));
        let unmet = made(Some("c"), Some(&["b", "a"])).unwrap_err();
        assert_eq!(
            (unmet.condition, unmet.reason),
            (condition::PLACEMENT_READY, "ZoneNotFound")
        );
        assert_eq!(unmet.message, "zone \"c\" is not there; there are a, b");
        assert!(
            made(Some("c"), Some(&[]))
                .unwrap_err()
                .message
                .ends_with("; there are none")
        );
    }

    #[test]
    fn each_missing_prerequisite_has_its_condition() {
        let with = |creation| {
            validate(
                &machine(),
                Found {
                    class: Some(class()),
                    classes: Vec::new(),
                    creation: Some(creation),
                },
            )
        };
        let conditions = [
            with(Creation {
                image: false,
                ..creation()
            }),
            with(Creation {
                storage_class: false,
                ..creation()
            }),
            with(Creation {
                user_data: None,
                ..creation()
            }),
        ]
        .map(|result| result.unwrap_err().condition);
        assert_eq!(
            conditions,
            [
                condition::IMAGE_READY,
                condition::STORAGE_READY,
                condition::BOOTSTRAP_READY
            ]
        );
    }

    #[test]
    fn a_class_has_processors_and_memory() {
        let of = |cpus, memory: &str| {
            let mut class = (*class()).clone();
            class.spec.hardware.cpus = cpus;
            class.spec.hardware.memory = Some(Quantity(memory.to_owned()));
            let found = Found {
                class: Some(Arc::new(class)),
                classes: Vec::new(),
                creation: Some(creation()),
            };
            validate(&machine(), found).map(|spec| (spec.cpus, spec.memory_bytes))
        };
        assert_eq!(of(Some(2), "1.5Gi"), Ok((2, 3 << 29)));
        for (cpus, memory, told) in [
            (None, "4Gi", "spec.hardware.cpus of class \"small\" is 0: accepted is"),
            (Some(-1), "4Gi", "is -1"),
            (Some(i64::MAX), "4Gi", "is 9223372036854775807"),
            (
                Some(1),
                "0",
                "spec.hardware.memory of class \"small\" is \"0\": accepted is",
            ),
            (Some(1), "-4Gi", "is \"-4Gi\""),
        ] {
            let unmet = of(cpus, memory).unwrap_err();
            assert_eq!(
                (unmet.condition, unmet.reason),
                (condition::CLASS_READY, "InvalidClass")
            );
            assert!(unmet.message.contains(told), "{}", unmet.message);
        }
    }

    #[test]
    fn what_the_layer_does_not_do_is_named() {
        let of = |spec: serde_json::Value| {
            let mut machine = machine();
            machine.spec = serde_json::from_value(spec).unwrap();
            let missing = Creation {
                policy: machine.spec.reserved.resource_policy_name.is_none(),
                ..creation()
            };
            let found = Found {
                class: Some(class()),
                classes: Vec::new(),
                creation: Some(missing),
            };
            validate(&machine, found).unwrap_err()
        };
        let suspended = of(json!({"powerState": "Suspended"}));
        assert_eq!(suspended.condition, condition::POWER_STATE_SYNCED);
        assert!(suspended.message.contains("accepted are PoweredOn and PoweredOff"));
        let policy = of(json!({"reserved": {"resourcePolicyName": "nowhere"}}));
        assert_eq!(policy.condition, condition::SET_RESOURCE_POLICY_READY);
        assert!(
            policy
                .message
                .contains("VirtualMachineSetResourcePolicy \"nowhere\" is not in namespace team-a")
        );
        let windows = of(json!({"bootstrap": {"sysprep": {}}}));
        assert_eq!(windows.condition, condition::BOOTSTRAP_READY);
        assert!(windows.message.contains("spec.bootstrap.sysprep"));
    }
}
