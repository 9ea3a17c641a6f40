//! The one table: a row for each disruption.

use std::{
    fmt::{self, Write as _},
    time::{Duration, Instant},
};

use crate::{disruption::Disruption, record::Record};

/// What clients noticed.
pub(crate) struct Row {
    disruption: &'static Disruption,
    requests: usize,
    failed: usize,
    lost: Vec<String>,
    doubled: Vec<String>,
    stale: usize,
    relists: usize,
    /// From the beginning to the last failure.
    recovery: Duration,
    /// How long it was done.
    took: Duration,
    first_failure: Option<String>,
}

impl Row {
    pub(crate) fn new(disruption: &'static Disruption, record: &Record, begin: Instant, took: Duration) -> Self {
        let last = record
            .failures
            .last()
            .map(|(at, _)| at.saturating_duration_since(begin));
        Self {
            disruption,
            requests: record.requests,
            failed: record.failures.len(),
            lost: record.lost.clone(),
            doubled: record.doubled.clone(),
            stale: record.stale,
            relists: record.relists,
            recovery: last.unwrap_or_default(),
            took,
            first_failure: record.failures.first().map(|(_, why)| why.clone()),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.disruption.name
    }

    /// Nothing is ever lost, doubled or stale, and nobody notices what is planned.
    pub(crate) fn holds(&self) -> bool {
        let is_true = self.lost.is_empty() && self.doubled.is_empty() && self.stale == 0;
        is_true && (self.failed == 0 || !self.disruption.planned)
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        let seconds = |time: Duration| format!("{:.1}", time.as_secs_f64());
        [
            self.disruption.name.to_owned(),
            if self.disruption.planned { "yes" } else { "no" }.to_owned(),
            seconds(self.took),
            self.requests.to_string(),
            self.failed.to_string(),
            self.lost.len().to_string(),
            self.doubled.len().to_string(),
            self.stale.to_string(),
            self.relists.to_string(),
            seconds(self.recovery),
            if self.holds() { "yes" } else { "NO" }.to_owned(),
        ]
    }
}

const COLUMNS: [&str; 11] = [
    "disruption",
    "planned",
    "took s",
    "requests",
    "failed",
    "lost",
    "doubled",
    "stale",
    "relists",
    "last failure s",
    "holds",
];

/// For who waits: the row, and what was first of each kind.
impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.cells()[1..].join("  "))?;
        for (what, first) in [
            ("failed", self.first_failure.as_ref()),
            ("lost", self.lost.first()),
            ("doubled", self.doubled.first()),
        ] {
            if let Some(first) = first {
                write!(formatter, "\n  {what}: {first}")?;
            }
        }
        Ok(())
    }
}

/// All rows in columns.
pub(crate) fn render(rows: &[Row]) -> String {
    let cells: Vec<_> = std::iter::once(COLUMNS.map(str::to_owned))
        .chain(rows.iter().map(Row::cells))
        .collect();
    let mut text = String::new();
    for row in &cells {
        for (column, cell) in row.iter().enumerate() {
            let width = cells.iter().map(|row| row[column].len()).max().unwrap_or_default();
            let _ = if column == 0 {
                write!(text, "{cell:<width$}")
            } else {
                write!(text, "  {cell:>width$}")
            };
        }
        text.push('\n');
    }
    text
}
