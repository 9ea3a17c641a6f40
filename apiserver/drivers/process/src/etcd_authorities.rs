//! Who keeps the authorities of etcds that Cluster API does not look after, though their members run on VMs of this driver.

use std::collections::BTreeMap;

use async_trait::async_trait;
use guestcluster_credentials::x509::CertifiedKey;
use vm_driver::ObjectKey;

/// Keeps the authorities of such etcds. Asked when a control-plane VM starts that has no certificates of it, or whose
/// certificates have lived for half their life.
#[async_trait]
pub trait EtcdAuthorities: Send + Sync + 'static {
    /// The authority of the etcd of the guest that this VM, with these labels, is a control plane of. An error is one sentence for
    /// people, without secrets; it is asked for again.
    async fn authority(&self, vm: &ObjectKey, labels: &BTreeMap<String, String>) -> Result<CertifiedKey, String>;
}
