//! What the guest trusts, as far as this node can tell: by its trust key, and never back.

use guestcluster_credentials::{PublicKey, Trust, TrustRefused, trust_object};

use super::folder::{Folder, LastGood};

/// The newest trust key that the node's first one has led to, and the object that was taken last.
pub(super) struct Trusted {
    newest_key: PublicKey,
    taken: Option<Taken>,
    /// The hash of what was refused last, so that the log tells it once.
    refused: Option<String>,
}

/// An object that was taken.
pub(super) struct Taken {
    pub(super) trust: Trust,
    pub(super) jws: String,
}

impl Trusted {
    /// What the folder holds, if the node's trust key still stands behind it.
    pub(super) fn restore(folder: &Folder) -> anyhow::Result<Trusted> {
        let first = folder.first_trust_key();
        let kept = folder.last_good()?.and_then(|kept| restored(&kept, first));
        let (newest_key, taken) = match kept {
            Some((key, taken)) => (key, Some(taken)),
            None => (first.clone(), None),
        };
        Ok(Trusted {
            newest_key,
            taken,
            refused: None,
        })
    }

    /// What was taken last.
    pub(super) fn taken(&self) -> Option<&Taken> {
        self.taken.as_ref()
    }

    /// Takes what is offered if it may follow, and writes that down first. Whether it is new.
    pub(super) fn consider(&mut self, jws: &str, folder: &Folder) -> anyhow::Result<bool> {
        if self.taken.as_ref().is_some_and(|taken| taken.jws == jws) {
            return Ok(false);
        }
        let (trust, key) = match self.judge(jws) {
            Ok(judged) => judged,
            Err(refused) => {
                self.tell(jws, &refused);
                return Ok(false);
            }
        };
        folder.keep_last_good(&LastGood {
            first_trust_key: folder.first_trust_key().kid().to_owned(),
            newest_trust_key: key.to_pem(),
            jws: jws.to_owned(),
        })?;
        tracing::info!(
            generation = trust.generation,
            keys = trust.keys.len(),
            revoked = trust.revoked.len(),
            floors = trust.floors.len(),
            "the guest trusts anew"
        );
        self.newest_key = key;
        self.refused = None;
        let jws = jws.to_owned();
        self.taken = Some(Taken { trust, jws });
        Ok(true)
    }

    fn judge(&self, jws: &str) -> Result<(Trust, PublicKey), TrustRefused> {
        let (trust, key) = Trust::verify_following(jws, &self.newest_key)?;
        if let Some(taken) = &self.taken {
            trust.may_follow(&taken.trust)?;
        }
        Ok((trust, key))
    }

    fn tell(&mut self, jws: &str, refused: &TrustRefused) {
        let hash = Some(trust_object::hash(jws));
        if self.refused != hash {
            tracing::warn!(%refused, "what the guest trusts stays as it was");
            self.refused = hash;
        }
    }
}

fn restored(kept: &LastGood, first: &PublicKey) -> Option<(PublicKey, Taken)> {
    if kept.first_trust_key != first.kid() {
        tracing::warn!("what the guest trusted last is by another trust key than the node's");
        return None;
    }
    let key = PublicKey::from_pem(&kept.newest_trust_key).ok()?;
    let trust = Trust::verify(&kept.jws, &key).ok()?;
    let jws = kept.jws.clone();
    Some((key, Taken { trust, jws }))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

    use guestcluster_credentials::SigningKey;

    use super::*;

    fn node(path: &Path, key: &SigningKey) -> Folder {
        fs::write(path.join("trust-key.pem"), key.public().to_pem()).unwrap();
        Folder::open(path).unwrap()
    }

    fn trust(guest: &str, generation: u64) -> Trust {
        Trust {
            guest_uid: guest.to_owned(),
            generation,
            keys: Vec::new(),
            revoked: BTreeMap::new(),
            floors: Vec::new(),
            trust_keys: Vec::new(),
        }
    }

    fn generation(trusted: &Trusted) -> Option<u64> {
        trusted.taken().map(|taken| taken.trust.generation)
    }

    #[test]
    fn only_what_may_follow_is_taken_also_after_a_restart() {
        let (path, key, other) = (
            tempfile::tempdir().unwrap(),
            SigningKey::generate().unwrap(),
            SigningKey::generate().unwrap(),
        );
        let folder = node(path.path(), &key);
        let mut trusted = Trusted::restore(&folder).unwrap();
        assert!(trusted.consider(&trust("a", 7).sign(&key).unwrap(), &folder).unwrap());
        let refused = [
            trust("a", 6).sign(&key).unwrap(),
            trust("b", 8).sign(&key).unwrap(),
            trust("a", 8).sign(&other).unwrap(),
            "no object".to_owned(),
        ];
        for _restart in 0..2 {
            for jws in &refused {
                assert!(!trusted.consider(jws, &folder).unwrap());
                assert_eq!(generation(&trusted), Some(7));
            }
            trusted = Trusted::restore(&folder).unwrap();
        }
    }

    #[test]
    fn a_key_that_announced_its_successor_counts_no_more_also_after_a_restart() {
        let (path, first, second) = (
            tempfile::tempdir().unwrap(),
            SigningKey::generate().unwrap(),
            SigningKey::generate().unwrap(),
        );
        let folder = node(path.path(), &first);
        let mut trusted = Trusted::restore(&folder).unwrap();
        let mut announcing = trust("a", 2);
        announcing.trust_keys = vec![Trust::announce("a", second.public(), &first).unwrap()];
        assert!(trusted.consider(&announcing.sign(&second).unwrap(), &folder).unwrap());
        let mut restarted = Trusted::restore(&folder).unwrap();
        for trusted in [&mut trusted, &mut restarted] {
            assert!(!trusted.consider(&trust("a", 3).sign(&first).unwrap(), &folder).unwrap());
        }
        assert!(
            restarted
                .consider(&trust("a", 3).sign(&second).unwrap(), &folder)
                .unwrap()
        );
    }

    #[test]
    fn what_lies_on_the_disk_counts_only_by_the_node_s_own_trust_key() {
        let (path, key, other) = (
            tempfile::tempdir().unwrap(),
            SigningKey::generate().unwrap(),
            SigningKey::generate().unwrap(),
        );
        let folder = node(path.path(), &key);
        Trusted::restore(&folder)
            .unwrap()
            .consider(&trust("a", 7).sign(&key).unwrap(), &folder)
            .unwrap();
        let kept = path.path().join("last-good.json");
        assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        let folder = node(path.path(), &other);
        assert_eq!(generation(&Trusted::restore(&folder).unwrap()), None);
        for broken in ["", "{}", "\u{0}"] {
            fs::write(&kept, broken).unwrap();
            assert_eq!(generation(&Trusted::restore(&folder).unwrap()), None, "{broken:?}");
        }
    }
}
