//! kubectls of several minors run the same scripts against both servers, and people see the same: what is printed, what is complained
//! about, and the exit codes.
//!
//! `CLIENTS_ONLY='1.37 core'` runs one script by one version, `CLIENTS_SHOW=1` prints all that was said.

use parking_lot::Mutex;

use crate::{
    compare::{report::Report, servers::Ours},
    intended,
    script::Case,
    servers::Servers,
};

/// Where the scripts find their manifests.
const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/kubectl");

/// The minors that run the scripts, and the programs.
const VERSIONS: [(&str, &str); 5] = [
    (OLDEST, "kubectl-1.29"),
    ("1.31", "kubectl-1.31"),
    ("1.33", "kubectl-1.33"),
    ("1.35", "kubectl-1.35"),
    (NEWEST, "kubectl"),
];
const NEWEST: &str = "1.37";

const OLDEST: &str = "1.29";

/// A script, which of our servers it compares, and whether all versions run it or only the oldest and the newest.
struct Script {
    name: &'static str,
    ours: Ours,
    all: bool,
    text: &'static str,
}

const SCRIPTS: [Script; 4] = [
    script("core", Ours::Embedded, true, include_str!("core.script")),
    script("rights", Ours::Embedded, false, include_str!("rights.script")),
    script("widgets", Ours::Library, true, include_str!("widgets.script")),
    script("guests", Ours::Embedded, false, include_str!("guests.script")),
];

const fn script(name: &'static str, ours: Ours, all: bool, text: &'static str) -> Script {
    Script { name, ours, all, text }
}

#[test]
fn kubectl_shows_what_it_shows_of_a_kube_apiserver() {
    let only = std::env::var("CLIENTS_ONLY").unwrap_or_default();
    let servers = Servers::shared();
    let report = Mutex::new(Report::new("kubectl", "commands"));
    std::thread::scope(|scope| {
        for (version, program_name) in VERSIONS {
            let (servers, report, only) = (&servers, &report, &only);
            scope.spawn(move || {
                let scripts = SCRIPTS
                    .iter()
                    .filter(|script| script.all || [OLDEST, NEWEST].contains(&version));
                for script in scripts {
                    let case = format!("{version} {}", script.name);
                    if case.contains(only) {
                        let case = Case {
                            name: &format!("kubectl {case}"),
                            ours: script.ours,
                            text: script.text,
                            newest: version == NEWEST,
                            programs: &[("kubectl", program_name)],
                            manifests: MANIFESTS,
                        };
                        case.run(servers, report);
                    }
                }
            });
        }
    });
    crate::judge(report.into_inner(), intended::KUBECTL, only.is_empty());
}
