//! Files that hold secrets: in a folder of this user alone, mode 0600, replaced whole, changed by one process at a time.

mod check;
mod given;
mod keyring;
mod lock;

use std::{
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use tempfile::NamedTempFile;

use self::check::Unsafe;
pub(crate) use self::{
    given::GivenFile,
    keyring::{KeyringEntry, check as check_keyring},
    lock::Lock,
};
use crate::{
    error::{Error, Result, cause},
    shell,
};

/// Our folder in the user's cache folder.
const FOLDER: &str = "kubectl-guest";
/// More than any of our files has.
const LARGEST: u64 = 1024 * 1024;

/// What is kept in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// That somebody signed in.
    Sessions,
    /// What can be had again at any time.
    Credentials,
}

/// A folder of private files.
#[derive(Clone, Debug)]
pub(crate) struct PrivateFolder {
    path: PathBuf,
    kept: Kept,
}

/// A private file, which may not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrivateFile {
    path: PathBuf,
    kept: Kept,
}

/// The next content of a file, of which it is known that it can be written.
pub(crate) struct Pending {
    path: PathBuf,
    file: NamedTempFile,
}

impl PrivateFolder {
    /// A folder below the user's cache folder (`XDG_CACHE_HOME`, else `~/.cache`); it need not exist.
    pub(crate) fn of(kept: Kept) -> Result<Self> {
        let cache = dirs::cache_dir().ok_or_else(|| {
            Error::failed("there is no cache folder: neither HOME nor XDG_CACHE_HOME is set").next("Set HOME.")
        })?;
        let name = match kept {
            Kept::Sessions => "sessions",
            Kept::Credentials => "credentials",
        };
        Ok(Self {
            path: cache.join(FOLDER).join(name),
            kept,
        })
    }

    /// The file of this key.
    pub(crate) fn file(&self, key: &str) -> PrivateFile {
        PrivateFile {
            path: self.path.join(format!("{key}.json")),
            kept: self.kept,
        }
    }

    /// All files that there are.
    pub(crate) fn files(&self) -> Result<Vec<PrivateFile>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if check::is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(Error::failed(format!("{}: {}", self.path.display(), cause(&error)))),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                files.push(PrivateFile { path, kept: self.kept });
            }
        }
        Ok(files)
    }
}

impl PrivateFile {
    /// Whether there is something of this name, be it usable or not.
    pub(crate) fn exists(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    /// Its key.
    pub(crate) fn name(&self) -> &str {
        self.path
            .file_stem()
            .and_then(std::ffi::OsStr::to_str)
            .unwrap_or_default()
    }

    /// Where it is.
    pub(crate) fn display(&self) -> std::path::Display<'_> {
        self.path.display()
    }

    /// What the file holds; none where there is no file, or one that says nothing. A file that others could have read or written
    /// is refused.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let file = match check::open(&self.path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(None),
            Err(why) => return Err(self.unsafe_because(&why)),
        };
        let mut text = String::new();
        // What is too long ends early, and so is no JSON.
        let read = file.take(LARGEST).read_to_string(&mut text);
        match read.map(|_| serde_json::from_str(&text)) {
            Ok(Ok(content)) => Ok(Some(content)),
            Ok(Err(_)) | Err(_) => {
                eprintln!("note: {} is broken and is not used", self.path.display());
                Ok(None)
            }
        }
    }

    /// Begins to replace the file: an error here means that nothing can be kept, before anything depends on it.
    pub(crate) fn begin(&self) -> Result<Pending> {
        let folder = self.prepare_folder()?;
        let file = NamedTempFile::new_in(folder).map_err(|error| self.unwritable(&error))?;
        Ok(Pending {
            path: self.path.clone(),
            file,
        })
    }

    /// Replaces the file.
    pub(crate) fn write(&self, content: &impl Serialize) -> Result<()> {
        self.begin()?.finish(content)
    }

    /// Replaces the file, which a power cut may undo or spoil: for what can be had again.
    pub(crate) fn write_unsynced(&self, content: &impl Serialize) -> Result<()> {
        self.begin()?.put(content, false)
    }

    /// Removes the file, if it is there.
    pub(crate) fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if !check::is_absent(&error) => {
                Err(
                    Error::failed(format!("{} can't be removed: {}", self.path.display(), cause(&error)))
                        .next("Remove it yourself."),
                )
            }
            _ => Ok(()),
        }
    }

    /// Waits until no other process changes the file.
    pub(crate) async fn lock(&self) -> Result<Lock> {
        self.prepare_folder()?;
        Lock::take(&self.path.with_extension("lock")).await
    }

    fn prepare_folder(&self) -> Result<&Path> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        match check::make_folder(folder) {
            Ok(()) => Ok(folder),
            Err(Unsafe::Io(error)) => Err(self.unwritable(&error)),
            Err(why) => Err(self.unsafe_because(&why)),
        }
    }

    fn unwritable(&self, error: &std::io::Error) -> Error {
        let folder = self.path.parent().unwrap_or(&self.path);
        Error::failed(format!("nothing can be kept in {}: {}", folder.display(), cause(error)))
            .next("Make the folder writable, or set XDG_CACHE_HOME to another one.")
    }

    fn unsafe_because(&self, why: &Unsafe) -> Error {
        let path = self.path.display();
        match why {
            Unsafe::Io(error) => Error::failed(format!("{path}: {}", cause(error))),
            Unsafe::Folder { path, what, mend } => {
                Error::failed(format!("{} {what}, and secrets are kept there", path.display())).next(format!(
                    "If nobody else uses this account: {mend} {}",
                    shell::word(&path.to_string_lossy())
                ))
            }
            Unsafe::File(what) => {
                let remove = format!("rm {}", shell::word(&self.path.to_string_lossy()));
                let remedy = match self.kept {
                    Kept::Sessions => format!("Remove it and sign in again: {remove}; kubectl guest login"),
                    Kept::Credentials => format!("Remove it, the next command gets another one: {remove}"),
                };
                Error::failed(format!("{path} {what}, so what it holds may not be a secret any more")).next(remedy)
            }
        }
    }
}

