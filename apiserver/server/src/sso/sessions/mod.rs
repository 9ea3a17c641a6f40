//! Sessions: who signed in, kept in the data folder so that a restart signs nobody out. Each has one valid refresh token; using it
//! brings the next.

mod file;
mod refresh_token;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use self::refresh_token::{RefreshToken, TokenKey};
use super::{
    random,
    users::{User, UserName},
};
use crate::data_dir::DataDir;

/// How long one sign-in lasts, whatever is done with it; as vCenter's.
pub(super) const SESSION_LIFE: Duration = Duration::from_hours(10);
/// A client whose answer was lost may show the same token again this long, and gets the same next one.
const REPEAT_WITHIN: Duration = Duration::from_secs(10);
const AT_MOST: usize = 1000;
const AT_MOST_PER_USER: usize = 32;

/// A person who showed a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedIn {
    pub(super) user: UserName,
    pub(super) at: Timestamp,
    /// [`User::password_mark`] at that time.
    password_mark: String,
}

impl SignedIn {
    pub(super) fn new(user: &User, at: Timestamp) -> Self {
        Self {
            user: user.name.clone(),
            at,
            password_mark: user.password_mark(),
        }
    }

    /// Whether the user is still who signed in, with the same password.
    pub(super) fn is_still(&self, user: &User) -> bool {
        user.name == self.user && user.password_mark() == self.password_mark
    }
}

/// One session. The token is not kept: it follows from the id, the generation and the folder's key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    #[serde(flatten)]
    signed_in: SignedIn,
    until: Timestamp,
    /// Counts the tokens; only the last one is good.
    generation: u64,
    rotated_at: Timestamp,
}

/// What a client that may go on gets.
#[derive(Debug)]
pub(super) struct Renewed {
    pub(super) id: String,
    pub(super) signed_in: SignedIn,
    pub(super) refresh_token: String,
    pub(super) until: Timestamp,
}

/// The sessions of one issuer.
pub(super) struct Sessions {
    dir: Arc<DataDir>,
    key: TokenKey,
    held: Mutex<BTreeMap<String, Session>>,
}

/// What a shown token means for its session.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The last one: the next is issued.
    Next,
    /// The one before, whose answer may have been lost: the last one is shown again.
    Same,
    /// An old one: two hold tokens of this session, and one of them stole it.
    Stolen,
    Over,
}

impl Sessions {
    /// The folder's sessions.
    pub(super) fn open(dir: Arc<DataDir>) -> anyhow::Result<Self> {
        Ok(Self {
            key: TokenKey::open(&dir)?,
            held: Mutex::new(file::read(&dir)?),
            dir,
        })
    }

    /// Begins a session.
    pub(super) async fn begin(&self, signed_in: SignedIn, now: Timestamp) -> anyhow::Result<Renewed> {
        let mut held = self.held.lock().await;
        let mut sessions = held.clone();
        make_room(&mut sessions, &signed_in.user, now);
        let session = Session {
            signed_in,
            until: now + SESSION_LIFE,
            generation: 0,
            rotated_at: now,
        };
        let id = random::secret();
        sessions.insert(id.clone(), session.clone());
        self.keep(&mut held, sessions).await?;
        Ok(self.renewed(id, session))
    }

    /// Whose session a token belongs to, if it is one of ours at all.
    pub(super) async fn holder(&self, token: &str) -> Option<UserName> {
        let token = self.key.parse(token)?;
        let held = self.held.lock().await;
        held.get(&token.session).map(|session| session.signed_in.user.clone())
    }

    /// Takes a refresh token for the next one, if `allowed` still holds; none when it is not good (any more).
    pub(super) async fn renew(
        &self,
        token: &str,
        allowed: impl FnOnce(&SignedIn) -> bool + Send,
        now: Timestamp,
    ) -> anyhow::Result<Option<Renewed>> {
        let Some(token) = self.key.parse(token) else {
            return Ok(None);
        };
        let mut held = self.held.lock().await;
        let Some(mut session) = held.get(&token.session).cloned() else {
            return Ok(None);
        };
        let verdict = if allowed(&session.signed_in) {
            session.judge(token.generation, now)
        } else {
            Verdict::Over
        };
        let mut sessions = held.clone();
        match verdict {
            Verdict::Same => Ok(Some(self.renewed(token.session, session))),
            Verdict::Next => {
                session.generation += 1;
                session.rotated_at = now;
                sessions.insert(token.session.clone(), session.clone());
                self.keep(&mut held, sessions).await?;
                Ok(Some(self.renewed(token.session, session)))
            }
            Verdict::Stolen | Verdict::Over => {
                if verdict == Verdict::Stolen {
                    tracing::warn!(user = %session.signed_in.user, "an old refresh token was shown; its session is ended");
                }
                sessions.remove(&token.session);
                self.keep(&mut held, sessions).await?;
                Ok(None)
            }
        }
    }

    /// Ends the session of a refresh token.
    pub(super) async fn end_by_token(&self, token: &str) -> anyhow::Result<()> {
        match self.key.parse(token) {
            Some(token) => self.end(&token.session).await,
            None => Ok(()),
        }
    }

    /// Ends a session.
    pub(super) async fn end(&self, id: &str) -> anyhow::Result<()> {
        let mut held = self.held.lock().await;
        let mut sessions = held.clone();
        if sessions.remove(id).is_some() {
            self.keep(&mut held, sessions).await?;
        }
        Ok(())
    }

    /// Writes the sessions, and holds them only when they are written: no client hears of what a restart would forget.
    async fn keep(
        &self,
        held: &mut BTreeMap<String, Session>,
        sessions: BTreeMap<String, Session>,
    ) -> anyhow::Result<()> {
        let (dir, written) = (self.dir.clone(), sessions.clone());
        let write = move || file::write(&dir, &written);
        tokio::task::spawn_blocking(write).await.context("the write ended")??;
        *held = sessions;
        Ok(())
    }

    fn renewed(&self, id: String, session: Session) -> Renewed {
        let token = RefreshToken {
            session: id.clone(),
            generation: session.generation,
        };
        Renewed {
            refresh_token: self.key.print(&token),
            id,
            signed_in: session.signed_in,
            until: session.until,
        }
    }
}

impl Session {
    fn judge(&self, generation: u64, now: Timestamp) -> Verdict {
        if self.until <= now {
            Verdict::Over
        } else if generation == self.generation {
            Verdict::Next
        } else if generation.checked_add(1) == Some(self.generation) && now < self.rotated_at + REPEAT_WITHIN {
            Verdict::Same
        } else {
            Verdict::Stolen
        }
    }
}

/// Drops what is over; where there are still too many, the oldest of the user or of all.
fn make_room(sessions: &mut BTreeMap<String, Session>, user: &UserName, now: Timestamp) {
    sessions.retain(|_, session| session.until > now);
    while sessions
        .values()
        .filter(|session| session.signed_in.user == *user)
        .count()
        >= AT_MOST_PER_USER
    {
        remove_oldest(sessions, |session| session.signed_in.user == *user);
    }
    while sessions.len() >= AT_MOST {
        remove_oldest(sessions, |_| true);
    }
}

fn remove_oldest(sessions: &mut BTreeMap<String, Session>, among: impl Fn(&Session) -> bool) {
    let of_these = sessions.iter().filter(|(_, session)| among(session));
    let oldest = of_these.min_by_key(|(_, session)| session.signed_in.at);
    if let Some(id) = oldest.map(|(id, _)| id.clone()) {
        sessions.remove(&id);
    }
}

#[cfg(test)]
mod tests;
