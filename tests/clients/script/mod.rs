//! Scripts that a person could run, with the same programs against both servers: what is printed, what is complained about, and the
//! exit codes are compared.

mod parse;
mod shell;
mod text;

use guestcluster_tests::program;
use parking_lot::Mutex;
use tempfile::TempDir;

use self::{
    parse::{Step, parse},
    shell::Shell,
};
use crate::{
    compare::{report::Report, servers::Ours},
    servers::Servers,
};

/// A script, and what runs it.
pub(crate) struct Case<'a> {
    /// Words, of which a namespace is named too.
    pub(crate) name: &'a str,
    pub(crate) ours: Ours,
    pub(crate) text: &'a str,
    /// Whether also the lines for the newest client are run.
    pub(crate) newest: bool,
    /// How the script calls programs, and how `hack/components` does.
    pub(crate) programs: &'a [(&'a str, &'a str)],
    /// Folder that it runs in.
    pub(crate) manifests: &'static str,
}

impl Case<'_> {
    /// Runs it to its end, whatever differs.
    pub(crate) fn run(&self, servers: &Servers, report: &Mutex<Report>) {
        let folder = TempDir::new().unwrap();
        let namespace = self.name.replace(['.', ' '], "-");
        let kubeconfigs = servers.kubeconfigs(self.ours, &namespace);
        let programs: Vec<_> = self
            .programs
            .iter()
            .map(|(name, file)| (*name, program(file)))
            .collect();
        let shell = |side: usize| {
            let folder = folder.path().join(["theirs", "ours"][side]);
            Shell::new(&programs, &kubeconfigs[side], &namespace, self.manifests, &folder)
        };
        let (mut theirs, mut ours) = (shell(0), shell(1));
        for (number, step) in (1..).zip(parse(self.text, self.newest)) {
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
                println!("{} {number}: {line}\ntheirs: {theirs}\nours: {ours}", self.name);
            }
            report
                .lock()
                .add(self.name, number, line, text::differences(&theirs, &ours), Vec::new());
        }
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
