//! The serving certificate that the server makes for itself, and the authority that kube-apiserver knows it by.

use std::{net::IpAddr, time::Duration};

use guestcluster_credentials::x509::{CertificateAuthority, CertifiedKey};

use crate::{
    authority::Kept,
    data_dir::DataDir,
    roles::{SERVER, SYSTEM_NAMESPACE},
};

const SERVING: Kept = Kept {
    certificate: "serving-ca.crt",
    key: "serving-ca.key",
    common_name: "guestcluster-apiserver-serving",
};
/// A start makes a new certificate, so this bounds how long one process can serve.
const VALIDITY: Duration = Duration::from_hours(8760);

/// The authority, read from the folder or made on the first start.
pub(super) fn authority(dir: &DataDir) -> anyhow::Result<CertificateAuthority> {
    SERVING.open(dir)
}

/// A certificate for the name that kube-apiserver asks for, whatever address it dials, and for those who connect directly.
pub(super) fn certificate(authority: &CertificateAuthority, address: IpAddr) -> anyhow::Result<CertifiedKey> {
    let service = format!("{SERVER}.{SYSTEM_NAMESPACE}.svc");
    let names = ["localhost", &service, &format!("{service}.cluster.local")];
    let addresses = [address, IpAddr::from([127, 0, 0, 1])];
    Ok(authority.issue_server(SERVER, &names, &addresses, VALIDITY)?)
}
