//! What a process has used, from /proc.

use std::fs;

/// Clock ticks of /proc per second: fixed by the kernel's interface.
const TICKS: f64 = 100.0;

/// Use of time and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Seconds on a CPU, user and system.
    pub cpu_seconds: f64,
    /// Resident memory in MiB.
    pub resident_mib: f64,
    /// The most resident memory there ever was, in MiB.
    pub peak_mib: f64,
}

impl Usage {
    /// Reads it of a running process.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Some(Self {
            cpu_seconds: cpu_seconds(&stat)?,
            resident_mib: mebibytes(&status, "VmRSS:")?,
            peak_mib: mebibytes(&status, "VmHWM:")?,
        })
    }
}

/// Fields 14 and 15; they are counted behind the command, which may hold spaces and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    (ticks.len() == 2).then(|| ticks.iter().sum::<f64>() / TICKS)
}

fn mebibytes(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes / 1024.0)
}
