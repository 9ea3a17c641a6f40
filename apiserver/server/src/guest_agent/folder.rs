//! The node's folder: what bootstrap data put there, what kube-apiserver reads, and what the agent must not forget.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use guestcluster_credentials::{PublicKey, x509::CertifiedKey};
use serde::{Deserialize, Serialize};

use crate::whole_file;

const TRUST_KEY: &str = "trust-key.pem";
const CONFIGURATION: &str = "authentication.yaml";
const LAST_GOOD: &str = "last-good.json";
const AUTHORITY: &str = "loopback-authority.pem";
/// What divides the authority's two parts.
const KEY_BEGINS: &str = "-----BEGIN PRIVATE KEY-----";
/// Bytes of one file; a trust object has a mebibyte at most.
const LONGEST: u64 = 4 << 20;
/// kube-apiserver may run as another user; nothing in the file is secret.
const READABLE: u32 = 0o644;
const PRIVATE: u32 = 0o600;

/// The folder.
pub(super) struct Folder {
    root: PathBuf,
    first_trust_key: PublicKey,
}

/// The trust object that was taken last. One file, so that key and object never part.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LastGood {
    /// The kid of the key that the node began with.
    pub(super) first_trust_key: String,
    /// PEM of the newest trust key that it has led to.
    pub(super) newest_trust_key: String,
    /// The object.
    pub(super) jws: String,
}

impl Folder {
    /// Opens a folder that bootstrap data have made.
    pub(super) fn open(root: &Path) -> anyhow::Result<Folder> {
        let path = root.join(TRUST_KEY);
        let pem = read(&path)?.with_context(|| {
            format!(
                "--folder: there is no {}; the bootstrap data of a control-plane node put it there",
                path.display()
            )
        })?;
        let first_trust_key =
            PublicKey::from_pem(&pem).with_context(|| format!("--folder: {} can't be used", path.display()))?;
        Ok(Folder {
            root: root.to_owned(),
            first_trust_key,
        })
    }

    /// The guest's trust key when the node was made.
    pub(super) fn first_trust_key(&self) -> &PublicKey {
        &self.first_trust_key
    }

    /// What was kept; none where nothing was, or it can't be read.
    pub(super) fn last_good(&self) -> anyhow::Result<Option<LastGood>> {
        let text = self.read(LAST_GOOD)?;
        let kept = text.as_deref().map(serde_json::from_str);
        Ok(kept.transpose().unwrap_or_else(|error| {
            tracing::warn!(%error, file = LAST_GOOD, "what the guest trusted last can't be read");
            None
        }))
    }

    pub(super) fn keep_last_good(&self, last_good: &LastGood) -> anyhow::Result<()> {
        self.write(LAST_GOOD, &serde_json::to_string(last_good)?, PRIVATE)
    }

    /// The authority of what is served on loopback.
    pub(super) fn authority(&self) -> anyhow::Result<Option<CertifiedKey>> {
        let text = self.read(AUTHORITY)?;
        Ok(text.and_then(|text| {
            let (certificate, key) = text.split_at(text.find(KEY_BEGINS)?);
            Some(CertifiedKey {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
            })
        }))
    }

    pub(super) fn keep_authority(&self, pair: &CertifiedKey) -> anyhow::Result<()> {
        self.write(AUTHORITY, &format!("{}{}", pair.certificate, pair.key), PRIVATE)
    }

    /// What kube-apiserver reads.
    pub(super) fn configuration(&self) -> anyhow::Result<Option<String>> {
        self.read(CONFIGURATION)
    }

    pub(super) fn put_configuration(&self, content: &str) -> anyhow::Result<()> {
        self.write(CONFIGURATION, content, READABLE)
    }

    fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        read(&self.root.join(name))
    }

    fn write(&self, name: &str, content: &str, mode: u32) -> anyhow::Result<()> {
        whole_file::write(&self.root, name, content, mode)
            .with_context(|| format!("cannot write {}", self.root.join(name).display()))
    }
}

/// A text file; none where there is none. One that is no text counts as an empty one: it is written anew.
fn read(path: &Path) -> anyhow::Result<Option<String>> {
    let read = || -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(path)?.take(LONGEST).read_to_end(&mut content)?;
        Ok(content)
    };
    match read() {
        Ok(content) => Ok(Some(String::from_utf8(content).unwrap_or_default())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
