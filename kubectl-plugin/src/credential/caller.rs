//! The process that asks for a credential: kubectl, or another client.

use serde::{Deserialize, Serialize};

/// A process. Ids are used again, so the time of its start tells it from later ones where the system says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Caller {
    pub(super) pid: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) started: Option<String>,
}

impl Caller {
    /// The process that started this one, where the system says which.
    pub(crate) fn parent() -> Option<Self> {
        let pid = cfg_select! {
            unix => std::os::unix::process::parent_id(),
            _ => 0,
        };
        let started = start(pid);
        (pid != 0).then_some(Self { pid, started })
    }
}

/// Field 22 of proc_pid_stat(5), in clock ticks since the system's start. The second field is a name in parentheses.
fn start(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_by_its_start() {
        let own = start(std::process::id()).unwrap();
        assert!(own.parse::<u64>().unwrap() > 0);
        assert_eq!(start(u32::MAX), None);
        assert_eq!(Caller::parent(), Caller::parent());
    }
}
