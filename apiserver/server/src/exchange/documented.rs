//! Tables of `docs/credentials.md`, held to the lists that they are of. `UPDATE_GOLDEN=1 cargo test -p guestcluster-apiserver documented`
//! writes them anew.

use std::{collections::BTreeMap, fs, path::Path};

use guestcluster_types::Refusal;

use super::Counts;
use crate::{audit::Annotation, controllers};

// One test, since all write one file.
#[test]
fn documented_lists_are_all_there_are() {
    holds("refusals", &refusals());
    holds("annotations", &annotations());
    holds("metrics", &metrics());
}

/// The lines between `<!-- NAME -->` and `<!-- end of NAME -->` are these.
fn holds(name: &str, lines: &[String]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/credentials.md");
    let text = fs::read_to_string(&file).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap();
    let (table, after) = rest.split_once(&end).unwrap();
    let right = format!("\n{}\n\n", lines.join("\n"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, format!("{before}{begin}{right}{end}{after}")).unwrap();
    } else {
        assert_eq!(table, right, "run it with UPDATE_GOLDEN=1");
    }
}

fn refusals() -> Vec<String> {
    let mut lines = ["| code | HTTP | what it means | what to do |", "|---|---|---|---|"]
        .map(str::to_owned)
        .to_vec();
    for refusal in Refusal::ALL {
        let http = refusal.http().map_or("its own".to_owned(), |http| http.to_string());
        let (meaning, next) = (refusal.meaning(), refusal.next_step());
        lines.push(format!("| `{refusal}` | {http} | {meaning} | {next} |"));
    }
    lines
}

fn annotations() -> Vec<String> {
    let mut lines = ["| annotation | value | when |", "|---|---|---|"]
        .map(str::to_owned)
        .to_vec();
    for (annotation, value, when) in Annotation::ALL {
        lines.push(format!("| `{}` | {value} | {when} |", annotation.key()));
    }
    lines
}

fn metrics() -> Vec<String> {
    let mut page = String::new();
    Counts::default().render(&mut page, &BTreeMap::new());
    controllers::Counts::default().revocations(&mut page);
    let mut lines = ["| metric | type | what it is |", "|---|---|---|"]
        .map(str::to_owned)
        .to_vec();
    let helps = page.lines().filter_map(|line| line.strip_prefix("# HELP "));
    for (name, help) in helps.filter_map(|line| line.split_once(' ')) {
        let mark = format!("# TYPE {name} ");
        let kind = page.lines().find_map(|line| line.strip_prefix(&mark)).unwrap();
        lines.push(format!("| `{name}` | {kind} | {help} |"));
    }
    lines
}
