//! Real clients with a real kube-apiserver and with ours: they see the same, except where [`intended`] says why they don't.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // In a test they are how it fails.

mod client_go;
#[path = "../compare/mod.rs"]
mod compare;
mod helm;
mod intended;
mod kube_rs;
mod kubectl;
mod line;
mod python;
mod scenarios;
mod script;
mod servers;

use std::io::Write as _;

use self::compare::{intended::Intended, report::Report};

/// Fails with all differences that are not meant. With `whole`, entries of the list that explain nothing are failures too.
fn judge(report: Report, intended: &[Intended], whole: bool) {
    let judged = report.judge(intended, whole);
    // Past the test harness, which would keep it from whoever runs all tests.
    let _ = writeln!(std::io::stdout(), "{}", judged.line);
    assert!(
        judged.failures.is_empty(),
        "\n{}\n{}",
        judged.failures.join("\n"),
        judged.line
    );
}
