//! The disk of a VM: a folder in which the paths of its guest system are found, and files that only their owner reads.

use std::{
    fs, io,
    io::Write as _,
    path::{Component, Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use guest_system::cloud_init::File;

/// Written when all files of the bootstrap data are there: what the guest system changed afterwards stays.
const WRITTEN: &str = "files-written";

/// The disk of a VM.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
}

/// A file of the bootstrap data can't be written. Never quotes it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("{0}: {1}")]
    Io(String, io::Error),
    #[error("file {0} of the bootstrap data: its path must be absolute, without ..")]
    Path(String),
    #[error("file {0} of the bootstrap data: encoding {1:?} is not supported; accepted: none, base64")]
    Encoding(String, String),
    #[error("file {0} of the bootstrap data is not base64")]
    Base64(String),
}

impl Disk {
    /// In this folder of the VM.
    pub(crate) fn new(vm: &Path) -> Self {
        Self {
            folder: vm.join("root"),
        }
    }

    /// Where a path of the guest system is on this machine. A path that is not absolute is taken from the root.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        let parts = Path::new(path).components();
        // Nothing leads out of the folder.
        let parts = parts.filter(|part| matches!(part, Component::Normal(_)));
        self.folder.join(parts.collect::<PathBuf>())
    }

    /// The same as text.
    pub(crate) fn path(&self, path: &str) -> String {
        self.file(path).to_string_lossy().into_owned()
    }

    /// Writes what cloud-init would, once in the life of the disk.
    pub(crate) fn write_files(&self, files: &[File]) -> Result<(), FileError> {
        let written = self.folder.join(WRITTEN);
        if written.exists() {
            return Ok(());
        }
        for file in files {
            self.write_file(file)?;
        }
        write_private(&written, b"").map_err(|error| FileError::Io(WRITTEN.to_owned(), error))
    }

    /// The content of a file, if it is there.
    pub(crate) fn read(&self, path: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.file(path)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a file whole or not at all.
    pub(crate) fn write(&self, path: &str, content: &str) -> io::Result<()> {
        write_private(&self.file(path), content.as_bytes())
    }

    fn write_file(&self, file: &File) -> Result<(), FileError> {
        let path = Path::new(&file.path);
        let strays = path.components().any(|part| matches!(part, Component::ParentDir));
        if strays || !path.is_absolute() {
            return Err(FileError::Path(file.path.clone()));
        }
        let io = |error| FileError::Io(file.path.clone(), error);
        let mut content = decoded(file)?;
        let target = self.file(&file.path);
        if file.append && target.exists() {
            let mut before = fs::read(&target).map_err(io)?;
            before.append(&mut content);
            content = before;
        }
        write_private(&target, &content).map_err(io)
    }
}

fn decoded(file: &File) -> Result<Vec<u8>, FileError> {
    match file.encoding.as_deref() {
        None | Some("" | "text/plain") => Ok(file.content.clone().into_bytes()),
        Some("base64" | "b64") => STANDARD
            .decode(file.content.split_whitespace().collect::<String>())
            .map_err(|_| FileError::Base64(file.path.clone())),
        Some(other) => Err(FileError::Encoding(file.path.clone(), other.to_owned())),
    }
}

/// Writes a file of mode 0600 whole or not at all, in a folder that is made.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .ok_or_else(|| io::Error::other("a file lies in a folder"))?;
    make_private(folder)?;
    // Of mode 0600 by itself.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    fs::File::open(folder)?.sync_all()
}

/// Makes a folder of mode 0700, with the ones above it.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Removes a folder with all that is in it, if it is there.
pub(crate) fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(path: &str, content: &str) -> File {
        File {
            path: path.to_owned(),
            content: content.to_owned(),
            encoding: None,
            append: false,
        }
    }

    #[test]
    fn files_are_written_once_and_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path());
        let mut encoded = file("/etc/b", "aGVsbG8=\n");
        encoded.encoding = Some("base64".to_owned());
        disk.write_files(&[file("/etc/kubernetes/pki/ca.key", "secret"), encoded])
            .unwrap();
        let key = disk.file("/etc/kubernetes/pki/ca.key");
        assert!(key.starts_with(folder.path()));
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(disk.read("/etc/b").unwrap().as_deref(), Some("hello"));
        disk.write("/etc/b", "changed").unwrap();
        disk.write_files(&[file("/etc/b", "again")]).unwrap();
        assert_eq!(disk.read("/etc/b").unwrap().as_deref(), Some("changed"));
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path());
        for path in ["/etc/../../x", "etc/x"] {
            let refused = disk.write_files(&[file(path, "")]).unwrap_err().to_string();
            assert!(refused.contains(path), "{refused}");
        }
        assert!(disk.file("/../../etc/passwd").starts_with(folder.path()));
    }
}
