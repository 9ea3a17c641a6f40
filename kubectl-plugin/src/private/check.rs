//! Whether a file or folder is this user's alone.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Why a file is not used.
#[derive(Debug)]
pub(super) enum Unsafe {
    Io(io::Error),
    Folder(PathBuf, String),
    File(String),
}

impl From<io::Error> for Unsafe {
    fn from(error: io::Error) -> Self {
        Unsafe::Io(error)
    }
}

/// Makes the folder and those above it for this user alone; one that is there must be so.
pub(super) fn make_folder(path: &Path) -> Result<(), Unsafe> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    check_folder(path)
}

/// Opens a file that is this user's alone; none when it is not there.
pub(super) fn open(path: &Path) -> Result<Option<File>, Unsafe> {
    let mut options = File::options();
    options.read(true);
    // The link itself is not followed, so what is opened is what is looked at.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, no_follow());
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) if path.is_symlink() => return Err(Unsafe::File("is a symbolic link".to_owned())),
        Err(error) => return Err(error.into()),
    };
    check_file(&file)?;
    if let Some(folder) = path.parent() {
        check_folder(folder)?;
    }
    Ok(Some(file))
}

#[cfg(unix)]
fn no_follow() -> i32 {
    (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK)
        .bits()
        .cast_signed()
}

#[cfg(unix)]
fn check_file(file: &File) -> Result<(), Unsafe> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = file.metadata()?;
    let refused = |why: String| Err(Unsafe::File(why));
    if !metadata.is_file() {
        return refused("is no file".to_owned());
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return refused("belongs to another user".to_owned());
    }
    if metadata.mode() & 0o077 != 0 {
        return refused(format!("can be read by others (mode {:04o})", metadata.mode() & 0o7777));
    }
    if metadata.nlink() != 1 {
        return refused("has a second name (a hard link)".to_owned());
    }
    Ok(())
}

#[cfg(unix)]
fn check_folder(path: &Path) -> Result<(), Unsafe> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::symlink_metadata(path)?;
    let refused = |why: String| Err(Unsafe::Folder(path.to_owned(), why));
    if !metadata.is_dir() {
        return refused("is no folder".to_owned());
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return refused("belongs to another user".to_owned());
    }
    if metadata.mode() & 0o022 != 0 {
        return refused(format!(
            "can be written by others (mode {:04o})",
            metadata.mode() & 0o7777
        ));
    }
    Ok(())
}

// Elsewhere the user's own folders are nobody else's from the beginning.
#[cfg(not(unix))]
fn check_file(_file: &File) -> Result<(), Unsafe> {
    Ok(())
}

#[cfg(not(unix))]
fn check_folder(_path: &Path) -> Result<(), Unsafe> {
    Ok(())
}
