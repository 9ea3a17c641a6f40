//! A person's shell with one server.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use guestcluster_tests::{Background, eventually, until};

use super::text::{self, Said, Shown};
use crate::{compare::normalise::Seen, servers::address};

/// Longest for one command, in seconds.
const PATIENCE: u64 = 60;

pub(super) struct Shell {
    kubeconfig: PathBuf,
    manifests: &'static str,
    /// Holds `bin` and `home`, and files that scripts leave.
    folder: PathBuf,
    namespace: String,
    seen: Seen,
    watch: Option<Background>,
}

impl Shell {
    /// One that has these programs under these names, and keeps all its files in the folder.
    pub(super) fn new(
        programs: &[(&str, PathBuf)],
        kubeconfig: &Path,
        namespace: &str,
        manifests: &'static str,
        folder: &Path,
    ) -> Self {
        std::fs::create_dir_all(folder.join("bin")).unwrap();
        for (name, program) in programs {
            symlink(program, folder.join("bin").join(name)).unwrap();
        }
        Self {
            kubeconfig: kubeconfig.to_owned(),
            manifests,
            folder: folder.to_owned(),
            namespace: namespace.to_owned(),
            seen: Seen::new(&address(kubeconfig)),
            watch: None,
        }
    }

    /// Runs a command; how it ended and what it said.
    pub(super) fn run(&mut self, command: &str) -> Shown {
        let output = self.output(command);
        Shown {
            code: output.status.code(),
            stdout: self.shown(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.shown(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Runs a command until it succeeds.
    pub(super) fn until(&self, command: &str) {
        eventually(PATIENCE, command, || {
            let output = self.output(command);
            output
                .status
                .success()
                .then_some(())
                .ok_or_else(|| format!("{output:?}"))
        });
    }

    /// Starts a command, and waits until it has printed so many lines.
    pub(super) fn watch(&mut self, lines: usize, command: &str) {
        // In place of the shell, which would leave it behind.
        let mut watch = self.command("sh");
        watch.args(["-c", &format!("exec {command}")]).stderr(Stdio::null());
        let watch = self.watch.insert(Background::start(watch));
        await_lines(watch, lines);
    }

    /// Waits until what was started has printed so many lines, and ends it.
    pub(super) fn watched(&mut self, lines: usize) -> Shown {
        let watch = self.watch.take().expect("a watch was started before");
        await_lines(&watch, lines);
        Shown {
            stdout: self.shown(&watch.lines().join("\n")),
            ..Shown::default()
        }
    }

    fn output(&self, command: &str) -> Output {
        let mut bounded = self.command("timeout");
        bounded.args([&PATIENCE.to_string(), "sh", "-c", command]);
        bounded.output().unwrap()
    }

    fn command(&self, program: &str) -> Command {
        let system = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .current_dir(self.manifests)
            .env_clear()
            .env("PATH", format!("{}:{system}", self.folder.join("bin").display()))
            .env("HOME", self.folder.join("home"))
            .env("TMPDIR", &self.folder)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("ns", &self.namespace)
            // A command ends before its garbage matters.
            .env("GOGC", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn shown(&mut self, text: &str) -> Said {
        let text = text.replace(&self.folder.display().to_string(), "FOLDER");
        text::comparable(&mut self.seen, &text)
    }
}

/// What it has not printed by then is a difference.
fn await_lines(watch: &Background, lines: usize) {
    let _ = until(Duration::from_secs(PATIENCE), || {
        let printed = watch.lines().len();
        if printed >= lines { Ok(()) } else { Err(String::new()) }
    });
}
