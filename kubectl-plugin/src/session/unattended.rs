//! The session of a program: it begins by itself, whenever somebody needs it.

use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::{Record, Renew, Session, Source};
use crate::{
    error::Result,
    private::{Kept, PrivateFile, PrivateFolder},
    supervisor::{Supervisor, SupervisorId, hex},
    unattended::{By, Unattended},
};

impl Session {
    /// The session of a program that signs in this way.
    pub(crate) async fn unattended(supervisor: Supervisor, how: &Unattended) -> Result<Self> {
        let id = supervisor.id()?;
        let kept = match how.by {
            // What is in the file is never copied.
            By::TokenFile(_) => None,
            By::Client(_) => Some(file(&id, how)?),
        };
        let held: Option<Record> = kept.as_ref().map(PrivateFile::read).transpose()?.flatten();
        let record = match held {
            // It is asked for anew when it is needed.
            Some(held) => Record { supervisor, ..held },
            None => begin(supervisor, how, kept.as_ref()).await?,
        };
        Ok(Self {
            source: Source::Program {
                how: Box::new(how.clone()),
                kept,
            },
            id,
            current: Arc::new(Mutex::new(record)),
        })
    }

    /// How a program signs in; none for a person.
    pub(crate) fn how(&self) -> Option<&Unattended> {
        match &self.source {
            Source::Person(_) => None,
            Source::Program { how, .. } => Some(how),
        }
    }

    /// The next token of a program. One process asks, the others find what it wrote.
    pub(super) async fn presented_anew(
        &self,
        how: &Unattended,
        kept: Option<&PrivateFile>,
        current: &Record,
        renew: Renew,
    ) -> Result<Record> {
        let Some(kept) = kept else {
            let next = begin(current.supervisor.clone(), how, None).await?;
            let same = next.id_token == current.id_token;
            return if same && renew == Renew::Refused {
                Err(how.refused(self.id.host()))
            } else {
                Ok(next)
            };
        };
        // Asking spends nothing, so it is done also where nothing can be kept.
        let _lock = kept.lock().await;
        let held: Option<Record> = kept.read()?;
        let now = Timestamp::now();
        if let Some(held) = held {
            let by_another = held.id_token != current.id_token;
            if by_another && (renew == Renew::Refused || !renew.is_due(&held, now)) {
                return Ok(held);
            }
            if renew == Renew::Refused && held.was_renewed_just_now(now) {
                return Err(how.refused(self.id.host()));
            }
        }
        match begin(current.supervisor.clone(), how, Some(kept)).await {
            Ok(next) => Ok(next),
            // The secret may have been replaced: that is told, and not covered up by a token that still lasts.
            Err(error) if renew == Renew::Refused || error.is_not_signed_in() || !current.lasts(now) => Err(error),
            Err(_) => Ok(current.clone()),
        }
    }
}

async fn begin(supervisor: Supervisor, how: &Unattended, kept: Option<&PrivateFile>) -> Result<Record> {
    let presented = how.presented(&supervisor).await?;
    let record = Record::presented(supervisor, presented, Timestamp::now());
    // Where nothing can be kept, the next command asks again.
    if let Some(Err(error)) = kept.map(|kept| kept.write(&record)) {
        eprintln!("warning: {}", error.in_one_line());
    }
    Ok(record)
}

/// Each way to sign in has its own file, beside that of a person.
pub(super) fn file(id: &SupervisorId, how: &Unattended) -> Result<PrivateFile> {
    let parts = how
        .arguments()
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"));
    let key: Vec<_> = std::iter::once(id.key()).chain(parts).collect();
    Ok(PrivateFolder::of(Kept::Sessions)?.file(&hex(&Sha256::digest(key.join("\n")))))
}
