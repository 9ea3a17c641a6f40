//! A program that runs beside the test and never outlives it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::{leaks, until};

/// Waits on its standard input and kills the process of that number, unless it was told a word before the input ended: the input
/// ends in any case when the process at its other end does.
const GUARD: &str = r#"read -r told || kill -9 "$0""#;
/// Lines of the log that a failure shows.
const TAIL: usize = 40;

/// A running program with its log in a file; killed when dropped, and also when this process is killed.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    guard: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts the command; what it prints is appended to `FOLDER/NAME.log`.
    pub fn start(name: &str, mut command: Command, folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.expect("the folder is ours");
        let stdout = file.try_clone().expect("a file has a second handle");
        let child = command.stdin(Stdio::null()).stdout(stdout).stderr(file).spawn();
        let child = child.unwrap_or_else(|error| panic!("{name} could not be started: {error}"));
        let guard = guard(child.id());
        Self {
            name: name.to_owned(),
            child,
            guard,
            log,
        }
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process is ours")
    }

    /// Looks until the condition holds. Panics with the end of the log when the program ends before, or the time does.
    pub fn await_that(&mut self, seconds: u64, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !holds() {
            let (name, ended) = (self.name.clone(), self.ended());
            assert!(ended.is_none(), "{name} ended: {ended:?}\n{}", self.log_tail());
            assert!(
                Instant::now() < deadline,
                "{name}: {what}: not within {seconds} s\n{}",
                self.log_tail()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends it a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let told = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status();
        assert!(told.expect("kill is there").success());
    }

    /// Asks it to stop and waits until it did; panics when that takes longer than `seconds`.
    pub fn stop(mut self, seconds: u64) -> ExitStatus {
        self.signal("TERM");
        let ended = until(Duration::from_secs(seconds), || match self.ended() {
            Some(status) => Ok(status),
            None => Err(String::new()),
        });
        ended.unwrap_or_else(|_| panic!("{} did not stop in {seconds} s\n{}", self.name, self.log_tail()))
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        log_tail(&self.log)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // First, as the process id is free for others once the process was waited for.
        dismiss(&mut self.guard);
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        leaks::assert_none_in(&self.log);
    }
}

/// The last lines of a log, empty when there is none.
pub(crate) fn log_tail(log: &Path) -> String {
    let log = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

fn guard(pid: u32) -> Child {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new("sh");
    // In a group of its own: an interrupt at the terminal ends the test, not the guard.
    command.args(["-c", GUARD]).arg(pid.to_string()).process_group(0);
    let guard = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    guard.expect("sh is there")
}

fn dismiss(guard: &mut Child) {
    use std::io::Write as _;
    if let Some(mut stdin) = guard.stdin.take() {
        // A guard that is gone already needs no word.
        let _ = stdin.write_all(b"dismissed\n");
    }
    let _ = guard.wait();
}
