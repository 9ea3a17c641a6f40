//! Processes by their parents, from /proc.

use std::{fs, path::Path, process::Command};

use guestcluster_tests::{Supervisor, eventually};

/// Longest until a program that ended runs again.
const RESTARTED: u64 = 60;

/// Process ids and names of what this process started and that still runs.
pub fn children(parent: u32) -> Vec<(u32, String)> {
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let mut children: Vec<_> = pids
        .filter_map(|pid| {
            let (name, of) = name_and_parent(pid)?;
            (of == parent).then_some((pid, name))
        })
        .collect();
    children.sort_by(|one, other| one.1.cmp(&other.1));
    children
}

/// Sends a program of a supervisor's guest a signal, by its short name.
pub fn signal(supervisor: &Supervisor, name: &str, signal: &str) {
    let programs = children(supervisor.pid());
    let (pid, _) = programs.iter().find(|(_, known)| known == name).unwrap();
    let sent = Command::new("kill").args(["-s", signal, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Waits until another process than those runs the program.
pub fn await_another(supervisor: &Supervisor, before: &[(u32, String)], name: &str) {
    eventually(RESTARTED, &format!("another {name}"), || {
        let now = children(supervisor.pid());
        let is_another = |program: &(u32, String)| program.1 == name && !before.contains(program);
        if now.iter().any(is_another) {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        }
    });
}

/// Whether a process is there.
pub fn is_alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// The command stands in brackets, and may have some in it.
fn name_and_parent(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, fields) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    Some((name.to_owned(), fields.split_whitespace().nth(1)?.parse().ok()?))
}
