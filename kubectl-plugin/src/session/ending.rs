//! The end of a session: here, and at the issuer.

use super::{Record, file, kept::Kept};
use crate::{
    error::{Error, Result},
    private::{self, PrivateFolder},
    supervisor::SupervisorId,
};

/// What is kept of a session, whatever state it is in.
pub(crate) struct Ending {
    file: Kept,
    /// None when it is broken; an error when it is not used, since others could have written it.
    record: Result<Option<Record>>,
}

/// How far a session ended.
pub(crate) enum Ended {
    /// Here and at the issuer.
    Everywhere,
    /// Only here, and why.
    Here(Error),
}

impl Ending {
    /// What is kept of sessions with this supervisor: that of a person, and those of programs.
    pub(crate) fn of(id: &SupervisorId) -> Result<Vec<Self>> {
        let own = file(id)?;
        let of_programs = all()?.filter(|kept| *kept != own && kept.is_of(id));
        let mut found: Vec<_> = of_programs.map(Self::read).collect();
        found.extend(own.exists().then(|| Self::read(own)));
        Ok(found)
    }

    /// What is kept of all sessions.
    pub(crate) fn all() -> Result<Vec<Self>> {
        Ok(all()?.map(Self::read).collect())
    }

    /// Host and port of the supervisor, where they are known.
    pub(crate) fn host(&self) -> Option<&str> {
        let record = self.record.as_ref().ok()?;
        Some(record.as_ref()?.supervisor.host())
    }

    /// Where it is kept.
    pub(crate) fn path(&self) -> std::path::Display<'_> {
        self.file.display()
    }

    /// Forgets the session, and tells the issuer. An error means that it is still kept.
    pub(crate) async fn end(self) -> Result<Ended> {
        // Where nothing can be written, the issuer is told all the same.
        let lock = self.file.lock().await;
        // Another command may have renewed it since.
        let latest = match self.record {
            Ok(Some(known)) => Ok(self.file.read().ok().flatten().unwrap_or(known)),
            Ok(None) => Err(Error::failed("what was kept of it is broken")),
            Err(why) => Err(why),
        };
        let removed = self.file.remove();
        drop(lock);
        let told = match latest {
            Ok(record) => tell(&record).await,
            Err(why) => Err(why),
        };
        match (removed, told) {
            (Ok(()), Ok(())) => Ok(Ended::Everywhere),
            (Ok(()), Err(why)) => Ok(Ended::Here(why)),
            (Err(kept), Ok(())) => Err(Error::failed(format!(
                "the session has ended at the issuer, but {}",
                kept.without_next()
            ))
            .next("Remove it yourself.")),
            (Err(kept), Err(_)) => Err(kept),
        }
    }

    fn read(file: Kept) -> Self {
        Self {
            record: file.read(),
            file,
        }
    }
}

fn all() -> Result<impl Iterator<Item = Kept>> {
    let files = PrivateFolder::of(private::Kept::Sessions)?.files()?;
    Ok(files.into_iter().map(Kept::new))
}

async fn tell(record: &Record) -> Result<()> {
    match (&record.refresh_token, &record.endpoints) {
        (Some(token), Some(endpoints)) => record.issuer.revoke(endpoints, token).await,
        _ => Ok(()),
    }
}
