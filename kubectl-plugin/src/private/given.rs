//! Files with a secret that others have put there for us: read when the secret is needed, and never copied.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use super::check::{self, Unsafe};
use crate::{
    error::{Error, Result, cause},
    shell,
};

/// As much as the longest token that a supervisor looks at.
const LARGEST: u64 = 64 * 1024;

/// Such a file, and the flag that names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GivenFile<'a> {
    pub(crate) flag: &'static str,
    pub(crate) path: &'a Path,
}

impl GivenFile<'_> {
    /// The path as it is named, whatever folder the next command runs in.
    pub(crate) fn absolute(flag: &str, path: &Path) -> Result<PathBuf> {
        let absolute = std::path::absolute(path).map_err(|error| Error::usage(format!("{flag}: {}", cause(&error))))?;
        match absolute.to_str() {
            Some(_) => Ok(absolute),
            None => Err(Error::usage(format!(
                "{flag} {}: its name is not UTF-8",
                path.display()
            ))),
        }
    }

    /// Its one line. A file that others can read or write is refused.
    pub(crate) fn secret(&self) -> Result<String> {
        let file = check::open_given(self.path).map_err(|why| self.unusable(&why))?;
        check::check_given(&file).map_err(|why| self.unusable(&why))?;
        self.line(file)
    }

    /// Its one line, whoever else can read it: whoever writes it decides that.
    pub(crate) fn text(&self) -> Result<String> {
        self.line(check::open_given(self.path).map_err(|why| self.unusable(&why))?)
    }

    /// What is wrong with its mode, if anything.
    pub(crate) fn exposure(&self) -> Option<String> {
        match check::check_given(&check::open_given(self.path).ok()?) {
            Err(Unsafe::File(what)) => Some(format!("{} {what}", self.path.display())),
            _ => None,
        }
    }

    fn line(&self, file: std::fs::File) -> Result<String> {
        let mut text = String::new();
        match file.take(LARGEST + 1).read_to_string(&mut text) {
            Ok(read) if read as u64 > LARGEST => return Err(self.wrong("is larger than 64 KiB")),
            Ok(_) => {}
            Err(_) => return Err(self.wrong("can't be read as text")),
        }
        match text.trim() {
            "" => Err(self
                .wrong("is empty")
                .next("Whoever writes it may be about to: try again, or see why nothing is written.")),
            line if line.contains(char::is_control) => Err(self.wrong("has more than one line")),
            line => Ok(line.to_owned()),
        }
    }

    fn unusable(&self, why: &Unsafe) -> Error {
        match why {
            Unsafe::Io(error) if check::is_absent(error) => self
                .wrong("is not there")
                .next("Check the path, and that whoever writes it has done so."),
            Unsafe::Io(error) => self.wrong(&format!("can't be read: {}", cause(error))),
            Unsafe::File(what) | Unsafe::Folder { what, .. } => self
                .wrong(&format!("{what}, so what it holds may not be a secret any more"))
                .next(format!(
                    "Let the issuer make another secret, and keep it to yourself: chmod 600 {}",
                    shell::word(&self.path.to_string_lossy())
                )),
        }
    }

    fn wrong(&self, what: &str) -> Error {
        Error::failed(format!("{} {}: it {what}", self.flag, self.path.display()))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use super::*;

    fn file(path: &Path) -> GivenFile<'_> {
        GivenFile {
            flag: "--client-secret-file",
            path,
        }
    }

    #[test]
    fn a_secret_is_read_through_links_and_only_where_nobody_else_can() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("secret"), folder.path().join("link"));
        fs::write(&path, "s3cret\n").unwrap();
        // As Kubernetes projects its volumes.
        symlink(&path, &link).unwrap();
        let with_mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for mode in [0o600, 0o400] {
            with_mode(mode);
            assert_eq!(file(&link).secret().unwrap(), "s3cret");
            assert_eq!(file(&path).exposure(), None);
        }
        for mode in [0o640, 0o604, 0o644, 0o666, 0o620, 0o602] {
            with_mode(mode);
            let error = file(&path).secret().unwrap_err().to_string();
            assert!(error.contains(&format!("(mode {mode:04o})")), "{error}");
            assert!(error.contains("chmod 600 /") && !error.contains("s3cret"), "{error}");
            assert_eq!(
                file(&path).text().unwrap(),
                "s3cret",
                "a token's file is another program's"
            );
            assert!(file(&path).exposure().unwrap().contains("by others"));
        }
    }

    #[test]
    fn what_holds_no_line_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let error = file(&path).text().unwrap_err().to_string();
        assert!(
            error.starts_with("--client-secret-file /") && error.contains("is not there"),
            "{error}"
        );
        for (content, expected) in [
            ("", "is empty"),
            (" \n\n", "is empty"),
            ("a\nb\n", "more than one line"),
            (&"x".repeat(70_000), "larger than 64 KiB"),
        ] {
            fs::write(&path, content).unwrap();
            let error = file(&path).text().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(file(&path).text().unwrap_err().to_string().contains("as text"));
        let error = file(folder.path()).text().unwrap_err().to_string();
        assert!(error.contains("it is no file"), "{error}");
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
        assert!(file(&pipe).text().is_err(), "nobody is waited for");
    }
}
