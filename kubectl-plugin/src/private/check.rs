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
    Folder {
        path: PathBuf,
        what: String,
        /// The command that helps.
        mend: &'static str,
    },
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
    check_folders(path)
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
        Err(error) if is_absent(&error) => return Ok(None),
        Err(_) if path.is_symlink() => return Err(Unsafe::File("is a symbolic link".to_owned())),
        Err(error) => return Err(error.into()),
    };
    check_file(&file)?;
    if let Some(folder) = path.parent() {
        check_folders(folder)?;
    }
    Ok(Some(file))
}

/// Opens a file that others have put there, behind links too; anything but a file is refused without waiting for it.
pub(super) fn open_given(path: &Path) -> Result<File, Unsafe> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Unsafe::Io(io::Error::other("it is no file")));
    }
    Ok(file)
}

/// Whether there is nothing of this name, or what should be its folder is none.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The folder, and the one above it, which is ours too.
fn check_folders(path: &Path) -> Result<(), Unsafe> {
    check_folder(path)?;
    path.parent().map_or(Ok(()), check_folder)
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

/// Whether only this user can read a file, and the system's administrator, who may also let us read it as one of a group: so do
/// Kubernetes' volumes.
#[cfg(unix)]
pub(super) fn check_given(file: &File) -> Result<(), Unsafe> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = file.metadata()?;
    let refused = |what: &str| Err(Unsafe::File(format!("{what} (mode {:04o})", metadata.mode() & 0o7777)));
    let own = metadata.uid() == rustix::process::geteuid().as_raw();
    if !own && metadata.uid() != 0 {
        return Err(Unsafe::File("belongs to another user".to_owned()));
    }
    if metadata.mode() & 0o022 != 0 {
        return refused("can be written by others");
    }
    if metadata.mode() & (if own { 0o044 } else { 0o004 }) != 0 {
        return refused("can be read by others");
    }
    Ok(())
}

#[cfg(unix)]
fn check_folder(path: &Path) -> Result<(), Unsafe> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::symlink_metadata(path)?;
    let refused = |what: String, mend| {
        let path = path.to_owned();
        Err(Unsafe::Folder { path, what, mend })
    };
    if !metadata.is_dir() {
        return refused("is no folder".to_owned(), "rm");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return refused("belongs to another user".to_owned(), "rm -r");
    }
    if metadata.mode() & 0o022 != 0 {
        let mode = metadata.mode() & 0o7777;
        return refused(format!("can be written by others (mode {mode:04o})"), "chmod 700");
    }
    Ok(())
}

// Elsewhere the user's own folders are nobody else's from the beginning.
#[cfg(not(unix))]
fn check_file(_file: &File) -> Result<(), Unsafe> {
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn check_given(_file: &File) -> Result<(), Unsafe> {
    Ok(())
}

#[cfg(not(unix))]
fn check_folder(_path: &Path) -> Result<(), Unsafe> {
    Ok(())
}
