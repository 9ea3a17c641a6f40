//! The certificate with which the guest's keys are served on loopback, by an authority of this node alone.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use generic_apiserver::serve::tls;
use guestcluster_credentials::x509::{self, CertificateAuthority, X509Error};
use jiff::{SignedDuration, Timestamp};
use rustls::ServerConfig;

use super::folder::Folder;

const AUTHORITY_NAME: &str = "guestclusters-agent-loopback";
const NAME: &str = "guestclusters-agent";
/// Life of the certificate. Its key is never written down.
const VALIDITY: Duration = Duration::from_hours(30 * 24);
/// How long before its end it is renewed, and the authority before its own: that changes kube-apiserver's file.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(10 * 24);
const AUTHORITY_RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The authority, and the certificate in use.
pub(super) struct Loopback {
    listen: SocketAddr,
    authority: CertificateAuthority,
    authority_ends: Timestamp,
    tls: Arc<ArcSwap<ServerConfig>>,
    ends: Timestamp,
}

impl Loopback {
    /// Takes the authority that the folder holds, or makes one.
    pub(super) fn open(folder: &Folder, listen: SocketAddr) -> anyhow::Result<Loopback> {
        let kept = folder.authority()?.and_then(|pair| {
            let authority = CertificateAuthority::from_pem(&pair.certificate, &pair.key);
            authority.and_then(with_end).ok()
        });
        let (authority, authority_ends) = match kept {
            Some((authority, end)) if !is_due(end, AUTHORITY_RENEWED_BEFORE) => (authority, end),
            _ => new_authority(folder)?,
        };
        let (config, ends) = issue(&authority, listen)?;
        Ok(Loopback {
            listen,
            authority,
            authority_ends,
            tls: Arc::new(ArcSwap::from_pointee(config)),
            ends,
        })
    }

    /// What connections are shown; renewed in place.
    pub(super) fn tls(&self) -> Arc<ArcSwap<ServerConfig>> {
        self.tls.clone()
    }

    /// PEM of whom kube-apiserver is to trust.
    pub(super) fn authority(&self) -> &str {
        self.authority.certificate()
    }

    /// URL of what is served under this path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.listen)
    }

    /// Renews what ends soon.
    pub(super) fn renew(&mut self, folder: &Folder) -> anyhow::Result<()> {
        if is_due(self.authority_ends, AUTHORITY_RENEWED_BEFORE) {
            (self.authority, self.authority_ends) = new_authority(folder)?;
            self.ends = Timestamp::MIN;
        }
        if is_due(self.ends, RENEWED_BEFORE) {
            let (config, ends) = issue(&self.authority, self.listen)?;
            self.tls.store(Arc::new(config));
            self.ends = ends;
        }
        Ok(())
    }
}

fn is_due(end: Timestamp, before: SignedDuration) -> bool {
    end.duration_since(Timestamp::now()) < before
}

fn new_authority(folder: &Folder) -> anyhow::Result<(CertificateAuthority, Timestamp)> {
    let (authority, pair) = CertificateAuthority::generate(AUTHORITY_NAME)?;
    folder.keep_authority(&pair)?;
    tracing::info!("this node has a new authority for what is served on loopback");
    Ok(with_end(authority)?)
}

fn with_end(authority: CertificateAuthority) -> Result<(CertificateAuthority, Timestamp), X509Error> {
    let end = x509::validity(authority.certificate())?.end;
    Ok((authority, end))
}

fn issue(authority: &CertificateAuthority, listen: SocketAddr) -> anyhow::Result<(ServerConfig, Timestamp)> {
    let pair = authority.issue_server(NAME, &[], &[listen.ip()], VALIDITY)?;
    let config = tls::server_config(pair.certificate.as_bytes(), pair.key.as_bytes(), None)
        .context("the certificate for loopback can't be used")?;
    Ok((config, x509::validity(&pair.certificate)?.end))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

    use guestcluster_credentials::SigningKey;

    use super::*;

    const AUTHORITY: &str = "loopback-authority.pem";

    fn folder(path: &Path) -> Folder {
        let key = SigningKey::generate().unwrap();
        fs::write(path.join("trust-key.pem"), key.public().to_pem()).unwrap();
        Folder::open(path).unwrap()
    }

    fn open(folder: &Folder) -> Loopback {
        Loopback::open(folder, "127.0.0.1:10270".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_restart_keeps_the_authority_and_what_kube_apiserver_reads_of_it() {
        let path = tempfile::tempdir().unwrap();
        let folder = folder(path.path());
        let first = open(&folder);
        assert_eq!(open(&folder).authority(), first.authority());
        let mode = fs::metadata(path.path().join(AUTHORITY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(first.url("/keys"), "https://127.0.0.1:10270/keys");
    }

    #[test]
    fn an_authority_that_can_not_be_used_is_replaced() {
        let path = tempfile::tempdir().unwrap();
        let folder = folder(path.path());
        let first = open(&folder).authority().to_owned();
        let whole = fs::read_to_string(path.path().join(AUTHORITY)).unwrap();
        let certificate_alone = &whole[..whole.find("-----BEGIN PRIVATE").unwrap()];
        for broken in ["", "\u{0}", certificate_alone, &whole[..whole.len() - 60]] {
            fs::write(path.path().join(AUTHORITY), broken).unwrap();
            let anew = open(&folder).authority().to_owned();
            assert_ne!(anew, first);
            assert_eq!(open(&folder).authority(), anew);
        }
    }

    #[test]
    fn what_ends_soon_is_renewed_in_place() {
        let path = tempfile::tempdir().unwrap();
        let folder = folder(path.path());
        let mut loopback = open(&folder);
        let (authority, shown) = (loopback.authority().to_owned(), loopback.tls());
        let certificate = shown.load_full();
        loopback.renew(&folder).unwrap();
        assert!(Arc::ptr_eq(&certificate, &shown.load_full()), "nothing is due");
        loopback.ends = Timestamp::now() + SignedDuration::from_hours(9 * 24);
        loopback.renew(&folder).unwrap();
        assert!(!Arc::ptr_eq(&certificate, &shown.load_full()));
        assert_eq!(loopback.authority(), authority, "kube-apiserver's file stays");
        loopback.authority_ends = Timestamp::now() + SignedDuration::from_hours(300 * 24);
        loopback.renew(&folder).unwrap();
        assert_ne!(loopback.authority(), authority);
        assert!(loopback.ends.duration_since(Timestamp::now()) > RENEWED_BEFORE);
    }
}
