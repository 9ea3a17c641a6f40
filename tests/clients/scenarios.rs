//! Clients that print, as JSON, what they saw: an object with an entry for each scenario.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    compare::{difference::differences, intended::Intended, normalise::Seen, report::Report, servers::Ours},
    servers::{Servers, address},
};

/// Longest for all scenarios of a client, in seconds.
const PATIENCE: &str = "180";

/// A client's program, and which scenarios it has for which of our servers.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) command: fn() -> Command,
    pub(crate) scenarios: &'static [(Ours, &'static [&'static str])],
}

impl Client {
    /// Lets the program see both servers, and compares what it saw. Its arguments are a namespace and scenarios.
    pub(crate) fn compare(&self, intended: &[Intended]) {
        let servers = Servers::shared();
        let mut report = Report::new(self.name, "scenarios");
        for (ours, names) in self.scenarios {
            let namespace = format!("{}-{ours:?}", self.name).to_lowercase();
            let kubeconfigs = servers.kubeconfigs(*ours, &namespace);
            let [mut theirs, mut ours] = std::thread::scope(|scope| {
                kubeconfigs
                    .each_ref()
                    .map(|kubeconfig| scope.spawn(|| self.seen(kubeconfig, &namespace, names)))
                    .map(|running| running.join().unwrap())
            });
            for (number, name) in (1..).zip(*names) {
                let (theirs, ours) = (theirs[name].take(), ours[name].take());
                assert!(
                    !theirs.is_null() && theirs.get("failed").is_none(),
                    "{} could not do {name} with kube-apiserver: {theirs}",
                    self.name
                );
                if std::env::var_os("CLIENTS_SHOW").is_some() {
                    println!("{} {name}\ntheirs: {theirs}\nours: {ours}", self.name);
                }
                let found = differences("", Some(&theirs), Some(&ours));
                report.add(&namespace, number, (*name).to_owned(), found, Vec::new());
            }
        }
        crate::judge(report, intended, true);
    }

    fn seen(&self, kubeconfig: &Path, namespace: &str, scenarios: &[&str]) -> Value {
        let program = (self.command)();
        let mut command = Command::new("timeout");
        command
            .arg(PATIENCE)
            .arg(program.get_program())
            .args(program.get_args());
        for (name, value) in program.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.env("KUBECONFIG", kubeconfig);
        let output = command.arg(namespace).args(scenarios).stderr(Stdio::inherit()).output();
        let output = output.expect("timeout is there");
        assert!(output.status.success(), "{} ended with {}", self.name, output.status);
        let mut seen = serde_json::from_slice(&output.stdout).expect("the client prints JSON");
        Seen::new(&address(kubeconfig)).normalise(&mut seen);
        seen
    }
}
