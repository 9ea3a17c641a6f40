//! How a program is bound to its parent: the kernel kills it when the parent ends, however that ends.

use std::{ffi::OsString, io, os::unix::process::CommandExt as _, process::Command};

/// Becomes the program, killed when the thread that started this process ends. Returns only when it can't.
///
/// `parent` is the process that started this one: if another one is the parent already, the first one ended before it could
/// be watched.
pub fn bound(parent: u32, program: OsString, arguments: Vec<OsString>) -> io::Error {
    match bind(parent) {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error,
    }
}

#[cfg(target_os = "linux")]
fn bind(parent: u32) -> io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    // Kept by exec: programs of other users or with capabilities would lose it, and these are neither.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let is_there = getppid().is_some_and(|pid| u32::try_from(pid.as_raw_nonzero().get()) == Ok(parent));
    if is_there {
        Ok(())
    } else {
        Err(io::Error::other("whoever started this has ended"))
    }
}

#[cfg(not(target_os = "linux"))]
fn bind(_parent: u32) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "only Linux can end a program together with its parent",
    ))
}
