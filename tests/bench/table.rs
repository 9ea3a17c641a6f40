//! The one table: a row for each load.

use std::{fmt, time::Duration};

use guestcluster_tests::Usage;

use crate::{generator::Samples, goals::Goal};

/// What the first numbers of a row are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Operations a second: more is better.
    PerSecond,
    /// Less is better.
    Milliseconds,
    /// Less is better.
    Mebibytes,
}

/// What one server did under one load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// In the row's unit.
    pub(crate) value: f64,
    pub(crate) p50: Option<Duration>,
    pub(crate) p99: Option<Duration>,
    /// Seconds on a CPU, of all processes of the server.
    pub(crate) cpu_seconds: Option<f64>,
    /// The same by the time that passed.
    pub(crate) cores: Option<f64>,
    /// Resident memory at the end.
    pub(crate) resident_mib: Option<f64>,
    /// Events that did not arrive.
    pub(crate) lost: Option<u64>,
    /// What else must be known: failures, closed watches.
    pub(crate) notes: Vec<String>,
}

impl Figures {
    /// A number alone.
    pub(crate) fn of(value: f64) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }

    /// Throughput and times.
    pub(crate) fn of_samples(samples: &Samples) -> Self {
        Self {
            value: samples.per_second(),
            p50: samples.percentile(50),
            p99: samples.percentile(99),
            notes: samples.failures().into_iter().collect(),
            ..Self::default()
        }
    }

    /// With what the server used in this time.
    pub(crate) fn with_usage(self, before: Usage, after: Usage, time: Duration) -> Self {
        let cpu_seconds = after.cpu_seconds - before.cpu_seconds;
        Self {
            cpu_seconds: Some(cpu_seconds),
            cores: Some(cpu_seconds / time.as_secs_f64()),
            resident_mib: Some(after.resident_mib),
            ..self
        }
    }
}

/// One load on both servers.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    load: String,
    unit: Unit,
    pub(crate) ours: Figures,
    theirs: Figures,
    /// The same by a bare server.
    pub(crate) limit: Option<f64>,
    pub(crate) goals: Vec<Goal>,
}

impl Row {
    /// Without limit and goals.
    pub(crate) fn new(load: impl Into<String>, unit: Unit, ours: Figures, theirs: Figures) -> Self {
        Self {
            load: load.into(),
            unit,
            ours,
            theirs,
            limit: None,
            goals: Vec::new(),
        }
    }

    /// With these goals.
    pub(crate) fn with_goals(mut self, goals: &[Goal]) -> Self {
        self.goals = goals.to_vec();
        self
    }

    /// How many times better ours is.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.better(self.theirs.value)
    }

    /// How near ours comes to the limit.
    pub(crate) fn of_limit(&self) -> Option<f64> {
        self.better(self.limit?)
    }

    fn better(&self, than: f64) -> Option<f64> {
        let (more, less) = match self.unit {
            Unit::PerSecond => (self.ours.value, than),
            Unit::Milliseconds | Unit::Mebibytes => (than, self.ours.value),
        };
        (less > 0.0).then(|| more / less)
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        let unit = match self.unit {
            Unit::PerSecond => "/s",
            Unit::Milliseconds => "ms",
            Unit::Mebibytes => "MiB",
        };
        let judged = |goal: &Goal| match goal.holds(self) {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "?",
        };
        let limit = self.limit.map_or_else(String::new, |limit| {
            let part = self.of_limit().map(|part| format!(" ({part:.2})"));
            format!("{}{}", number(limit), part.unwrap_or_default())
        });
        [
            self.load.clone(),
            unit.to_owned(),
            number(self.ours.value),
            number(self.theirs.value),
            limit,
            self.ratio()
                .map(|ratio| format!("{}x", number(ratio)))
                .unwrap_or_default(),
            join(self.goals.iter().map(Goal::to_string)),
            join(self.goals.iter().map(|goal| judged(goal).to_owned())),
            self.pair(|figures| figures.p50.map(milliseconds)),
            self.pair(|figures| figures.p99.map(milliseconds)),
            self.pair(|figures| figures.cpu_seconds),
            self.pair(|figures| figures.resident_mib),
        ]
    }

    /// A figure of ours beside theirs; empty where neither has it.
    fn pair(&self, figure: impl Fn(&Figures) -> Option<f64>) -> String {
        let (ours, theirs) = (figure(&self.ours), figure(&self.theirs));
        if ours.is_none() && theirs.is_none() {
            return String::new();
        }
        let show = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), number);
        format!("{} / {}", show(ours), show(theirs))
    }

    fn notes(&self) -> impl Iterator<Item = String> + '_ {
        let named = |whose: &'static str| move |note: &String| format!("{}, {whose}: {note}", self.load);
        let ours = self.ours.notes.iter().map(named("ours"));
        ours.chain(self.theirs.notes.iter().map(named("theirs")))
    }
}

/// Headings; pairs are ours / theirs.
const COLUMNS: [&str; 12] = [
    "load",
    "",
    "ours",
    "theirs",
    "limit (part)",
    "ratio",
    "goal",
    "holds",
    "p50 ms",
    "p99 ms",
    "CPU s",
    "RSS MiB",
];
/// Columns of words; numbers stand to the right.
const WORDS: [usize; 4] = [0, 1, 6, 7];

/// Rows, printed below each other.
#[derive(Debug, Default)]
pub(crate) struct Table(pub(crate) Vec<Row>);

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![COLUMNS.map(str::to_owned)];
        lines.extend(self.0.iter().map(Row::cells));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
        for line in &lines {
            let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                if WORDS.contains(&column) {
                    format!("{cell:width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
            writeln!(formatter, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        self.0
            .iter()
            .flat_map(Row::notes)
            .try_for_each(|note| writeln!(formatter, "{note}"))
    }
}

fn join(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join("; ")
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Three digits that count.
fn number(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_line_up() {
        let ours = Figures {
            p50: Some(Duration::from_micros(150)),
            notes: vec!["2 failed".to_owned()],
            ..Figures::of(80.0)
        };
        let mut row = Row::new("list", Unit::PerSecond, ours, Figures::of(1.25))
            .with_goals(&[Goal::Times(50.0), Goal::OfLimit(0.9)]);
        row.limit = Some(100.0);
        let text = Table(vec![row]).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        for expected in ["80.0", "1.25", "100 (0.80)", "64.0x", "yes; NO", "0.15 / -"] {
            assert!(lines[1].contains(expected), "{expected}: {text}");
        }
        assert_eq!(
            lines[0].find("ours").map(|at| at + 4),
            lines[1].find("80.0").map(|at| at + 4)
        );
        assert_eq!(lines[2], "list, ours: 2 failed");
    }
}
