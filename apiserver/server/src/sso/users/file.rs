//! The file of users, `sso-users.yaml`: read anew for every sign-in, so a change counts at once.

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt as _};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{UserName, password};
use crate::data_dir::DataDir;

const FILE: &str = "sso-users.yaml";
/// The rights of all but the owner.
const OTHERS: u32 = 0o077;
const LARGEST: u64 = 1024 * 1024;

/// Somebody who may sign in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct User {
    /// `user@domain`.
    pub(crate) name: UserName,
    /// As the ID token names them.
    #[serde(default)]
    pub(crate) groups: Vec<String>,
    /// Argon2id, PHC string.
    pub(super) password_hash: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    users: Vec<User>,
}

impl User {
    /// Differs when the password was set anew: sessions from before end then.
    pub(crate) fn password_mark(&self) -> String {
        Sha256::digest(&self.password_hash)
            .iter()
            .take(8)
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

/// The users; none when there is no file.
pub(crate) fn read(dir: &DataDir) -> anyhow::Result<Option<Vec<User>>> {
    let path = dir.file(FILE);
    let wrong = || format!("in {}", path.display());
    match std::fs::metadata(&path) {
        Ok(found) => {
            anyhow::ensure!(
                found.permissions().mode() & OTHERS == 0,
                "{} can be read by others; run: chmod 600 {0}",
                path.display()
            );
            anyhow::ensure!(found.len() <= LARGEST, "{} is too large", path.display());
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(wrong),
    }
    let Some(text) = dir.read(FILE)? else {
        return Ok(None);
    };
    let content: Content = serde_saphyr::from_str(&text).with_context(wrong)?;
    check(&content.users).with_context(wrong)?;
    Ok(Some(content.users))
}

/// Replaces the users.
pub(crate) fn write(dir: &DataDir, users: Vec<User>) -> anyhow::Result<()> {
    check(&users)?;
    dir.write(FILE, &serde_saphyr::to_string(&Content { users })?)
}

fn check(users: &[User]) -> anyhow::Result<()> {
    let mut names = BTreeSet::new();
    for user in users {
        anyhow::ensure!(names.insert(&user.name), "user {} is there twice", user.name);
        for group in &user.groups {
            anyhow::ensure!(
                !group.is_empty() && !group.contains(|c: char| c.is_control() || c.is_whitespace()),
                "user {}: {group:?} is no group name",
                user.name
            );
        }
        password::check_hash(&user.password_hash).with_context(|| format!("user {}", user.name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_kept_and_mistakes_named() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(folder.path()).unwrap();
        assert!(read(&dir).unwrap().is_none());
        let user = User {
            name: "ana@guest.local".parse().unwrap(),
            groups: vec!["team-a".into()],
            password_hash: password::hash("a long password").unwrap(),
        };
        write(&dir, vec![user.clone()]).unwrap();
        let found = read(&dir).unwrap().unwrap();
        assert_eq!((&found[0].name, &found[0].groups), (&user.name, &user.groups));
        assert!(write(&dir, vec![user.clone(), user]).is_err(), "twice the same name");

        dir.write(FILE, "users:\n- name: ana\n  passwordHash: secret-text\n")
            .unwrap();
        let refused = format!("{:#}", read(&dir).err().unwrap());
        assert!(
            refused.contains("ana@guest.local") && !refused.contains("secret-text"),
            "{refused}"
        );
        std::fs::set_permissions(dir.file(FILE), std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = format!("{:#}", read(&dir).err().unwrap());
        assert!(refused.contains("chmod 600"), "{refused}");
    }
}
