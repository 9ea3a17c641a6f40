//! Certificates and keys of a host, made at each start: nobody's credential for one host is any for another.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use guestcluster_credentials::x509::{CertificateAuthority, CertifiedKey, X509Error, generate_key_pair};

/// Longer than any host lives.
const VALIDITY: Duration = Duration::from_hours(24 * 30);
/// Address of the Service `kubernetes`, the first one of the range.
const SERVICE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
/// Common name of the certificate that kube-apiserver shows to aggregated servers; the only one that they take identities from.
pub(super) const PROXY_CLIENT: &str = "front-proxy-client";

/// The authorities for users and for front proxies, and the folder with all files.
#[derive(Debug)]
pub(super) struct Pki {
    folder: PathBuf,
    users: CertificateAuthority,
    front_proxies: CertificateAuthority,
}

impl Pki {
    /// Makes everything and writes it into the folder.
    pub(super) fn generate(folder: &Path) -> Result<Self, X509Error> {
        fs::create_dir_all(folder).expect("the folder is ours");
        let (users, _) = CertificateAuthority::generate("kubernetes")?;
        let (front_proxies, _) = CertificateAuthority::generate("front-proxy-ca")?;
        let proxy_client = front_proxies.issue_client(PROXY_CLIENT, None, VALIDITY)?;
        let names = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
        ];
        let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), SERVICE];
        let serving = users.issue_server("kube-apiserver", &names, &addresses, VALIDITY)?;
        let (signing_key, verifying_key) = generate_key_pair()?;
        let pki = Self {
            folder: folder.to_owned(),
            users,
            front_proxies,
        };
        pki.write("ca.crt", pki.users.certificate());
        pki.write("front-proxy-ca.crt", pki.front_proxies.certificate());
        pki.write_pair(PROXY_CLIENT, &proxy_client);
        pki.write_pair("apiserver", &serving);
        pki.write("sa.key", &signing_key);
        pki.write("sa.pub", &verifying_key);
        Ok(pki)
    }

    /// Path of one of the files.
    pub(super) fn file(&self, name: &str) -> String {
        let path = self.folder.join(name);
        path.to_str().expect("temporary folders have readable names").to_owned()
    }

    /// The authority of users and of the serving certificate, PEM.
    pub(super) fn authority(&self) -> &str {
        self.users.certificate()
    }

    /// A certificate for a user.
    pub(super) fn user(&self, name: &str, group: Option<&str>) -> Result<CertifiedKey, X509Error> {
        self.users.issue_client(name, group, VALIDITY)
    }

    /// Makes the next authority of front proxies, which is trusted beside the last one, and returns it.
    pub(super) fn announce_front_proxies(&self) -> Result<CertificateAuthority, X509Error> {
        let (next, _) = CertificateAuthority::generate("front-proxy-ca")?;
        let both = [self.front_proxies.certificate(), next.certificate()].concat();
        self.write("front-proxy-ca.crt", &both);
        Ok(next)
    }

    /// Lets kube-apiserver show a certificate of this authority to aggregated servers.
    pub(super) fn switch_front_proxies(&mut self, next: CertificateAuthority) -> Result<(), X509Error> {
        self.front_proxies = next;
        self.write_pair(PROXY_CLIENT, &self.front_proxy(PROXY_CLIENT)?);
        Ok(())
    }

    /// Trusts no authority of front proxies but the present one.
    pub(super) fn retire_front_proxies(&self) -> &str {
        self.write("front-proxy-ca.crt", self.front_proxies.certificate());
        self.front_proxies.certificate()
    }

    /// A certificate for a front proxy of this name; only [`PROXY_CLIENT`] is believed.
    pub(super) fn front_proxy(&self, name: &str) -> Result<CertifiedKey, X509Error> {
        self.front_proxies.issue_client(name, None, VALIDITY)
    }

    fn write_pair(&self, name: &str, pair: &CertifiedKey) {
        self.write(&format!("{name}.crt"), &pair.certificate);
        self.write(&format!("{name}.key"), &pair.key);
    }

    fn write(&self, name: &str, content: &str) {
        super::write_private(&self.folder.join(name), content);
    }
}
