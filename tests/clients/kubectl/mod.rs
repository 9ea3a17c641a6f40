//! kubectls of several minors run the same scripts against both servers, and people see the same: what is printed, what is complained
//! about, and the exit codes.
//!
//! `CLIENTS_ONLY='1.37 core'` runs one script by one version, `CLIENTS_SHOW=1` prints all that was said.

mod script;
mod shell;
mod text;

use guestcluster_tests::program;
use parking_lot::Mutex;
use tempfile::TempDir;

use self::{
    script::{Step, parse},
    shell::Shell,
};
use crate::{
    compare::report::Report,
    intended,
    servers::{Ours, Servers},
};

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
                        run(servers, script, &case, program_name, report);
                    }
                }
            });
        }
    });
    crate::judge(report.into_inner(), intended::KUBECTL, only.is_empty());
}

fn run(servers: &Servers, script: &Script, case: &str, program_name: &str, report: &Mutex<Report>) {
    let folder = TempDir::new().unwrap();
    let namespace = format!("kubectl-{}", case.replace(['.', ' '], "-"));
    let kubeconfigs = servers.kubeconfigs(script.ours, &namespace);
    let shell = |side: usize| {
        let folder = folder.path().join(["theirs", "ours"][side]);
        Shell::new(&program(program_name), &kubeconfigs[side], &namespace, &folder)
    };
    let (mut theirs, mut ours) = (shell(0), shell(1));
    for (number, step) in (1..).zip(parse(script.text, case.starts_with(NEWEST))) {
        let (line, [theirs, ours]) = match &step {
            Step::Run(command) => (
                command.clone(),
                both(&mut theirs, &mut ours, |shell| shell.run(command)),
            ),
            Step::Watched(lines) => (
                format!("watched {lines}"),
                both(&mut theirs, &mut ours, |shell| shell.watched(*lines)),
            ),
            Step::Until(command) => {
                both(&mut theirs, &mut ours, |shell| shell.until(command));
                continue;
            }
            Step::Watch(lines, command) => {
                both(&mut theirs, &mut ours, |shell| shell.watch(*lines, command));
                continue;
            }
        };
        if std::env::var_os("CLIENTS_SHOW").is_some() {
            println!("{case} {number}: {line}\ntheirs: {theirs}\nours: {ours}");
        }
        report.lock().add(case, number, line, text::differences(&theirs, &ours));
    }
}

/// The same in both shells at the same time.
fn both<T: Send>(theirs: &mut Shell, ours: &mut Shell, does: impl Fn(&mut Shell) -> T + Sync) -> [T; 2] {
    std::thread::scope(|scope| {
        let theirs = scope.spawn(|| does(theirs));
        let ours = does(ours);
        [theirs.join().unwrap(), ours]
    })
}
