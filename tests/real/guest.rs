//! A supervisor that runs VMs as processes, with the real programs.

use std::path::PathBuf;

use guestcluster_tests::{Mode, Start, Supervisor, process_vms};

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
    Supervisor::start(Start {
        mode,
        arguments: process_vms(further),
        ..Start::default()
    })
}
