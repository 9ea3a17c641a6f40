//! Certificate authorities that are made once and kept in the data folder.

use anyhow::Context as _;
use guestcluster_credentials::x509::CertificateAuthority;

use crate::data_dir::DataDir;

/// Where an authority is kept, and its name.
pub(crate) struct Kept {
    /// File of the certificate.
    pub(crate) certificate: &'static str,
    /// File of the key.
    pub(crate) key: &'static str,
    /// Common name of a new one.
    pub(crate) common_name: &'static str,
}

/// The authority of an embedded supervisor, or of the issuer that runs alone.
pub(crate) const SUPERVISOR: Kept = Kept {
    certificate: "ca.crt",
    key: "ca.key",
    common_name: "guestclusters-supervisor",
};

impl Kept {
    /// The authority, read from the folder or made on the first start.
    pub(crate) fn open(&self, dir: &DataDir) -> anyhow::Result<CertificateAuthority> {
        if let Some(authority) = self.read(dir)? {
            return Ok(authority);
        }
        let (authority, pair) = CertificateAuthority::generate(self.common_name)?;
        // The certificate is written last: a start that was cut off between the two begins anew.
        dir.write(self.key, &pair.key)?;
        dir.write(self.certificate, &pair.certificate)?;
        Ok(authority)
    }

    /// The authority that the folder holds.
    pub(crate) fn read(&self, dir: &DataDir) -> anyhow::Result<Option<CertificateAuthority>> {
        let (Some(certificate), Some(key)) = (dir.read(self.certificate)?, dir.read(self.key)?) else {
            return Ok(None);
        };
        let authority = CertificateAuthority::from_pem(&certificate, &key).with_context(|| {
            format!(
                "{} and {} are no certificate authority; without both files a new one is made",
                dir.file(self.certificate).display(),
                self.key
            )
        })?;
        Ok(Some(authority))
    }
}
