//! The first user, so that a new supervisor can be signed in to.

use super::{
    UserName,
    file::{self, User},
    password,
};
use crate::{data_dir::DataDir, sso::random};

/// Holds the first user's password, for its owner alone.
pub(crate) const FIRST_USER_PASSWORD: &str = "sso-dev.password";
const NAME: &str = "dev@guest.local";
/// The group of the first user.
pub(crate) const FIRST_USER_GROUP: &str = "team-a-developers";

/// Makes the first user with a random password when the folder has no users yet.
pub(crate) fn ensure_first_user(dir: &DataDir) -> anyhow::Result<()> {
    if file::read(dir)?.is_some() {
        return Ok(());
    }
    let name: UserName = NAME.parse()?;
    let password = random::password();
    let password_hash = password::hash(&password)?;
    // The users are written last: a start that was cut off between the two begins anew.
    dir.write(FIRST_USER_PASSWORD, &format!("{password}\n"))?;
    let groups = vec![FIRST_USER_GROUP.to_owned()];
    file::write(
        dir,
        vec![User {
            name,
            groups,
            password_hash,
        }],
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_user_is_made_once_and_its_password_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(folder.path()).unwrap();
        ensure_first_user(&dir).unwrap();
        let password = dir.read(FIRST_USER_PASSWORD).unwrap().unwrap();
        let mode = std::fs::metadata(dir.file(FIRST_USER_PASSWORD))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let users = file::read(&dir).unwrap().unwrap();
        assert_eq!(
            (users[0].name.as_str(), users[0].groups.as_slice()),
            (NAME, &[FIRST_USER_GROUP.to_owned()][..])
        );
        assert!(password::verify(password.trim(), Some(&users[0].password_hash)));
        ensure_first_user(&dir).unwrap();
        assert_eq!(dir.read(FIRST_USER_PASSWORD).unwrap().unwrap(), password);
    }
}
