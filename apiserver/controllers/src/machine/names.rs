//! Names of what this layer creates.

use kube::api::ObjectMeta;
use sha2::{Digest, Sha256};

/// Letters and digits that look like nothing else and spell no words.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX: usize = 5;

/// The names of the next `count` Machines of a set: `<prefix>-<5 characters>`.
///
/// The suffix is a function of the owner and of the Machines it has (UID and name of all, also those being deleted). So
/// a repeat after a crash, or by a second controller, asks for the same names and gets the same Machines, while later
/// Machines get other names: UIDs do not come back. `gone` is the UID of the Machine that went last, of an owner that makes
/// the next one only when that is gone: without it, the owner would have the same Machines as before.
pub(crate) fn machines(
    prefix: &str,
    owner: &ObjectMeta,
    existing: &[(String, String)],
    gone: &str,
    count: usize,
) -> Vec<String> {
    let mut uids: Vec<_> = existing.iter().map(|(uid, _)| uid.as_str()).collect();
    uids.sort_unstable();
    let mut view = Sha256::new();
    view.update(owner.uid.as_deref().unwrap_or_default());
    view.update(owner.generation.unwrap_or_default().to_be_bytes());
    for uid in uids {
        view.update(b"\0");
        view.update(uid);
    }
    view.update(b"\0\0");
    view.update(gone);
    let candidates = (0_u64..).map(|ordinal| {
        let hash = view.clone().chain_update(ordinal.to_be_bytes()).finalize();
        let suffix = hash
            .iter()
            .take(SUFFIX)
            .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        format!("{prefix}-{}", suffix.collect::<String>())
    });
    let mut names = Vec::with_capacity(count);
    for name in candidates {
        if names.len() >= count {
            break;
        }
        // Five characters can meet by chance.
        if !names.contains(&name) && !existing.iter().any(|(_, taken)| *taken == name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(uid: &str, generation: i64) -> ObjectMeta {
        ObjectMeta {
            uid: Some(uid.to_owned()),
            generation: Some(generation),
            ..ObjectMeta::default()
        }
    }

    fn existing(uids: &[&str]) -> Vec<(String, String)> {
        uids.iter()
            .map(|uid| ((*uid).to_owned(), format!("name-{uid}")))
            .collect()
    }

    #[test]
    fn the_same_view_gives_the_same_names_and_any_other_view_others() {
        let names = machines("dev-cp", &owner("o", 1), &existing(&["b", "a"]), "", 3);
        assert_eq!(names, machines("dev-cp", &owner("o", 1), &existing(&["a", "b"]), "", 3));
        assert_eq!(
            names[..1],
            machines("dev-cp", &owner("o", 1), &existing(&["a", "b"]), "", 1)
        );
        assert!(names.iter().all(|name| name.len() == "dev-cp-".len() + 5));
        let views = [
            ("o", 1, vec!["a", "b", "c"]),
            ("o", 1, vec!["a"]),
            ("o", 2, vec!["a", "b"]),
            ("p", 1, vec!["a", "b"]),
        ];
        for (uid, generation, uids) in views {
            let others = machines("dev-cp", &owner(uid, generation), &existing(&uids), "", 3);
            assert!(others.iter().all(|other| !names.contains(other)));
        }
    }

    #[test]
    fn the_last_of_an_owner_is_not_followed_by_its_namesake() {
        let last = machines("dev-cp", &owner("o", 1), &existing(&["a", "b"]), "", 1);
        let next = machines("dev-cp", &owner("o", 1), &existing(&["a", "b"]), "uid-of-the-last", 1);
        assert_ne!(last, next);
    }

    #[test]
    fn a_name_that_is_taken_is_not_given_again() {
        let first = machines("dev-cp", &owner("o", 1), &existing(&["a"]), "", 2);
        let taken = vec![("a".to_owned(), first[0].clone())];
        assert_eq!(machines("dev-cp", &owner("o", 1), &taken, "", 1), first[1..]);
    }
}
