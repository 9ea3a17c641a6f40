//! A credential for one guest: kept on this computer while it is fresh, exchanged anew by one process for all.

mod cached;
mod caller;
mod exchange;
mod exec;
mod probe;
mod signing_key;

use std::time::Duration;

use guestcluster_types::Level;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use self::{
    cached::Next,
    exchange::{Minted, Wanted},
};
pub(crate) use self::{
    cached::{Cached, Proof},
    caller::Caller,
    exec::{ExecInfo, print},
};
use crate::{
    error::{Error, Result},
    private::{Kept, PrivateFile, PrivateFolder},
    session::{Record, Session},
    supervisor::{SupervisorId, hex},
};

/// A guest as its supervisor names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Guest {
    /// One by names that a guest can have. They become parts of URLs and of commands that are shown, also when a kubeconfig of
    /// somebody else names them.
    pub(crate) fn new(namespace: &str, name: &str) -> Result<Self> {
        for (what, text) in [("namespace", namespace), ("cluster", name)] {
            if !is_label(text) {
                return Err(Error::usage(format!("no {what} can be called {text:?}"))
                    .next("Names are of lower-case letters, digits and '-'."));
            }
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// Which of the guests that had this name, and what may be done there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GuestAccess {
    pub(crate) guest: Guest,
    pub(crate) uid: String,
    pub(crate) level: Level,
    /// How long each credential shall last; the supervisor decides where none is given.
    pub(crate) lifetime: Option<Duration>,
}

/// A request for a certificate when nothing else works.
#[derive(Debug)]
pub(crate) struct BreakGlass {
    /// Recorded on the supervisor.
    pub(crate) reason: String,
    /// How long it shall last; the supervisor decides where none is given.
    pub(crate) lifetime: Option<Duration>,
}

/// A break-glass certificate, whatever is kept, and the name of its record. It is kept for the calls that follow, and never
/// renewed by itself.
pub(crate) async fn broken_glass(session: &Session, guest: &Guest, asked: &BreakGlass) -> Result<(Cached, String)> {
    let wanted = Wanted {
        level: Level::BreakGlass,
        lifetime: asked.lifetime,
        reason: Some(&asked.reason),
    };
    let minted = exchange::exchange(session, guest, &wanted).await?;
    let (record, name) = (session.record().await, minted.record.clone());
    // The lifetime was this one's: nothing like it follows by itself.
    let wanted = Wanted {
        lifetime: None,
        ..wanted
    };
    let cached = Cached::new(&record, guest, &wanted, minted, Timestamp::now());
    let file = file(&record, &cached.access())?;
    let lock = file.lock().await;
    keep(&file, &cached, lock.as_ref().err());
    Ok((cached, name))
}

/// The command that breaks the glass of a guest.
pub(crate) fn break_glass_command(guest: &Guest) -> String {
    format!(
        "kubectl guest break-glass {} -n {} --reason WHY",
        guest.name, guest.namespace
    )
}

/// A credential that was just exchanged, whatever is kept. It is kept for the calls that follow.
pub(crate) async fn exchanged(
    session: &Session,
    guest: &Guest,
    level: Level,
    lifetime: Option<Duration>,
) -> Result<Cached> {
    let wanted = token(level, lifetime);
    let minted = exchange::exchange(session, guest, &wanted).await?;
    let record = session.record().await;
    let cached = Cached::new(&record, guest, &wanted, minted, Timestamp::now());
    let file = file(&record, &cached.access())?;
    let lock = file.lock().await;
    keep(&file, &cached, lock.as_ref().err());
    Ok(cached)
}

/// The credential for kubectl: the one that is kept, or a new one. `caller` is the process that asks.
pub(crate) async fn obtain(session: &Session, access: &GuestAccess, caller: Option<Caller>) -> Result<Cached> {
    let record = session.record().await;
    let file = file(&record, access)?;
    // Where nothing can be kept, there is still a credential for this once.
    let lock = file.lock().await;
    let held: Option<Cached> = file.read()?;
    let now = Timestamp::now();
    if access.level == Level::BreakGlass {
        // Each one has a reason: none is exchanged because another one has ended.
        return held.filter(|held| held.lasts(now)).ok_or_else(|| {
            Error::failed("there is no break-glass certificate, or it has ended")
                .next(format!("With a reason: {}", break_glass_command(&access.guest)))
        });
    }
    let refused = match &held {
        None => false,
        Some(held) => match held.next(caller.as_ref(), now) {
            Next::Exchange => false,
            Next::Ask if probe::refuses(held).await => true,
            Next::Use | Next::Ask => {
                let used = held.clone().used_by(caller);
                // Where it can't be kept who has it, nobody is asked about it.
                let _ = file.write_unsynced(&used);
                return Ok(used);
            }
        },
    };
    let wanted = token(access.level, access.lifetime);
    match exchange::exchange(session, &access.guest, &wanted).await {
        Ok(minted) => {
            same_guest(access, &minted)?;
            let cached = Cached::new(&record, &access.guest, &wanted, minted, Timestamp::now()).used_by(caller);
            keep(&file, &cached, lock.as_ref().err());
            Ok(cached)
        }
        Err(error) if error.is_refusal() => {
            // Without the right, or without the guest, what is kept is of no use any more.
            file.remove().unwrap_or_else(|error| warn(&error));
            Err(error)
        }
        Err(error) => match held.filter(|held| !refused && held.lasts(now)) {
            Some(held) => {
                warn(&error);
                Ok(held)
            }
            None => Err(error),
        },
    }
}

/// Forgets what is kept for a supervisor, or for all.
pub(crate) fn forget(supervisor: Option<&SupervisorId>) -> Result<()> {
    for file in PrivateFolder::of(Kept::Credentials)?.files()? {
        // What can't be read is of no use to anybody.
        let cached = file.read::<Cached>().ok().flatten();
        let other = cached.zip(supervisor).is_some_and(|(cached, id)| !cached.is_of(id));
        if !other {
            file.remove()?;
        }
    }
    Ok(())
}

fn token(level: Level, lifetime: Option<Duration>) -> Wanted<'static> {
    Wanted {
        level,
        lifetime,
        reason: None,
    }
}

