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
    /// How many of them were also compared on each of the ways.
    on_ways: [usize; WAYS.len()],
    found: Vec<Found>,
}

/// A further way to a server of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Through a front proxy that the tests play.
    FrontProxy,
    /// Through a real kube-apiserver, to two replicas on its etcd.
    Aggregator,
}

/// All of them, with what they are called.
const WAYS: [(Way, &str); 2] = [
    (Way::FrontProxy, "a front proxy"),
    (Way::Aggregator, "kube-apiserver's aggregator"),
];

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
            on_ways: [0; WAYS.len()],
            found: Vec::new(),
        }
    }

    /// Counts a step, and keeps where its answers differ; also where those on further ways do.
    pub(crate) fn add(
        &mut self,
        case: &str,
        number: usize,
        line: String,
        differences: Vec<Difference>,
        ways: Vec<(Way, Vec<Difference>)>,
    ) {
        self.compared += 1;
        for (way, differences) in ways {
            let names = WAYS.iter().zip(&mut self.on_ways);
            for ((_, name), count) in names.filter(|((known, _), _)| *known == way) {
                *count += 1;
                let line = format!("{line} (through {name})");
                self.found.extend(found(case, number, line, &differences));
            }
        }
        self.found.extend(found(case, number, line, &differences));
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
        let on_ways = self.on_ways();
        let line = format!(
            "{}: {} {}{on_ways}, {meant} intended differences, {unexplained} unexplained",
            self.name, self.compared, self.steps
        );
        Judged { line, failures }
    }

    /// Such as ` (2 also through a front proxy, 1 through kube-apiserver's aggregator)`; empty where there was no further way.
    fn on_ways(&self) -> String {
        let some = WAYS.iter().zip(&self.on_ways).filter(|(_, count)| **count > 0);
        let some: Vec<_> = some
            .map(|((_, name), count)| format!("{count} through {name}"))
            .collect();
        match some.is_empty() {
            true => String::new(),
            false => format!(" ({})", some.join(", ").replacen(" through", " also through", 1)),
        }
    }
}

/// A step whose answers differ.
fn found(case: &str, number: usize, line: String, differences: &[Difference]) -> Option<Found> {
    (!differences.is_empty()).then(|| Found {
        case: case.to_owned(),
        number,
        line,
        differences: differences.to_vec(),
    })
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
