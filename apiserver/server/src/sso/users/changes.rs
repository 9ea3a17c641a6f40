//! Changes of the users from the command line; a running issuer follows them at once.

use anyhow::Context as _;

use super::{
    UserName,
    file::{self, User},
    password,
};
use crate::data_dir::DataDir;

/// Adds a user.
pub(crate) fn add_user(dir: &DataDir, name: UserName, groups: Vec<String>, password: &str) -> anyhow::Result<()> {
    password::check_new(password)?;
    let password_hash = password::hash(password)?;
    let mut users = file::read(dir)?.unwrap_or_default();
    anyhow::ensure!(
        users.iter().all(|user| user.name != name),
        "user {name} exists; to change the password use set-password"
    );
    users.push(User {
        name,
        groups,
        password_hash,
    });
    file::write(dir, users)
}

/// Gives a user another password, which ends the sessions of the old one.
pub(crate) fn set_password(dir: &DataDir, name: &UserName, password: &str) -> anyhow::Result<()> {
    password::check_new(password)?;
    let mut users = file::read(dir)?.unwrap_or_default();
    let user = users
        .iter_mut()
        .find(|user| user.name == *name)
        .with_context(|| format!("there is no user {name}"))?;
    user.password_hash = password::hash(password)?;
    file::write(dir, users)
}