fn file(record: &Record, access: &GuestAccess) -> Result<PrivateFile> {
    let key = [
        &record.supervisor.id()?.key(),
        &record.issuer.url,
        &record.subject,
        &access.guest.namespace,
        &access.guest.name,
        &access.uid,
        access.level.as_str(),
    ]
    .map(ToOwned::to_owned);
    let lifetime = access.lifetime.map(|lifetime| lifetime.as_secs().to_string());
    let key: Vec<_> = key.into_iter().chain(lifetime).collect();
    let key = hex(&Sha256::digest(key.join("\n")));
    Ok(PrivateFolder::of(Kept::Credentials)?.file(&key))
}

/// Whether it is a DNS label (RFC 1123).
pub(crate) fn is_label(text: &str) -> bool {
    let plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}

/// A guest that was deleted and made again under its name is another one, with another authority.
fn same_guest(access: &GuestAccess, minted: &Minted) -> Result<()> {
    if minted.guest_uid == access.uid {
        return Ok(());
    }
    let Guest { namespace, name } = &access.guest;
    Err(Error::failed(format!(
        "{namespace}/{name} is another guest cluster than the one that was logged in to"
    ))
    .next(format!("Log in to this one: kubectl guest login {name} -n {namespace}")))
}

/// Keeps a credential for the calls that follow. There is one all the same where that is not possible, and one warning.
fn keep(file: &PrivateFile, cached: &Cached, unlocked: Option<&Error>) {
    let kept = file.write_unsynced(cached);
    if let Some(error) = kept.as_ref().err().or(unlocked) {
        warn(error);
    }
}

fn warn(error: &Error) {
    eprintln!("warning: {}", error.clone().in_one_line());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_paths() {
        assert!(Guest::new("team-a", "dev-1").is_ok());
        for wrong in [
            "",
            "..",
            "../x",
            "dev/scale",
            "dev?x",
            "Dev",
            "-dev",
            "dev-",
            "d\u{1b}[2J",
            &"d".repeat(64),
        ] {
            let error = Guest::new("team-a", wrong).unwrap_err();
            assert_eq!(error.code(), 2, "{wrong}");
            assert!(!error.to_string().contains('\u{1b}'), "{error}");
            assert!(Guest::new(wrong, "dev").is_err(), "{wrong}");
        }
    }
}
