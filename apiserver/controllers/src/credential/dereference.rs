//! What is known of a guest: whether it answers, the records about it, and what its nodes judge by.

use std::sync::Arc;

use guestcluster_types::{GuestCluster, GuestCredential, GuestRevocation, conditions::CONTROL_PLANE_INITIALIZED};
use k8s_openapi::api::core::v1::Node;
use kube::{Api, Client, ResourceExt, api::ListParams};

use super::{Context, Error};

/// Nodes that one guest's control plane has at most.
const MOST_NODES: u32 = 50;

/// The records about one guest.
#[derive(Default)]
pub(super) struct Records {
    /// Credentials that are to be refused.
    pub(super) revoked: Vec<Arc<GuestCredential>>,
    pub(super) revocations: Vec<Arc<GuestRevocation>>,
}

impl Records {
    /// Whether no record waits for being in force.
    pub(super) fn nobody_waits(&self) -> bool {
        self.revoked.is_empty() && self.revocations.iter().all(|revocation| is_in_force(revocation))
    }
}

/// The guest UID of a guest whose API has answered.
pub(super) fn answering(guest: &GuestCluster) -> Option<String> {
    let status = guest.status.as_ref()?;
    let mut conditions = status.conditions.iter();
    let initialized = conditions.any(|it| it.type_ == CONTROL_PLANE_INITIALIZED && it.status == "True");
    status.guest_uid.clone().filter(|_| initialized)
}

pub(super) fn records(context: &Context, guest: &GuestCluster, guest_uid: &str) -> Records {
    let namespace = guest.namespace();
    let credentials = context.credentials.state().into_iter();
    let revocations = context.revocations.state().into_iter();
    Records {
        revoked: credentials
            .filter(|it| it.namespace() == namespace && it.spec.cluster_ref.uid == guest_uid)
            .filter(|it| it.metadata.deletion_timestamp.is_some())
            .collect(),
        revocations: revocations
            .filter(|it| it.namespace() == namespace && it.spec.cluster_ref.uid.as_deref() == Some(guest_uid))
            .collect(),
    }
}

/// The control-plane nodes of a guest, by name.
pub(super) async fn nodes(inside: &Client) -> Result<Vec<String>, Error> {
    let control_plane = ListParams::default()
        .labels("node-role.kubernetes.io/control-plane")
        .limit(MOST_NODES);
    let nodes = Api::<Node>::all(inside.clone()).list_metadata(&control_plane).await?;
    Ok(nodes.items.iter().map(ResourceExt::name_any).collect())
}

/// Whether a revocation is known to be in force everywhere.
pub(super) fn is_in_force(revocation: &GuestRevocation) -> bool {
    let conditions = revocation.status.iter().flat_map(|status| &status.conditions);
    conditions
        .into_iter()
        .any(|it| it.type_ == "InForce" && it.status == "True")
}
