//! A supervisor that runs VMs as processes, with the real programs.

use std::path::PathBuf;

use guestcluster_tests::{Mode, Start, Supervisor, program};

/// Starts a whole one in one process.
pub fn supervisor() -> Supervisor {
    supervisor_with(&[])
}

/// Starts one with the programs of these folders too.
pub fn supervisor_with(further: &[PathBuf]) -> Supervisor {
    start(Mode::Embedded, further)
}

/// Starts one whose API is a real kube-apiserver's.
pub fn aggregated() -> Supervisor {
    start(Mode::Aggregated, &[])
}

fn start(mode: Mode, further: &[PathBuf]) -> Supervisor {
    let folders = ["etcd", "kube-apiserver"].map(|name| program(name).parent().unwrap().to_owned());
    let folders = folders.iter().chain(further).map(|folder| folder.display().to_string());
    let folders: Vec<_> = folders.collect();
    Supervisor::start(Start {
        mode,
        arguments: vec![
            "--driver=process".to_owned(),
            format!("--process-programs={}", folders.join(":")),
        ],
        ..Start::default()
    })
}
