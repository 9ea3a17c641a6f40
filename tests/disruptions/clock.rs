//! The clock of our server, by libfaketime: it says another hour while the server runs. Time that only passes is as it was, as
//! on a machine whose clock is set.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use guestcluster_tests::{Manifest, faketime};
use jiff::{SignedDuration, Timestamp};

use crate::{condition::await_that, load::Load, single::Single};

/// Further off than any run takes.
const JUMP: SignedDuration = SignedDuration::from_hours(1);
/// What may lie between a clock and what was written by it.
const SLACK: SignedDuration = SignedDuration::from_mins(10);
/// Seconds after which libfaketime reads the file again.
const LOOK: &str = "1";

/// Forth, back, back, forth.
pub(crate) fn jump(single: &mut Single, _: &Load) -> anyhow::Result<()> {
    let holder = lease(single)?.0;
    for offset in [JUMP, SignedDuration::ZERO, -JUMP, SignedDuration::ZERO] {
        single.clock.set(offset)?;
        await_that("the server goes by the new clock", || {
            Ok(is_about(created(single)?, offset))
        })?;
        // Written anew by the new clock, and nobody has stopped to lead for it.
        await_that("the lease is renewed", || Ok(is_about(lease(single)?.1, offset)))?;
        ensure!(
            lease(single)?.0 == holder,
            "another one leads after the clock went to {offset}"
        );
        single
            .check()
            .with_context(|| format!("after the clock went to {offset}"))?;
    }
    Ok(())
}

fn is_about(time: Timestamp, offset: SignedDuration) -> bool {
    let distance = time.duration_since(Timestamp::now() + offset);
    distance.abs() < SLACK
}

/// When the server would say that an object was created.
fn created(single: &Single) -> anyhow::Result<Timestamp> {
    let create = "create --dry-run=server -o jsonpath={.metadata.creationTimestamp} -f -";
    let manifest = Manifest::new("now", "v1.34", 1, 1).text();
    let shown = single.admin().run_with(create, Some(&manifest)).success();
    shown.parse().with_context(|| shown.clone())
}

/// Who leads, and when they last said so.
fn lease(single: &Single) -> anyhow::Result<(String, Timestamp)> {
    let lease = single
        .admin()
        .json("-n guestclusters-system get lease guestcluster-apiserver");
    let field = |name: &str| lease["spec"][name].as_str().map(str::to_owned).context("nobody leads");
    Ok((field("holderIdentity")?, field("renewTime")?.parse()?))
}

/// A clock that is set by writing a file.
pub(crate) struct Clock(PathBuf);

impl Clock {
    /// One that is right.
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        let clock = Self(folder.join("clock"));
        clock.set(SignedDuration::ZERO)?;
        Ok(clock)
    }

    /// What lets a program go by it.
    pub(crate) fn variables(&self) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
        let library = faketime().context("libfaketime is missing: hack/chaos installs it")?;
        Ok(vec![
            ("LD_PRELOAD", library),
            ("FAKETIME_TIMESTAMP_FILE", self.0.clone()),
            ("FAKETIME_CACHE_DURATION", LOOK.into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("NO_FAKE_STAT", "1".into()),
        ])
    }

    /// Lets it differ from the right time by so much.
    fn set(&self, offset: SignedDuration) -> anyhow::Result<()> {
        // Written beside it first: whoever reads finds all of it.
        let new = self.0.with_extension("new");
        fs::write(&new, format!("{:+}\n", offset.as_secs()))?;
        Ok(fs::rename(new, &self.0)?)
    }
}
