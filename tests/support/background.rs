//! A command that runs beside the test, and what it printed.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command},
    sync::Arc,
    thread,
};

use parking_lot::Mutex;

use crate::eventually;

/// A command that runs until it is dropped; its lines can be read at any time.
#[derive(Debug)]
pub struct Background {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Background {
    /// Starts the command and collects its standard output.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program is on PATH");
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let (stdout, collected) = (child.stdout.take().expect("piped"), lines.clone());
        // Ends when the command does.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                collected.lock().push(line);
            }
        });
        Self { child, lines }
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().clone()
    }

    /// Waits for a line that is such, and returns it.
    #[track_caller]
    pub fn await_line(&self, seconds: u64, what: &str, is_such: impl Fn(&str) -> bool) -> String {
        eventually(seconds, what, || {
            let lines = self.lines();
            lines
                .iter()
                .find(|line| is_such(line))
                .cloned()
                .ok_or_else(|| lines.join("\n"))
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
