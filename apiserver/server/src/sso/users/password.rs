//! Passwords as they are kept: Argon2id in the PHC string format.

use anyhow::Context as _;
use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};

/// Passwords of people; the length is what counts.
const SHORTEST: usize = 10;
const LONGEST: usize = 1024;
/// Bounds of what a hash in the file may cost to check: KiB, rounds, lanes.
const COST: (u32, u32, u32) = (64 * 1024, 10, 4);

/// Checked for users that do not exist, so that they take as long as those that do. Nobody's: whatever matches it is refused.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2lnbi1pbiBkZWNveSAuLg$bm9ib2R5IGhhcyB0aGUgcGFzc3dvcmQgb2YgdGhpcy4";

/// Hashes a password, with a salt of its own. Takes some 20 ms and 19 MiB.
pub(super) fn hash(password: &str) -> anyhow::Result<String> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| anyhow::anyhow!("cannot hash the password: {error}"))?;
    Ok(hash.to_string())
}

/// Whether the password is the one of this hash; with no hash (nobody has that name) it is not, and takes as long.
pub(super) fn verify(password: &str, hash: Option<&str>) -> bool {
    let checked = hash.unwrap_or(DECOY);
    let matches = password.len() <= LONGEST
        && PasswordHash::new(checked)
            .is_ok_and(|checked| Argon2::default().verify_password(password.as_bytes(), &checked).is_ok());
    matches && hash.is_some()
}

/// Refuses passwords that are too short to be any good.
pub(super) fn check_new(password: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        (SHORTEST..=LONGEST).contains(&password.len()),
        "a password has at least {SHORTEST} characters"
    );
    Ok(())
}

/// Refuses what is no Argon2id hash, or one that would take long to check.
pub(super) fn check_hash(hash: &str) -> anyhow::Result<()> {
    let hash = PasswordHash::new(hash).map_err(|error| anyhow::anyhow!("passwordHash: {error}"))?;
    anyhow::ensure!(
        hash.algorithm.as_str() == "argon2id",
        "passwordHash: only argon2id is known"
    );
    let params = Params::try_from(&hash)
        .ok()
        .context("passwordHash: unknown parameters")?;
    anyhow::ensure!(
        params.m_cost() <= COST.0 && params.t_cost() <= COST.1 && params.p_cost() <= COST.2,
        "passwordHash: at most m={}, t={}, p={}",
        COST.0,
        COST.1,
        COST.2
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_again_and_no_other() {
        let hashed = hash("correct horse").unwrap();
        assert!(hashed.starts_with("$argon2id$") && !hashed.contains("horse"));
        assert!(verify("correct horse", Some(&hashed)));
        assert!(!verify("correct horsf", Some(&hashed)));
        assert!(!verify("correct horse", None));
        check_hash(&hashed).unwrap();
        let (_, cost) = hashed.split_once("$v=19$").unwrap();
        assert!(
            DECOY.contains(cost.split('$').next().unwrap()),
            "the decoy costs as much as {hashed}"
        );
        check_hash(DECOY).unwrap();
    }

    #[test]
    fn hashes_that_are_weak_or_a_burden_are_refused() {
        for hash in [
            "",
            "secret",
            "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzYWx0$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzYWx0$IMit9qkFULCMA/ViizL57cnTLOa5DiVM9eMwpAvPwr4",
        ] {
            assert!(check_hash(hash).is_err(), "{hash}");
        }
        assert!(check_new("short").is_err());
    }
}
