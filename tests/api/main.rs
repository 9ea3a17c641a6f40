//! The same requests to a real kube-apiserver and to our server. What clients see is the same, except where [`intended`] says
//! why it is not.
//!
//! `DIFFERENTIAL_ONLY=create/names` runs the cases whose names contain that, `DIFFERENTIAL_SHOW=1` prints all answers.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // In a test they are how it fails.

mod answer;
mod cases;
mod client;
#[path = "../compare/mod.rs"]
mod compare;
mod difference;
mod intended;
mod metrics;
mod registered;
mod request;
mod servers;
mod talk;

use std::io::Write as _;

use self::{compare::report::Report, servers::Servers, talk::Talk};

#[test]
fn clients_see_what_a_kube_apiserver_shows() {
    let only = std::env::var("DIFFERENTIAL_ONLY").unwrap_or_default();
    let servers = Servers::start(true);
    let mut report = Report::new("differential", "requests");
    for theme in cases::THEMES {
        for (name, run) in theme.cases {
            let name = format!("{}/{name}", theme.name);
            if name.contains(&only) {
                let mut talk = Talk::new(&servers, theme, &name, &mut report);
                run(&mut talk);
            }
        }
    }
    let judged = report.judge(intended::INTENDED, only.is_empty());
    // Past the test harness, which would keep it from whoever runs all tests.
    let _ = writeln!(std::io::stdout(), "{}", judged.line);
    assert!(
        judged.failures.is_empty(),
        "\n{}\n{}",
        judged.failures.join("\n"),
        judged.line
    );
}
