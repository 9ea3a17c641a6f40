//! `kubectl guest describe`: a cluster as a tree, down to its VMs, and what blocks.

mod blocking;
mod tree;

use guestcluster_types::{
    GuestCluster, labels,
    upstream::{capi::Machine, vmoperator::VirtualMachine},
};
use kube::{Api, api::ListParams};

use self::tree::render;
use crate::{connection::Connection, error::Result};

/// Show a cluster with its machines, and what blocks
#[derive(clap::Args)]
pub(super) struct Args {
    /// Name of the cluster
    name: String,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        let cluster = connection.namespaced::<GuestCluster>().get(&self.name).await?;
        let of_cluster = ListParams::default().labels(&format!("{}={}", labels::CLUSTER_NAME, self.name));
        let machines = list(connection.namespaced::<Machine>(), &of_cluster, "machines").await?;
        let vms = list(
            connection.namespaced::<VirtualMachine>(),
            &of_cluster,
            "virtualmachines",
        )
        .await?;
        print!("{}", render(&cluster, &machines, &vms, jiff::Timestamp::now()));
        Ok(())
    }
}

/// Objects of a kind; what the user may not read is left out, and said.
async fn list<K>(api: Api<K>, params: &ListParams, what: &str) -> Result<Vec<K>>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    match api.list(params).await {
        Ok(list) => Ok(list.items),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => {
            eprintln!("note: {what} are not shown: {}", status.message);
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}
