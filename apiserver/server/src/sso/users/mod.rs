//! Who may sign in: users in a file of the data folder, with hashed passwords and groups.

mod changes;
mod checker;
mod file;
mod first;
mod name;
mod password;

pub(crate) use self::{
    changes::{add_user, set_password},
    first::{FIRST_USER_GROUP, FIRST_USER_PASSWORD},
    name::UserName,
};
pub(super) use self::{
    checker::{Busy, Passwords},
    file::User,
    first::ensure_first_user,
};