impl Pending {
    /// Puts the content in place at once, to stay there after a power cut too.
    pub(crate) fn finish(self, content: &impl Serialize) -> Result<()> {
        self.put(content, true)
    }

    fn put(mut self, content: &impl Serialize, sync: bool) -> Result<()> {
        let failed = |error: &(dyn std::error::Error + 'static)| {
            Error::failed(format!("{} can't be written: {}", self.path.display(), cause(error)))
                .next("Make room for it, or set XDG_CACHE_HOME to another folder.")
        };
        let text = serde_json::to_string_pretty(content).map_err(|error| failed(&error))?;
        self.file
            .write_all(text.as_bytes())
            .and_then(|()| if sync { self.file.as_file().sync_all() } else { Ok(()) })
            .map_err(|error| failed(&error))?;
        self.file.persist(&self.path).map_err(|error| failed(&error.error))?;
        Ok(())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use serde_json::{Value, json};

    use super::*;

    fn folder() -> (tempfile::TempDir, PrivateFolder) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(FOLDER).join("sessions");
        let kept = Kept::Sessions;
        (root, PrivateFolder { path, kept })
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_private_and_is_found_again() {
        let (_root, folder) = folder();
        let file = folder.file("a");
        assert_eq!(file.read::<Value>().unwrap(), None);
        assert!(folder.files().unwrap().is_empty());
        file.write(&json!({"a": 1})).unwrap();
        assert_eq!(file.read::<Value>().unwrap(), Some(json!({"a": 1})));
        assert_eq!(mode(&file.path), 0o600);
        assert_eq!(mode(&folder.path), 0o700);
        assert_eq!(folder.files().unwrap().len(), 1);
        file.remove().unwrap();
        file.remove().unwrap();
        assert_eq!(file.read::<Value>().unwrap(), None);
    }

    #[test]
    fn what_others_could_have_read_or_written_is_refused() {
        let (root, folder) = folder();
        let file = folder.file("a");
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let refused = |expected: &str| {
            let error = file.read::<Value>().unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("\n\n"), "{error}");
        };
        file.write(&json!(1)).unwrap();
        set(&file.path, 0o644);
        refused("can be read by others (mode 0644)");
        set(&file.path, 0o600);
        fs::hard_link(&file.path, root.path().join("other")).unwrap();
        refused("has a second name");
        file.remove().unwrap();
        symlink(root.path().join("other"), &file.path).unwrap();
        refused("is a symbolic link");
        file.remove().unwrap();
        file.write(&json!(1)).unwrap();
        set(&folder.path, 0o777);
        refused("can be written by others (mode 0777)");
        set(&folder.path, 0o700);
        set(folder.path.parent().unwrap(), 0o770);
        refused("can be written by others (mode 0770)");
    }

    #[test]
    fn a_broken_file_is_as_none_and_is_replaced() {
        let (_root, folder) = folder();
        let file = folder.file("a");
        for broken in ["", "{", "{\"a\":", "\u{0}\u{0}"] {
            file.write(&json!(1)).unwrap();
            fs::write(&file.path, broken).unwrap();
            assert_eq!(file.read::<Value>().unwrap(), None, "{broken:?}");
        }
        file.write(&json!(2)).unwrap();
        assert_eq!(file.read::<Value>().unwrap(), Some(json!(2)));
    }

    #[test]
    fn a_folder_that_is_none_is_told_with_what_to_do() {
        let folder = PrivateFolder {
            path: "/dev/null/kubectl-guest".into(),
            kept: Kept::Credentials,
        };
        assert!(folder.files().unwrap().is_empty());
        assert_eq!(folder.file("a").read::<Value>().unwrap(), None);
        folder.file("a").remove().unwrap();
        let error = folder.file("a").begin().err().unwrap().to_string();
        assert!(
            error.contains("/dev/null/kubectl-guest") && error.contains("XDG_CACHE_HOME"),
            "{error}"
        );
    }
}
