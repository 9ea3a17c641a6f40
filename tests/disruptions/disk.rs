//! The disk of the file store: full for a while.

use std::{
    fs::File,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use crate::{condition::await_that, load::Load, single::Single};

/// Room of the disk.
const SIZE: &str = "size=64m,mode=700";
/// What takes the rest of the room.
const BALLAST: &str = "ballast";
/// Pieces in which room is taken; the last ones are small, so that nothing fits any more.
const PIECES: [usize; 2] = [64 << 10, 1];
/// What clients are told.
const TOLD: &str = "the store is full: No space left on device";
/// Reads while the disk is full.
const READS: usize = 20;

pub(crate) fn fill(single: &mut Single, load: &Load) -> anyhow::Result<()> {
    single.disk.fill()?;
    await_that("writes are refused", || Ok(load.failures() > 0))?;
    let refused = load.all_failures();
    ensure!(
        refused.iter().all(|why| why.contains(TOLD)),
        "not told why: {refused:?}"
    );
    for _ in 0..READS {
        single.admin().run("get guestclusters").success();
    }
    let reads: Vec<_> = load
        .all_failures()
        .into_iter()
        .filter(|why| why.starts_with("get"))
        .collect();
    ensure!(reads.is_empty(), "reads failed: {reads:?}");
    ensure!(single.supervisor.process().ended().is_none(), "the server has ended");
    single.disk.free()
}

/// A small disk of its own; gone when dropped.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// Lets this folder, which is made, be one.
    pub(crate) fn mount(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", SIZE, "tmpfs"])
            .arg(folder)
            .output()?;
        let why = String::from_utf8_lossy(&mount.stderr);
        ensure!(
            mount.status.success(),
            "no small disk can be mounted ({}); hack/chaos may",
            why.trim()
        );
        Ok(Self(folder.to_owned()))
    }

    /// Takes all room that is left.
    fn fill(&self) -> anyhow::Result<()> {
        let mut ballast = File::create(self.0.join(BALLAST))?;
        for piece in PIECES {
            let piece = vec![0; piece];
            loop {
                match ballast.write(&piece) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error).context("filling the disk"),
                }
            }
        }
        Ok(())
    }

    /// Gives it back.
    fn free(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.0.join(BALLAST))?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Where it fails, the disk goes with the mount namespace that hack/chaos makes.
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
