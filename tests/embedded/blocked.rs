//! What blocks a guest reaches the top, with our machine layer, and stands in the documentation.

use std::{fmt::Write as _, fs, path::Path};

use guestcluster_tests::{Start, Supervisor};

use crate::{
    MODE,
    causes_of_blocks::{Cause, Seen, every_cause_is_told_at_the_top},
};

/// Before and after the table in the documentation.
const BEGIN: &str = "| what blocks | named | reason | what to do |\n|---|---|---|---|\n";
const END: &str = "\n## ";

#[test]
fn every_cause_is_told_at_the_top_with_our_machine_layer() {
    let supervisor = Supervisor::start(Start {
        mode: MODE,
        layers: Some("guest,machine".to_owned()),
        ..Start::default()
    });
    documented(&every_cause_is_told_at_the_top(&supervisor, "our"));
}

/// Holds the table of the documentation against what was seen; `UPDATE_GOLDEN=1` writes it anew.
fn documented(seen: &[(&Cause, Seen)]) {
    let mut table = String::new();
    for (cause, Seen { blocked, .. }) in seen {
        let text = |field: &str| blocked[field].as_str().unwrap_or_default();
        let advice = text("advice").replace(text("name"), "NAME");
        let (kind, reason) = (text("kind"), text("reason"));
        writeln!(table, "| {} | {kind} | `{reason}` | {advice} |", cause.what).unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/blocked.md");
    let page = fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has the table");
    let at = rest.find(END).expect("something follows the table");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, format!("{before}{BEGIN}{table}{}", &rest[at..])).unwrap();
        return;
    }
    assert!(
        rest[..at] == table,
        "docs/blocked.md differs from what was seen: UPDATE_GOLDEN=1 writes it anew"
    );
}
