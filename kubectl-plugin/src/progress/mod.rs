//! Progress of an operation: redrawn in place on a terminal, one line a change in a pipe, JSON lines with `-o json`.

mod steps;

use std::{io::IsTerminal as _, time::Duration};

use guestcluster_types::GuestCluster;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use steps::{Line, Steps};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Display {
    /// Redrawn on a terminal, else lines; on stderr.
    Lines,
    /// JSON lines on stdout.
    Json,
}

/// Progress of one cluster.
pub(crate) struct Progress {
    name: String,
    display: Display,
    steps: Steps,
    spinner: Option<ProgressBar>,
}

impl Progress {
    /// Progress that was not shown yet.
    pub(crate) fn new(name: &str, display: Display) -> Self {
        let redraw = display == Display::Lines && std::io::stderr().is_terminal() && !plain();
        Self {
            name: name.to_owned(),
            display,
            steps: Steps::default(),
            spinner: redraw.then(spinner),
        }
    }

    /// Shows what a new state of the cluster changes.
    pub(crate) fn show(&mut self, cluster: &GuestCluster) {
        for line in self.steps.advance(cluster, jiff::Timestamp::now()) {
            self.print(&line);
        }
    }

    /// Tells something that is no progress.
    pub(crate) fn note(&self, text: &str) {
        match &self.spinner {
            Some(spinner) => spinner.set_message(text.to_owned()),
            None => eprintln!("{text}"),
        }
    }

    /// What was last told of the work, for the message when the time is over.
    pub(crate) fn last_message(&self) -> String {
        self.steps
            .message()
            .map(|message| format!("; last: {message}"))
            .unwrap_or_default()
    }

    /// Ends the display.
    pub(crate) fn finish(&mut self, done: bool) {
        let last = if done {
            self.steps.finish(jiff::Timestamp::now())
        } else {
            None
        };
        if let Some(line) = last {
            self.print(&line);
        }
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    fn print(&self, line: &Line) {
        if self.display == Display::Json {
            println!(
                "{}",
                json!({"cluster": self.name, "time": jiff::Timestamp::now().to_string(), "progress": line})
            );
            return;
        }
        match (&self.spinner, line) {
            (Some(spinner), Line::Done { name, seconds }) => spinner.println(format!("  ✔ {name:<44} {seconds:>4}s")),
            (
                Some(spinner),
                Line::Working {
                    step,
                    of,
                    name,
                    message,
                },
            ) => {
                spinner.set_message(format!("{name} ({step}/{of})  {message}"));
            }
            (None, Line::Done { name, seconds }) => eprintln!("{} {}: done: {name} ({seconds}s)", time(), self.name),
            (
                None,
                Line::Working {
                    step,
                    of,
                    name,
                    message,
                },
            ) => {
                eprintln!("{} {}: {step}/{of} {name}: {message}", time(), self.name);
            }
        }
    }
}

/// Whether the terminal or the person wants no drawing.
fn plain() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("NO_COLOR") || std::env::var_os("TERM").is_none_or(|term| term == "dumb")
}

fn spinner() -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    // The template is a constant of ours; a mistake in it would only lose the indentation.
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

fn time() -> String {
    jiff::Zoned::now().strftime("%H:%M:%S").to_string()
}
