//! Tables of `docs/credentials.md`, held to the lists that they are of. `UPDATE_GOLDEN=1 cargo test -p guestcluster-apiserver documented`
//! writes them anew.

use std::{fs, path::Path};

use guestcluster_types::Refusal;

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

#[test]
fn documented_refusals_are_all_there_are() {
    let mut lines = ["| code | HTTP | what it means | what to do |", "|---|---|---|---|"]
        .map(str::to_owned)
        .to_vec();
    for refusal in Refusal::ALL {
        let http = refusal.http().map_or("its own".to_owned(), |http| http.to_string());
        let (meaning, next) = (refusal.meaning(), refusal.next_step());
        lines.push(format!("| `{refusal}` | {http} | {meaning} | {next} |"));
    }
    holds("refusals", &lines);
}
