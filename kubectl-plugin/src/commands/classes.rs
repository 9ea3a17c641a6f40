//! `kubectl guest classes`: what a namespace has for clusters.

use guestcluster_types::upstream::vmoperator::{ResourceAmounts, VirtualMachineClass};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::{ResourceExt as _, api::ListParams};

use crate::{connection::Connection, error::Result, output};

/// Annotation of the storage class that is taken when none is given.
pub(super) const DEFAULT_STORAGE_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// List the VM classes and storage classes of the namespace
#[derive(clap::Args)]
pub(super) struct Args {}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        let vm_classes = vm_classes(connection).await?;
        let storage_classes = connection
            .cluster::<StorageClass>()
            .list(&ListParams::default())
            .await?
            .items;
        let vm_rows: Vec<_> = vm_classes.iter().map(vm_row).collect();
        let storage_rows: Vec<_> = storage_classes.iter().map(storage_row).collect();
        print!(
            "{}",
            output::table(&["VM class", "CPUs", "Memory", "Reserved"], &vm_rows)
        );
        println!();
        print!("{}", output::table(&["Storage class", "Default"], &storage_rows));
        Ok(())
    }
}

/// The VM classes of the namespace, smallest first.
pub(super) async fn vm_classes(connection: &Connection) -> Result<Vec<VirtualMachineClass>> {
    let mut classes = connection
        .namespaced::<VirtualMachineClass>()
        .list(&ListParams::default())
        .await?
        .items;
    classes.sort_by_key(|class| {
        (
            reserves(class),
            cpus(class),
            memory(class).len(),
            memory(class),
            class.name_any(),
        )
    });
    Ok(classes)
}

/// Whether a storage class is the default one.
pub(super) fn is_default(class: &StorageClass) -> bool {
    class
        .annotations()
        .get(DEFAULT_STORAGE_CLASS)
        .is_some_and(|value| value == "true")
}

fn vm_row(class: &VirtualMachineClass) -> Vec<String> {
    let reserved = if reserves(class) { "yes" } else { "no" };
    vec![
        class.name_any(),
        cpus(class).to_string(),
        memory(class),
        reserved.to_owned(),
    ]
}

fn storage_row(class: &StorageClass) -> Vec<String> {
    vec![
        class.name_any(),
        if is_default(class) { "yes" } else { "no" }.to_owned(),
    ]
}

fn reserves(class: &VirtualMachineClass) -> bool {
    class.spec.policies.resources.requests != ResourceAmounts::default()
}

fn cpus(class: &VirtualMachineClass) -> i64 {
    class.spec.hardware.cpus.unwrap_or_default()
}

fn memory(class: &VirtualMachineClass) -> String {
    class
        .spec
        .hardware
        .memory
        .as_ref()
        .map(|memory| memory.0.clone())
        .unwrap_or_default()
}
