//! A second one of our servers beside the first, by the same kubeconfig, with a data folder of its own.

use std::{fs, net::SocketAddr, path::PathBuf};

use super::{Deployment, SECOND, Supervisor, aggregated};
use crate::{Daemon, Host, Kubectl};

impl Supervisor {
    /// One that kube-apiserver does not know; waits until it serves.
    #[track_caller]
    pub fn second_server(&self) -> Daemon {
        self.second_server_at(Host::reachable_address())
    }

    /// The same at this address, also again after it has ended.
    #[track_caller]
    pub fn second_server_at(&self, address: SocketAddr) -> Daemon {
        let Deployment::Aggregated(aggregated) = &self.deployment else {
            panic!("the embedded mode is the supervisor itself");
        };
        aggregated.second_server(&self.root, address)
    }

    /// One that kube-apiserver sends requests to as well. Both need objects in an etcd.
    #[track_caller]
    pub fn second_replica(&self) -> Daemon {
        let address = Host::reachable_address();
        let server = self.second_server_at(address);
        self.route_to(address);
        server
    }

    /// Lets kube-apiserver also send requests to a server at this address.
    #[track_caller]
    pub fn route_to(&self, address: SocketAddr) {
        let Deployment::Aggregated(aggregated) = &self.deployment else {
            panic!("nobody stands before the embedded mode");
        };
        aggregated.route_to(address);
    }

    /// A kubeconfig for its own port, past the host's kube-apiserver, with somebody's credential or none.
    #[track_caller]
    pub fn second_kubeconfig(&self, credential: Option<&Kubectl>) -> PathBuf {
        let server = fs::read_to_string(self.root.join(SECOND).join("server")).expect("written before it serves");
        self.kept_private(&aggregated::direct_kubeconfig(self.host(), &server, credential))
    }
}
