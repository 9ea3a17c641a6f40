//! What is kept of a person's session: a file, whose tokens may be in the system's keyring instead.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::{
    error::{Error, Result},
    private::{KeyringEntry, Lock, Pending, PrivateFile, check_keyring},
    supervisor::SupervisorId,
};

/// Where a session's tokens are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TokenStore {
    /// In a file that nobody else can read
    #[default]
    File,
    /// In the system's keyring
    Keyring,
}

/// A session as it is kept, if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    file: PrivateFile,
}

/// The next record, of which it is known that it can be kept.
pub(super) struct Next {
    pending: Pending,
    keyring: KeyringEntry,
}

/// What is in the keyring. Secret: it has no `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    id_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
}

impl Kept {
    pub(super) fn new(file: PrivateFile) -> Self {
        Self { file }
    }

    /// The session with its tokens; none where nothing is kept.
    pub(super) fn read(&self) -> Result<Option<Record>> {
        let Some(record) = self.without_tokens()? else {
            return Ok(None);
        };
        if record.token_store == TokenStore::File {
            return Ok(Some(record));
        }
        let secret = self.keyring().read()?;
        let tokens = secret.and_then(|secret| serde_json::from_slice::<Tokens>(&secret).ok());
        // Taken out of the keyring, it is as a session that has ended.
        let Some(tokens) = tokens else {
            return Ok(Some(record.ended()));
        };
        Ok(Some(Record {
            id_token: tokens.id_token,
            refresh_token: tokens.refresh_token,
            ..record
        }))
    }

    /// The same without what a keyring has.
    pub(super) fn without_tokens(&self) -> Result<Option<Record>> {
        self.file.read()
    }

    /// Whether it is of a session with this supervisor, as far as it can be read.
    pub(super) fn is_of(&self, id: &SupervisorId) -> bool {
        let record = self.without_tokens().ok().flatten();
        record.is_some_and(|record| record.supervisor.id().is_ok_and(|found| found == *id))
    }

    /// Checks that a session can be kept there.
    pub(super) fn check(&self, store: TokenStore) -> Result<()> {
        self.file.begin()?;
        match store {
            TokenStore::File => Ok(()),
            TokenStore::Keyring => check_keyring(),
        }
    }

    /// Begins to replace it: an error here means that nothing can be kept.
    pub(super) fn begin(&self) -> Result<Next> {
        Ok(Next {
            pending: self.file.begin()?,
            keyring: self.keyring(),
        })
    }

    /// Removes it, and what a keyring has.
    pub(super) fn remove(&self) -> Result<()> {
        let in_keyring = matches!(self.without_tokens(), Ok(Some(record)) if record.token_store == TokenStore::Keyring);
        let emptied = if in_keyring { self.keyring().remove() } else { Ok(()) };
        self.file.remove()?;
        emptied
    }

    /// Waits until no other process changes it.
    pub(super) async fn lock(&self) -> Result<Lock> {
        self.file.lock().await
    }

    /// Whether there is something, be it usable or not.
    pub(super) fn exists(&self) -> bool {
        self.file.exists()
    }

    /// Where it is.
    pub(super) fn display(&self) -> std::path::Display<'_> {
        self.file.display()
    }

    fn keyring(&self) -> KeyringEntry {
        KeyringEntry::new(self.file.name())
    }
}

impl Next {
    /// Puts the record in place.
    pub(super) fn finish(self, record: &Record) -> Result<()> {
        if record.token_store == TokenStore::File {
            return self.pending.finish(record);
        }
        let tokens = Tokens {
            id_token: record.id_token.clone(),
            refresh_token: record.refresh_token.clone(),
        };
        let secret =
            serde_json::to_vec(&tokens).map_err(|error| Error::failed(format!("the tokens can't be kept: {error}")))?;
        // First, as the ones before are of no use any more.
        self.keyring.write(secret)?;
        self.pending.finish(&Record {
            id_token: String::new(),
            refresh_token: None,
            ..record.clone()
        })
    }
}
