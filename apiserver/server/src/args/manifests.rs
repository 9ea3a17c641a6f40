//! `guestcluster-apiserver manifests` and `catalogue`.

use std::{io::Write as _, net::SocketAddr};

use guestcluster_types::EtcdMode;
use serde_json::Value;

use super::vm_driver::VmDriver;
use crate::{
    catalogue::Catalogue,
    layers::Layers,
    manifests::{self, Endpoint},
};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Which layers the server will run: all, none, or some of guest,machine,vm. Each needs rights of its own
    #[arg(long, value_name = "LAYERS", default_value = "guest")]
    layers: Layers,
    /// Where a server outside the cluster listens: an address that kube-apiserver reaches, no loopback one. Without it, the
    /// Service selects pods by app.kubernetes.io/name: guestcluster-apiserver
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = endpoint)]
    endpoint: Option<SocketAddr>,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let endpoint = self.endpoint.map_or(Endpoint::Pods, Endpoint::Outside);
        print_yaml(manifests::objects(self.layers, endpoint))
    }
}

/// `guestcluster-apiserver catalogue`.
#[derive(clap::Args)]
pub(super) struct CatalogueArguments {
    #[command(flatten)]
    driver: VmDriver,
    /// Who manages the etcd of guests: stacked leaves it to the machine layer, external to the VM layer. Upstream's control planes of
    /// simulated VMs need the latter
    #[arg(long, value_name = "MODE", default_value = "stacked")]
    etcd: Etcd,
}

/// The modes by name.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Etcd {
    Stacked,
    External,
}

impl CatalogueArguments {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let catalogue = Catalogue {
            releases: self.driver.releases()?,
            etcd: match self.etcd {
                Etcd::Stacked => EtcdMode::Stacked,
                Etcd::External => EtcdMode::External,
            },
            follows_programs: false,
            sim_config: "",
        };
        print_yaml(catalogue.seeds().into_iter().map(|seed| seed.object))
    }
}

fn endpoint(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| format!("{text:?} is no address and port, such as 192.0.2.10:8443"))?;
    let ip = address.ip();
    if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() {
        return Err(format!(
            "{ip} can't be the address of an EndpointSlice; name one of this machine's that kube-apiserver reaches"
        ));
    }
    if address.port() == 0 {
        return Err("name the port that the server listens on".to_owned());
    }
    Ok(address)
}

/// A YAML stream on standard output, as `kubectl apply -f -` takes it.
fn print_yaml(objects: impl IntoIterator<Item = Value>) -> anyhow::Result<()> {
    let mut stream = String::new();
    for object in objects {
        stream.push_str("---\n");
        stream.push_str(&serde_saphyr::to_string(&object)?);
        if !stream.ends_with('\n') {
            stream.push('\n');
        }
    }
    std::io::stdout().write_all(stream.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_one_that_an_endpoint_slice_may_hold() {
        assert!(endpoint("192.0.2.10:8443").is_ok());
        assert!(endpoint("[2001:db8::1]:8443").is_ok());
        for (text, expected) in [
            ("127.0.0.1:8443", "can't be the address"),
            ("0.0.0.0:8443", "can't be the address"),
            ("192.0.2.10:0", "name the port"),
            ("example.com:8443", "is no address and port"),
        ] {
            let error = endpoint(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
