//! The objects of an hour ago, put back beside guests that run.

use std::{path::Path, process::Command};

use anyhow::ensure;
use guestcluster_tests::{Output, binaries};

use crate::{condition::await_that, load::Load, single::Single};

/// Stops the server, puts back what was saved before the load began, and starts it.
pub(crate) fn restore(single: &mut Single, load: &Load) -> anyhow::Result<()> {
    single.supervisor.stop();
    run(single, &["restore", "--replace"]);
    load.all_restored();
    single.supervisor.restart();
    await_that("the watch is told to list anew", || Ok(load.relists() > 0))?;
    let forgotten = single.admin().run("get guestcluster later").code != 0;
    ensure!(forgotten, "nothing was restored");
    single.check()
}

/// Saves the objects of a server that is stopped.
pub(crate) fn save(single: &Single) {
    run(single, &["save"]);
}

fn run(single: &Single, words: &[&str]) {
    let mut command = Command::new(binaries().join("guestcluster-apiserver"));
    command.arg("snapshot").args(words).arg(file(single.folder()));
    command.arg("--data-dir").arg(single.supervisor.data_dir());
    Output::of(&mut command).success();
}

fn file(folder: &Path) -> std::path::PathBuf {
    folder.join("snapshot")
}
