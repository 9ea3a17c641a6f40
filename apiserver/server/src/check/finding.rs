//! What a check found.

use std::fmt::Write as _;

use serde::Serialize;

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) severity: Severity,
    /// What, and what to do about it.
    pub(super) detail: String,
}

/// What it means for guest clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// Something does not work.
    Failed,
}

impl Finding {
    pub(super) fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Severity::Ok, detail)
    }

    pub(super) fn warning(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Severity::Warning, detail)
    }

    pub(super) fn failed(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Severity::Failed, detail)
    }

    fn new(check: &'static str, severity: Severity, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            check,
            severity,
            detail,
        }
    }
}

/// A line for each, in columns.
pub(super) fn lines(findings: &[Finding]) -> String {
    let width = findings
        .iter()
        .map(|finding| finding.check.len())
        .max()
        .unwrap_or_default();
    findings.iter().fold(String::new(), |mut lines, finding| {
        let severity = match finding.severity {
            Severity::Ok => "ok",
            Severity::Warning => "WARNING",
            Severity::Failed => "FAILED",
        };
        let _ = writeln!(lines, "{severity:<7}  {:<width$}  {}", finding.check, finding.detail);
        lines
    })
}
