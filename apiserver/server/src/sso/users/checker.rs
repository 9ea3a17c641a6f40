//! Checks passwords, off the async threads and few at a time: each takes 19 MiB.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::Semaphore;

use super::{
    UserName,
    file::{self, User},
    password,
};
use crate::data_dir::DataDir;

/// Checks at one time.
const RUNNING: usize = 2;
/// Checks that run or wait.
const ADMITTED: usize = 16;

/// Too many people sign in at this moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

/// The users, and the turns of checking their passwords.
pub(crate) struct Passwords {
    dir: Arc<DataDir>,
    running: Semaphore,
    admitted: Semaphore,
}

impl Passwords {
    pub(crate) fn new(dir: Arc<DataDir>) -> Self {
        Self {
            dir,
            running: Semaphore::new(RUNNING),
            admitted: Semaphore::new(ADMITTED),
        }
    }

    /// The user with this name and password, if there is one.
    pub(crate) async fn check(
        &self,
        name: Option<UserName>,
        password: String,
    ) -> anyhow::Result<Result<Option<User>, Busy>> {
        let Ok(_admitted) = self.admitted.try_acquire() else {
            return Ok(Err(Busy));
        };
        let _turn = self.running.acquire().await?;
        let found = self
            .blocking(move |users| {
                let user = users.into_iter().find(|user| Some(&user.name) == name.as_ref());
                let hash = user.as_ref().map(|user| user.password_hash.as_str());
                if password::verify(&password, hash) { user } else { None }
            })
            .await?;
        Ok(Ok(found))
    }

    /// The user as the file describes it at this moment.
    pub(crate) async fn find(&self, name: UserName) -> anyhow::Result<Option<User>> {
        self.blocking(move |users| users.into_iter().find(|user| user.name == name))
            .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        use_: impl FnOnce(Vec<User>) -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        let dir = self.dir.clone();
        let task = move || Ok(use_(file::read(&dir)?.unwrap_or_default()));
        tokio::task::spawn_blocking(task).await.context("the check ended")?
    }
}
