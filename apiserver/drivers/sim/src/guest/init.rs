//! What `kubeadm init` writes into a new cluster: its configuration, and how others find and join it.

use guest_system::{
    cloud_init::Authority,
    init::{Seed, seeds},
};
use guestcluster_credentials::x509::CertificateAuthority;
use serde_json::Value;

use super::{GuestError, GuestServer};

impl GuestServer {
    /// Writes what `kubeadm init` would; what exists is left as it is.
    pub(crate) async fn initialize(
        &self,
        cluster_configuration: &Value,
        authority: &Authority,
        endpoint: &str,
    ) -> Result<(), GuestError> {
        // Refuses an authority that can't sign before anyone trusts it.
        CertificateAuthority::from_pem(&authority.certificate, &authority.key)?;
        for seed in seeds(cluster_configuration, authority, endpoint) {
            self.create(seed).await?;
        }
        Ok(())
    }

    async fn create(&self, seed: Seed) -> Result<(), GuestError> {
        let resource = self.resource(seed.group, seed.resource)?;
        match resource
            .create(&super::node::kubeadm(), seed.namespace, seed.object)
            .await
        {
            Err(status) if status.reason != "AlreadyExists" => Err(GuestError::Refused(status)),
            _ => Ok(()),
        }
    }
}
