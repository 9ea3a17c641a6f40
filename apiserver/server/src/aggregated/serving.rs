//! The serving certificate that the server makes for itself, and the authority that kube-apiserver knows it by.

use std::{net::IpAddr, time::Duration};

use anyhow::Context as _;
use guestcluster_credentials::x509::{CertificateAuthority, CertifiedKey};

use crate::{
    data_dir::DataDir,
    roles::{SERVER, SYSTEM_NAMESPACE},
};

const CA_CERTIFICATE: &str = "serving-ca.crt";
const CA_KEY: &str = "serving-ca.key";
/// A start makes a new certificate, so this bounds how long one process can serve.
const VALIDITY: Duration = Duration::from_hours(8760);

/// The authority, read from the folder or made on the first start.
pub(super) fn authority(dir: &DataDir) -> anyhow::Result<CertificateAuthority> {
    if let (Some(certificate), Some(key)) = (dir.read(CA_CERTIFICATE)?, dir.read(CA_KEY)?) {
        return CertificateAuthority::from_pem(&certificate, &key).with_context(|| {
            format!(
                "{} and {CA_KEY} are no certificate authority; without both files a new one is made",
                dir.file(CA_CERTIFICATE).display()
            )
        });
    }
    let (authority, pair) = CertificateAuthority::generate("guestcluster-apiserver-serving")?;
    // The certificate is written last: a start that was cut off between the two begins anew.
    dir.write(CA_KEY, &pair.key)?;
    dir.write(CA_CERTIFICATE, &pair.certificate)?;
    Ok(authority)
}

/// A certificate for the name that kube-apiserver asks for, whatever address it dials, and for those who connect directly.
pub(super) fn certificate(authority: &CertificateAuthority, address: IpAddr) -> anyhow::Result<CertifiedKey> {
    let service = format!("{SERVER}.{SYSTEM_NAMESPACE}.svc");
    let names = ["localhost", &service, &format!("{service}.cluster.local")];
    let addresses = [address, IpAddr::from([127, 0, 0, 1])];
    Ok(authority.issue_server(SERVER, &names, &addresses, VALIDITY)?)
}
