//! `kubectl guest kubeconfig`: Cluster API's admin kubeconfig of a guest.

use guestcluster_types::{GuestCluster, names};
use k8s_openapi::api::core::v1::Secret;
use std::io::Write as _;

use crate::{
    connection::Connection,
    error::{Error, Result},
};

/// Print an admin kubeconfig of a cluster, for those who may read its Secret
///
/// The kubeconfig carries a client certificate of the group system:masters in the guest. Keep it secret:
/// it is valid for a year and can't be revoked.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  kubectl guest kubeconfig dev > dev.kubeconfig && kubectl --kubeconfig dev.kubeconfig get nodes"
)]
pub(super) struct Args {
    /// Name of the cluster
    name: String,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        let secrets = connection.namespaced::<Secret>();
        let name = names::kubeconfig_secret(&self.name);
        let secret = match secrets.get_opt(&name).await {
            Ok(secret) => secret,
            Err(kube::Error::Api(status)) if status.code == 403 => return Err(self.forbidden(connection, &name)),
            Err(error) => return Err(error.into()),
        };
        match secret
            .and_then(|secret| secret.data)
            .and_then(|mut data| data.remove("value"))
        {
            Some(kubeconfig) => Ok(std::io::stdout().write_all(&kubeconfig.0)?),
            None => Err(self.not_ready(connection).await?),
        }
    }

    fn forbidden(&self, connection: &Connection, secret: &str) -> Error {
        let message = format!("you may not read Secret {secret} in namespace {}", connection.namespace);
        Error::failed(message).next(format!(
            "It makes whoever reads it administrator of {}, so roles for users don't include it. Ask somebody who may read Secrets there.",
            self.name
        ))
    }

    async fn not_ready(&self, connection: &Connection) -> Result<Error> {
        let cluster = connection.namespaced::<GuestCluster>().get(&self.name).await?;
        let waits = cluster
            .status
            .and_then(|status| status.message)
            .unwrap_or_else(|| "it was just created".to_owned());
        Ok(
            Error::failed(format!("{} has no kubeconfig yet: {waits}", self.name)).next(format!(
                "Wait for it: kubectl wait --for=condition=Ready guestcluster/{}",
                self.name
            )),
        )
    }
}
