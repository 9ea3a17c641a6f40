//! The key that signs ID tokens: ECDSA P-256, made at the first start, kept in the data folder.

use anyhow::Context as _;
use guestcluster_credentials::SigningKey;

use crate::data_dir::DataDir;

const FILE: &str = "sso.key";

/// The folder's key, made when there is none.
pub(super) fn open(dir: &DataDir) -> anyhow::Result<SigningKey> {
    if let Some(pem) = dir.read(FILE)? {
        return SigningKey::from_pem(&pem)
            .with_context(|| format!("{}; without it a new one is made", dir.file(FILE).display()));
    }
    let key = SigningKey::generate()?;
    dir.write(FILE, &key.to_pem()?)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_stays_over_a_restart_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(folder.path()).unwrap();
        let first = open(&dir).unwrap();
        assert_eq!(open(&dir).unwrap().kid(), first.kid());
        let mode = std::fs::metadata(dir.file(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        dir.write(FILE, "garbage").unwrap();
        let refused = format!("{:#}", open(&dir).err().unwrap());
        assert!(refused.contains("sso.key") && !refused.contains("garbage"), "{refused}");
    }
}
