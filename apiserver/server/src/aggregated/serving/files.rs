//! A certificate and its key in files that somebody else replaces.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use guestcluster_credentials::x509::CertifiedKey;
use tokio::time::sleep;

use super::Shown;

/// How often the files are looked at. A kubelet replaces those of a mounted Secret within about a minute.
const LOOK: Duration = Duration::from_secs(10);

/// The files, and what they held when they were last read.
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    held: CertifiedKey,
}

impl Files {
    /// Reads both for the first time.
    pub(super) fn read(certificate: &Path, key: &Path) -> anyhow::Result<(Self, CertifiedKey)> {
        let held = read(certificate, key)?;
        let files = Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            held: held.clone(),
        };
        Ok((files, held))
    }

    /// Shows what they hold whenever it has changed, for ever. What can't be used is told once, and what was shown before stays:
    /// one of the two files may be replaced a moment before the other.
    pub(super) async fn follow(mut self, shown: &Shown) {
        let mut told = None;
        loop {
            sleep(LOOK).await;
            match self.look(shown) {
                Ok(false) => {}
                Ok(true) => {
                    tracing::info!(file = %self.certificate.display(), "new connections are shown the new certificate");
                    told = None;
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    if told.as_ref() != Some(&error) {
                        tracing::error!(error, "the certificate on the disk can't be used; the last one stays");
                        told = Some(error);
                    }
                }
            }
        }
    }

    /// Whether there was something new to show.
    fn look(&mut self, shown: &Shown) -> anyhow::Result<bool> {
        let found = read(&self.certificate, &self.key)?;
        if found.certificate == self.held.certificate && found.key == self.held.key {
            return Ok(false);
        }
        shown.show(found.clone())?;
        self.held = found;
        Ok(true)
    }
}

fn read(certificate: &Path, key: &Path) -> anyhow::Result<CertifiedKey> {
    let text = |option: &str, path: &Path| {
        fs::read_to_string(path).with_context(|| format!("{option}: cannot read {}", path.display()))
    };
    Ok(CertifiedKey {
        certificate: text("--tls-cert-file", certificate)?,
        key: text("--tls-private-key-file", key)?,
    })
}
