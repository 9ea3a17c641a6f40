//! Bootstrap data from all that was read for it: pure.

use super::cloud_init::{self, Command};
use super::kubeadm;
use crate::machine::error::Error;
use guestcluster_types::upstream::capi::Cluster;
use guestcluster_types::upstream::kubeadm::{BootstrapTokenDiscovery, File, KubeadmConfigSpec};

/// What the bootstrap data of a machine is made from.
pub(super) struct Data<'d> {
    pub(super) cluster: &'d Cluster,
    /// The machine's Kubernetes version.
    pub(super) version: &'d str,
    /// With what it takes from Secrets in its place.
    pub(super) spec: KubeadmConfigSpec,
    /// None on a worker.
    pub(super) certificates: Vec<File>,
}

impl Data<'_> {
    /// For the machine that begins the cluster.
    pub(super) fn first(self) -> Result<String, Error> {
        let cluster = self.spec.cluster_configuration.clone().unwrap_or_default();
        let init = self.spec.init_configuration.clone().unwrap_or_default();
        let configuration = kubeadm::init(self.cluster, self.version, &cluster, &init)?;
        cloud_init::render(&self.spec, Command::Init, configuration, self.certificates)
    }

    /// For a machine that joins it, by this unless the spec says otherwise.
    pub(super) fn join(self, discovery: BootstrapTokenDiscovery, control_plane: bool) -> Result<String, Error> {
        let mut join = self.spec.join_configuration.clone().unwrap_or_default();
        if join.discovery.unknown.contains_key("file") {
            return Err(Error::Invalid(
                "spec.joinConfiguration.discovery.file is not supported: machines join by a bootstrap token, which is made for each; leave it out"
                    .to_owned(),
            ));
        }
        let asked = std::mem::take(&mut join.discovery.bootstrap_token);
        join.discovery.bootstrap_token = asked_first(asked, discovery);
        // kubeadm takes the presence of the field for the role.
        if control_plane {
            join.control_plane.get_or_insert_default();
        } else {
            join.control_plane = None;
        }
        let configuration = kubeadm::join(self.version, &join)?;
        cloud_init::render(&self.spec, Command::Join, configuration, self.certificates)
    }
}

/// Whether machines are to join by a token that the spec holds.
pub(super) fn has_token(spec: &KubeadmConfigSpec) -> bool {
    let join = spec.join_configuration.as_ref();
    join.is_some_and(|join| join.discovery.bootstrap_token.token.is_some())
}

fn asked_first(asked: BootstrapTokenDiscovery, made: BootstrapTokenDiscovery) -> BootstrapTokenDiscovery {
    BootstrapTokenDiscovery {
        token: asked.token.or(made.token),
        api_server_endpoint: asked.api_server_endpoint.or(made.api_server_endpoint),
        ca_cert_hashes: match asked.ca_cert_hashes {
            none if none.is_empty() => made.ca_cert_hashes,
            some => some,
        },
        unsafe_skip_ca_verification: asked.unsafe_skip_ca_verification,
    }
}
