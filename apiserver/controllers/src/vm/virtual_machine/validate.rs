//! Whether a VirtualMachine can be made, and as what. Pure.

use guestcluster_types::upstream::vmoperator::{VirtualMachine, condition};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt as _;
use vm_driver::VmSpec;

use super::dereference::Found;

/// Label by which a VM asks for a failure domain, as VM Operator's.
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

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
    let mut user_data = None;
    if let Some(creation) = found.creation {
        if !creation.image {
            return Err(Unmet {
                condition: condition::IMAGE_READY,
                reason: "VirtualMachineImageNotFound",
                message: format!("image {image:?} is neither in namespace {namespace} nor a cluster image"),
            });
        }
        if !creation.storage_class {
            return Err(Unmet {
                condition: condition::STORAGE_READY,
                reason: "StorageClassNotFound",
                message: format!("storage class {storage_class:?} does not exist"),
            });
        }
        user_data = Some(creation.user_data.ok_or_else(|| bootstrap_missing(machine))?);
    }
    let hardware = found.class.map(|class| class.spec.hardware.clone()).unwrap_or_default();
    Ok(VmSpec {
        uid: super::uid(machine),
        namespace,
        name: machine.name_any(),
        labels: machine.labels().clone(),
        class: class_name,
        cpus: hardware
            .cpus
            .and_then(|cpus| u32::try_from(cpus).ok())
            .unwrap_or_default(),
        memory_bytes: hardware.memory.as_ref().and_then(bytes).unwrap_or_default(),
        image,
        storage_class,
        zone: machine.labels().get(ZONE_LABEL).cloned(),
        powered_on: spec.power_state.as_deref() != Some("PoweredOff"),
        user_data,
    })
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

fn bootstrap_missing(machine: &VirtualMachine) -> Unmet {
    let cloud_init = machine.spec.bootstrap.cloud_init.as_ref();
    let secret = cloud_init.and_then(|cloud_init| cloud_init.raw_cloud_config.as_ref());
    Unmet {
        condition: condition::BOOTSTRAP_READY,
        reason: "BootstrapDataNotFound",
        message: format!(
            "Secret {:?} has no bootstrap data",
            secret.map_or("", |secret| secret.name.as_str())
        ),
    }
}

/// A quantity of memory in bytes: plain, or with a binary or decimal suffix.
fn bytes(quantity: &Quantity) -> Option<u64> {
    const SUFFIXES: [(&str, u64); 8] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
    ];
    let text = quantity.0.trim();
    let suffix = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|number| (number, *factor)));
    let (number, factor) = suffix.unwrap_or((text, 1));
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use guestcluster_types::upstream::vmoperator::{VirtualMachineClass, VirtualMachineSpec};
    use vm_driver::UserData;

    use super::{super::dereference::Creation, *};

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
            user_data: Some(UserData(b"#cloud-config".to_vec())),
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
}
