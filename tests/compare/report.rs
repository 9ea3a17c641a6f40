//! What was found, and what of it is meant.

use std::fmt::Write as _;

use super::{difference::Difference, intended::Intended};

/// Longest value that is shown.
const SHOWN: usize = 600;

/// All that was compared.
pub(crate) struct Report {
    /// Who compared, and what, for the last line.
    name: &'static str,
    steps: &'static str,
    compared: usize,
    /// How many of them were also compared through a front proxy.
    proxied: usize,
    found: Vec<Found>,
}

struct Found {
    case: String,
    /// Place of the step in its case, from 1 on.
    number: usize,
    line: String,
    differences: Vec<Difference>,
}

/// The end of a run.
pub(crate) struct Judged {
    pub(crate) line: String,
    pub(crate) failures: Vec<String>,
}

impl Report {
    /// An empty one, of steps that are called so.
    pub(crate) fn new(name: &'static str, steps: &'static str) -> Self {
        Self {
            name,
            steps,
            compared: 0,
            proxied: 0,
            found: Vec::new(),
        }
    }

    /// Counts a step, and keeps where its answers differ; also where that through a front proxy does, if there was one.
    pub(crate) fn add(
        &mut self,
        case: &str,
        number: usize,
        line: String,
        differences: Vec<Difference>,
        proxied: Option<Vec<Difference>>,
    ) {
        self.compared += 1;
        if let Some(differences) = proxied {
            self.proxied += 1;
            self.find(case, number, format!("{line} (through the front proxy)"), differences);
        }
        self.find(case, number, line, differences);
    }

    fn find(&mut self, case: &str, number: usize, line: String, differences: Vec<Difference>) {
        if !differences.is_empty() {
            self.found.push(Found {
                case: case.to_owned(),
                number,
                line,
                differences,
            });
        }
    }

    /// Separates what is meant. With `whole`, entries that explain nothing are failures too.
    pub(crate) fn judge(self, intended: &[Intended], whole: bool) -> Judged {
        let mut used = vec![false; intended.len()];
        let mut unexplained = 0;
        let mut failures = Vec::new();
        for found in &self.found {
            let mut text = String::new();
            for difference in &found.differences {
                let meant = intended.iter().position(|entry| explains(entry, found, difference));
                if let Some(meant) = meant {
                    used[meant] = true;
                } else {
                    unexplained += 1;
                    let _ = write!(text, "\n    {}", difference.field);
                    let _ = write!(text, "\n      theirs: {}", shown(difference.theirs.as_ref()));
                    let _ = write!(text, "\n      ours:   {}", shown(difference.ours.as_ref()));
                }
            }
            if !text.is_empty() {
                failures.push(format!("{} {}: {}{text}", found.case, found.number, found.line));
            }
        }
        for (entry, used) in intended.iter().zip(&used) {
            if whole && !used {
                failures.push(format!(
                    "an intended difference was not met any more: {} {} {}",
                    entry.case, entry.step, entry.field
                ));
            }
        }
        let meant = used.iter().filter(|used| **used).count();
        let proxied = match self.proxied {
            0 => String::new(),
            some => format!(" ({some} of them also through a front proxy)"),
        };
        let line = format!(
            "{}: {} {}{proxied}, {meant} intended differences, {unexplained} unexplained",
            self.name, self.compared, self.steps
        );
        Judged { line, failures }
    }
}

fn explains(entry: &Intended, found: &Found, difference: &Difference) -> bool {
    assert!(!entry.reason.is_empty(), "{} {}: why?", entry.case, entry.field);
    matches(entry.case, &found.case) && found.line.contains(entry.step) && matches(entry.field, &difference.field)
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let found = if is_last {
            rest.ends_with(part).then(|| rest.len() - part.len())
        } else {
            rest.find(part)
        };
        match found {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

fn shown(value: Option<&serde_json::Value>) -> String {
    let Some(value) = value else {
        return "(nothing)".to_owned();
    };
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
