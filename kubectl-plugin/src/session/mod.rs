//! A session: that somebody signed in to a supervisor, kept on this computer and renewed while it is used.

mod client;
mod ending;
mod kept;
mod record;
mod unattended;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Mutex;

use self::kept::Kept;
pub(crate) use self::{
    ending::{Ended, Ending},
    kept::TokenStore,
    record::Record,
};
use crate::{
    error::{Error, Result},
    openid::{Grant, IdToken, Refused},
    private::{self, PrivateFile, PrivateFolder},
    supervisor::{Supervisor, SupervisorId},
    unattended::Unattended,
};

/// A session that can be used. Shared by all requests of a command.
#[derive(Clone)]
pub(crate) struct Session {
    source: Source,
    id: SupervisorId,
    current: Arc<Mutex<Record>>,
}

/// Where the next token comes from.
#[derive(Clone)]
enum Source {
    /// Somebody signed in; the file of the session.
    Person(Kept),
    /// A program signs in again; the file of its token, where that is kept.
    Program {
        how: Box<Unattended>,
        kept: Option<PrivateFile>,
    },
}

/// When an ID token is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renew {
    /// When it is about to end.
    WhenNeeded,
    /// Unless it was just now, so that the person's groups are those of this moment.
    Current,
    /// Always: the supervisor refused it.
    Refused,
}

impl Session {
    /// The session with this supervisor; an error when nobody is signed in there.
    pub(crate) fn open(id: &SupervisorId) -> Result<Self> {
        let file = file(id)?;
        let record: Record = file.read()?.ok_or_else(|| Self::missing(id))?;
        if record.is_over(Timestamp::now()) {
            return Err(ended(id));
        }
        Ok(Self {
            source: Source::Person(file),
            id: id.clone(),
            current: Arc::new(Mutex::new(record)),
        })
    }

    /// The supervisor of a session that may be over.
    pub(crate) fn known(id: &SupervisorId) -> Option<Supervisor> {
        let record = file(id).ok()?.without_tokens().ok()??;
        Some(record.supervisor)
    }

    /// What is said where there is no session.
    pub(crate) fn missing(id: &SupervisorId) -> Error {
        Error::not_signed_in(format!("you are not signed in to {}", id.host()))
            .next(format!("Sign in: {}", id.login_command()))
    }

    /// Checks that a session can be kept, before anybody signs in.
    pub(crate) fn can_be_kept(id: &SupervisorId, store: TokenStore) -> Result<()> {
        file(id)?.check(store)
    }

    /// Keeps a session that just began.
    pub(crate) async fn begin(record: Record) -> Result<Self> {
        let id = record.supervisor.id()?;
        let file = file(&id)?;
        let _lock = file.lock().await?;
        // Of a session before this one, which may have been kept elsewhere.
        file.remove()?;
        file.begin()?.finish(&record)?;
        Ok(Self {
            source: Source::Person(file),
            id,
            current: Arc::new(Mutex::new(record)),
        })
    }

    /// What is known of it.
    pub(crate) async fn record(&self) -> Record {
        self.current.lock().await.clone()
    }

    /// An ID token that the supervisor accepts, and until when.
    pub(crate) async fn id_token(&self, renew: Renew) -> Result<(String, Timestamp)> {
        let mut current = self.current.lock().await;
        match &self.source {
            Source::Person(file) if renew.is_due(&current, Timestamp::now()) => {
                *current = self.renewed(file, &current, renew).await?;
            }
            Source::Program { how, kept } if kept.is_none() || renew.is_due(&current, Timestamp::now()) => {
                *current = self.presented_anew(how, kept.as_ref(), &current, renew).await?;
            }
            _ => {}
        }
        Ok((current.id_token.clone(), current.id_token_until))
    }

    /// The next record. One process renews, the others find what it wrote.
    async fn renewed(&self, file: &Kept, current: &Record, renew: Renew) -> Result<Record> {
        // Where nothing can be written, a refresh token must not be spent: what it brings would be lost.
        let pending = match file.begin() {
            Ok(pending) => pending,
            Err(_) if renew != Renew::Refused && current.lasts(Timestamp::now()) => return Ok(current.clone()),
            Err(error) => return Err(error),
        };
        let _lock = file.lock().await?;
        let held: Record = file.read()?.ok_or_else(|| Self::missing(&self.id))?;
        let now = Timestamp::now();
        if held.is_over(now) {
            return Err(ended(&self.id));
        }
        let by_another = held.id_token != current.id_token;
        if by_another && (renew == Renew::Refused || !renew.is_due(&held, now)) {
            return Ok(held);
        }
        if renew == Renew::Refused && held.was_renewed_just_now(now) {
            return Err(self.refused());
        }
        let (Some(token), Some(endpoints)) = (&held.refresh_token, &held.endpoints) else {
            let good = renew != Renew::Refused && held.lasts(now);
            return if good { Ok(held) } else { Err(ended(&self.id)) };
        };
        match held.issuer.tokens(endpoints, Grant::Refresh(token)).await {
            Ok(tokens) => {
                let id_token = IdToken::check(&tokens.id_token, &held.issuer, None)?;
                if id_token.subject != held.subject {
                    return Err(Error::failed("the issuer answers for another person").next(self.id.login_command()));
                }
                let next = held.with(tokens, &id_token, Timestamp::now());
                pending.finish(&next)?;
                Ok(next)
            }
            Err(Refused::Grant) => {
                // Left as it is, the next command finds out again.
                let _ = pending.finish(&held.ended());
                Err(ended(&self.id))
            }
            Err(Refused::Unreachable(_) | Refused::Other(_)) if renew != Renew::Refused && held.lasts(now) => Ok(held),
            Err(Refused::Unreachable(error) | Refused::Other(error)) => Err(error),
            // Of sign-ins on another device alone.
            Err(Refused::Pending(_)) => Err(self.refused()),
        }
    }

    fn refused(&self) -> Error {
        Error::not_signed_in(format!("{} does not accept the session", self.id.host()))
            .next(format!("Sign in again: {}", self.id.login_command()))
    }
}

impl Renew {
    fn is_due(self, record: &Record, now: Timestamp) -> bool {
        match self {
            Renew::WhenNeeded => !record.is_fresh(now),
            Renew::Current => !record.is_fresh(now) || !record.was_renewed_just_now(now),
            Renew::Refused => true,
        }
    }
}

fn file(id: &SupervisorId) -> Result<Kept> {
    let folder = PrivateFolder::of(private::Kept::Sessions)?;
    Ok(Kept::new(folder.file(&id.key())))
}

fn ended(id: &SupervisorId) -> Error {
    Error::not_signed_in(format!("your session with {} has ended", id.host()))
        .next(format!("Sign in again: {}", id.login_command()))
}
