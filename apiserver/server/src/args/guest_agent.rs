//! `guestcluster-apiserver guest-agent`.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context as _;
use guestcluster_credentials::trust_object;
use guestcluster_types::version::KubernetesVersion;

use super::Logging;
use crate::guest_agent;

/// Where kubeadm lets kube-apiserver listen.
const API_PORT: u16 = 6443;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// How to reach the guest's API, and as whom; without it, the pod's service account
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Name of this control-plane node
    #[arg(long, value_name = "NAME", env = "NODE_NAME")]
    node: String,
    /// Where this node's own kube-apiserver listens; its metrics say which file it judges by. The port is 6443 if none is given
    #[arg(long, value_name = "ADDRESS[:PORT]", env = "NODE_ADDRESS", value_parser = address)]
    address: SocketAddr,
    /// Folder with trust-key.pem, in which kube-apiserver reads authentication.yaml
    #[arg(long, value_name = "DIR", default_value = trust_object::FOLDER)]
    folder: PathBuf,
    /// Loopback address on which kube-apiserver finds the guest's keys
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::from(([127, 0, 0, 1], trust_object::AGENT_PORT)), value_parser = loopback)]
    listen: SocketAddr,
    /// Kubernetes version of this node's kube-apiserver, as v1.37.2; without it, kube-apiserver is asked
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
    #[command(flatten)]
    pub(super) logging: Logging,
}

impl Arguments {
    pub(super) fn into_config(self) -> anyhow::Result<guest_agent::Config> {
        let minor = self.kubernetes_version.as_deref().map(minor).transpose()?;
        Ok(guest_agent::Config {
            kubeconfig: self.kubeconfig,
            node: self.node,
            address: self.address,
            folder: self.folder,
            listen: self.listen,
            minor,
        })
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let address: IpAddr = text
        .parse()
        .map_err(|_| "an IP address is needed, as 10.0.0.7 or 10.0.0.7:6443".to_owned())?;
    Ok(SocketAddr::new(address, API_PORT))
}

/// An address that nobody reaches from outside, with a port that stays the same.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let wrong = || "a loopback address and a port are needed, as 127.0.0.1:10270".to_owned();
    let address: SocketAddr = text.parse().map_err(|_| wrong())?;
    if address.ip().is_loopback() && address.port() != 0 {
        Ok(address)
    } else {
        Err(wrong())
    }
}

/// The minor of a version of Kubernetes 1.
fn minor(text: &str) -> anyhow::Result<u32> {
    let wrong = || format!("--kubernetes-version: {text:?} is no version of Kubernetes 1, such as v1.37.2");
    let version: KubernetesVersion = text.parse().ok().with_context(wrong)?;
    anyhow::ensure!(version.major() == 1, wrong());
    u32::try_from(version.minor()).ok().with_context(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_they_are_for() {
        assert_eq!(address("10.0.0.7").unwrap().to_string(), "10.0.0.7:6443");
        assert_eq!(address("127.0.0.1:8443").unwrap().to_string(), "127.0.0.1:8443");
        assert_eq!(address("fd00::7").unwrap().to_string(), "[fd00::7]:6443");
        assert!(address("node-7").is_err());
        assert!(loopback("127.64.0.3:10270").is_ok());
        for wrong in [
            "127.0.0.1:0",
            "127.0.0.1",
            "10.0.0.7:10270",
            "0.0.0.0:10270",
            "localhost:1",
        ] {
            assert!(loopback(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_version_says_its_minor() {
        assert_eq!(minor("v1.37.2").unwrap(), 37);
        assert_eq!(minor("v1.33.4+vendor.1").unwrap(), 33);
        for wrong in ["v2.0.0", "latest", ""] {
            let error = minor(wrong).unwrap_err().to_string();
            assert!(
                error.contains("--kubernetes-version") && error.contains("v1.37.2"),
                "{error}"
            );
        }
    }
}
