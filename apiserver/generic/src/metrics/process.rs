//! What the process uses, as the system counts it, and what was built.

use std::fs;

use super::{declare, line, single};
use crate::serve::VersionInfo;

/// `/proc` counts time in hundredths of a second: the kernel's promise to programs, whatever it counts in itself.
const TICKS: f64 = 100.0;

pub(super) fn append(page: &mut String, version: &VersionInfo) {
    if let Some(used) = Used::read() {
        used.append(page);
    }
    let name = "kubernetes_build_info";
    declare(page, name, "gauge", "What was built: always 1.");
    let VersionInfo {
        git_version,
        major,
        minor,
    } = version;
    let labels = format!(
        "major=\"{major}\",minor=\"{minor}\",git_version=\"{git_version}\",git_commit=\"\",git_tree_state=\"clean\",\
         build_date=\"1970-01-01T00:00:00Z\",go_version=\"\",compiler=\"rustc\",platform=\"{}\"",
        VersionInfo::platform()
    );
    line(page, name, &labels, 1);
}

/// As Linux tells it; other systems tell nothing here.
struct Used {
    cpu: f64,
    started: f64,
    virtual_bytes: u64,
    resident_bytes: u64,
    open_files: usize,
    most_files: Option<u64>,
}

impl Used {
    fn read() -> Option<Used> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is the program's name, which may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |position: usize| fields.get(position - 3)?.parse::<u64>().ok();
        let ticks = |position: usize| Some(to_float(field(position)?) / TICKS);
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let booted = fs::read_to_string("/proc/stat").ok()?;
        let booted = booted.lines().find_map(|line| line.strip_prefix("btime "))?;
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let files = limits.lines().find(|line| line.starts_with("Max open files"));
        Some(Used {
            cpu: ticks(14)? + ticks(15)?,
            started: booted.trim().parse::<f64>().ok()? + ticks(22)?,
            virtual_bytes: field(23)?,
            resident_bytes: kilobytes(&status, "VmRSS:")? * 1024,
            open_files: fs::read_dir("/proc/self/fd").ok()?.count(),
            most_files: files.and_then(|line| line.split_whitespace().nth(3)?.parse().ok()),
        })
    }

    fn append(&self, page: &mut String) {
        single(
            page,
            "process_cpu_seconds_total",
            "counter",
            "Seconds of processor time.",
            self.cpu,
        );
        single(
            page,
            "process_start_time_seconds",
            "gauge",
            "When the process started.",
            self.started,
        );
        let help = "Bytes of address space.";
        single(page, "process_virtual_memory_bytes", "gauge", help, self.virtual_bytes);
        single(
            page,
            "process_resident_memory_bytes",
            "gauge",
            "Bytes of memory.",
            self.resident_bytes,
        );
        single(
            page,
            "process_open_fds",
            "gauge",
            "Open file descriptors.",
            self.open_files,
        );
        if let Some(most) = self.most_files {
            single(
                page,
                "process_max_fds",
                "gauge",
                "File descriptors that may be open.",
                most,
            );
        }
    }
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "exact for centuries of processor time")]
fn to_float(ticks: u64) -> f64 {
    ticks as f64
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_what_the_process_uses() {
        let used = Used::read().unwrap();
        assert!(used.resident_bytes > 1 << 20 && used.virtual_bytes > used.resident_bytes);
        assert!(used.open_files > 2 && used.most_files.is_some_and(|most| most > 10));
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let age = now.as_secs_f64() - used.started;
        assert!((-2.0..3600.0).contains(&age), "{age}");
    }
}
