//! The trust keys of a guest's control-plane nodes, and what they stand behind.

use std::collections::BTreeMap;

use guestcluster_credentials::{PublicKey, Trust, TrustRefused};

/// The trust keys that count: for each key of a node, by kid, the newest one that it leads to.
#[derive(Default)]
pub(super) struct TrustKeys(BTreeMap<String, PublicKey>);

impl TrustKeys {
    /// Whether no node has a key.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over the nodes' keys; what those that stay have led to is kept.
    pub(super) fn take(&mut self, keys: impl Iterator<Item = PublicKey>) {
        let mut known = std::mem::take(&mut self.0);
        for key in keys {
            let newest = known.remove(key.kid()).unwrap_or_else(|| key.clone());
            self.0.insert(key.kid().to_owned(), newest);
        }
    }

    /// Reads what one of the keys, or its last successor, signed; each key is followed to that one.
    pub(super) fn verify(&mut self, jws: &str) -> Result<Trust, TrustRefused> {
        let mut answer = Err(TrustRefused::Unreadable);
        for key in self.0.values_mut() {
            match Trust::verify_following(jws, key) {
                Ok((trust, newest)) => {
                    *key = newest;
                    answer = Ok(trust);
                }
                Err(refused) if answer.is_err() => answer = Err(refused),
                Err(_) => {}
            }
        }
        answer
    }

    /// As `verify`, if it may follow what is in force. Keys are followed only then.
    pub(super) fn judge(&mut self, jws: &str, in_force: Option<&Trust>) -> Result<Trust, TrustRefused> {
        let mut followed = TrustKeys(self.0.clone());
        let trust = followed.verify(jws)?;
        if let Some(in_force) = in_force {
            trust.may_follow(in_force)?;
        }
        *self = followed;
        Ok(trust)
    }
}

#[cfg(test)]
mod tests {
    use guestcluster_credentials::SigningKey;

    use super::*;

    fn key() -> SigningKey {
        SigningKey::generate().unwrap()
    }

    fn keys(of_nodes: &[&SigningKey]) -> TrustKeys {
        let mut keys = TrustKeys::default();
        keys.take(of_nodes.iter().map(|key| key.public().clone()));
        keys
    }

    fn trust(generation: u64) -> Trust {
        Trust {
            guest_uid: "7b1e".to_owned(),
            generation,
            keys: Vec::new(),
            revoked: BTreeMap::new(),
            floors: Vec::new(),
            trust_keys: Vec::new(),
        }
    }

    #[test]
    fn only_what_a_node_s_key_signed_counts() {
        let (ours, theirs) = (key(), key());
        let signed = trust(1).sign(&ours).unwrap();
        assert_eq!(keys(&[&theirs, &ours]).judge(&signed, None), Ok(trust(1)));
        assert!(keys(&[&theirs]).judge(&signed, None).is_err());
        assert!(keys(&[]).judge(&signed, None).is_err());
    }

    #[test]
    fn a_generation_that_goes_back_is_refused() {
        let ours = key();
        let refused = keys(&[&ours]).judge(&trust(6).sign(&ours).unwrap(), Some(&trust(7)));
        let expected = TrustRefused::GoesBack {
            in_force: 7,
            offered: 6,
        };
        assert_eq!(refused, Err(expected));
    }

    #[test]
    fn a_key_that_announced_its_successor_counts_no_more_unless_a_refused_object_says_so() {
        let (first, second) = (key(), key());
        let mut announcing = trust(2);
        announcing.trust_keys = vec![Trust::announce("7b1e", second.public(), &first).unwrap()];
        let announcing = announcing.sign(&second).unwrap();
        let by_first = trust(3).sign(&first).unwrap();

        let mut keys = keys(&[&first]);
        assert!(keys.judge(&announcing, Some(&trust(9))).is_err(), "it goes back");
        assert!(keys.verify(&by_first).is_ok(), "so nothing was learnt from it");

        assert!(keys.judge(&announcing, None).is_ok());
        assert!(keys.judge(&by_first, None).is_err());
        keys.take([first.public().clone()].into_iter());
        assert!(
            keys.judge(&by_first, None).is_err(),
            "also when nodes are looked at again"
        );
    }
}
