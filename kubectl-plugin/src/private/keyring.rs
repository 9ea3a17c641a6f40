//! The system's keyring, for who wants no token in a file: on Linux whatever answers for the Secret Service of freedesktop.org.

use std::{
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use crate::error::{Error, Result};

/// Longest for an answer: a keyring that is locked may ask the person first.
const PATIENCE: Duration = Duration::from_secs(15);
const NEXT: &str = "See that a keyring runs and is unlocked, as desktops do at the login (gnome-keyring, KWallet, KeePassXC); or sign in with the tokens in a file: kubectl guest login --token-store file";

/// A secret in the keyring. It need not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyringEntry {
    name: String,
}

impl KeyringEntry {
    /// The entry of this name among ours.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// The secret, if there is one.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>> {
        let name = self.name.clone();
        answered(move || service::read(&name))
    }

    /// Replaces the secret.
    pub(crate) fn write(&self, secret: Vec<u8>) -> Result<()> {
        let name = self.name.clone();
        answered(move || service::write(&name, &secret))
    }

    /// Removes the secret, if there is one.
    pub(crate) fn remove(&self) -> Result<()> {
        let name = self.name.clone();
        answered(move || service::remove(&name))
    }
}

/// Checks that there is a keyring that keeps what it is given, before anything depends on it.
pub(crate) fn check() -> Result<()> {
    let probe = KeyringEntry::new("probe");
    probe.write(b"probe".to_vec())?;
    match probe.read()? {
        Some(secret) if secret == b"probe" => probe.remove(),
        _ => Err(unusable("it does not keep what it is given")),
    }
}

/// What the keyring says, unless it takes too long. Whatever hangs is left behind, and ends with this process.
fn answered<T: Send + 'static>(ask: impl FnOnce() -> std::result::Result<T, String> + Send + 'static) -> Result<T> {
    let (tell, told) = sync_channel(1);
    thread::spawn(move || tell.send(ask()));
    match told.recv_timeout(PATIENCE) {
        Ok(answer) => answer.map_err(|why| unusable(&why)),
        Err(RecvTimeoutError::Timeout) => Err(unusable("it does not answer in time: is it locked?")),
        Err(RecvTimeoutError::Disconnected) => Err(unusable("it gave no answer")),
    }
}

fn unusable(why: &str) -> Error {
    Error::failed(format!("the system's keyring can't be used: {why}")).next(NEXT)
}

#[cfg(all(feature = "keyring", target_os = "linux"))]
mod service {
    use keyring_core::{Entry, Error, api::CredentialStoreApi as _};
    use zbus_secret_service_keyring_store::Store;

    /// What entries of ours are called for people who look into their keyring.
    const SERVICE: &str = "kubectl-guest";

    pub(super) fn read(name: &str) -> Result<Option<Vec<u8>>, String> {
        match entry(name)?.get_secret() {
            Ok(secret) => Ok(Some(secret)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(said(&error)),
        }
    }

    pub(super) fn write(name: &str, secret: &[u8]) -> Result<(), String> {
        entry(name)?.set_secret(secret).map_err(|error| said(&error))
    }

    pub(super) fn remove(name: &str) -> Result<(), String> {
        match entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(said(&error)),
        }
    }

    fn entry(name: &str) -> Result<Entry, String> {
        let store = Store::new().map_err(|error| said(&error))?;
        store.build(SERVICE, name, None).map_err(|error| said(&error))
    }

    /// In one line, and never with bytes of a secret.
    fn said(error: &Error) -> String {
        match error {
            Error::PlatformFailure(cause) => format!("no keyring answers ({cause})"),
            Error::NoStorageAccess(cause) => format!("it is locked ({cause})"),
            Error::BadEncoding(_) | Error::BadDataFormat(..) => "it holds what is not ours".to_owned(),
            Error::Ambiguous(_) => "it has several entries of this name".to_owned(),
            other => other.to_string(),
        }
    }
}

#[cfg(not(all(feature = "keyring", target_os = "linux")))]
mod service {
    const NONE: &str = "this kubectl-guest was built without one";

    pub(super) fn read(_name: &str) -> Result<Option<Vec<u8>>, String> {
        Err(NONE.to_owned())
    }

    pub(super) fn write(_name: &str, _secret: &[u8]) -> Result<(), String> {
        Err(NONE.to_owned())
    }

    pub(super) fn remove(_name: &str) -> Result<(), String> {
        Err(NONE.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_that_says_no_is_told_with_what_helps() {
        let error = answered::<()>(|| Err("no keyring answers".to_owned())).unwrap_err();
        assert_eq!(error.code(), 1);
        assert!(error.to_string().contains("--token-store file"), "{error}");
        let error = answered::<()>(|| panic!("as a library may")).unwrap_err().to_string();
        assert!(error.contains("it gave no answer"), "{error}");
    }
}
