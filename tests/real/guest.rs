//! A supervisor that runs VMs as processes, with the real programs.

use std::path::PathBuf;

use guestcluster_tests::{Start, Supervisor, program};

/// Starts one.
pub fn supervisor() -> Supervisor {
    supervisor_with(&[])
}

/// Starts one with the programs of these folders too.
pub fn supervisor_with(further: &[PathBuf]) -> Supervisor {
    let folders = ["etcd", "kube-apiserver"].map(|name| program(name).parent().unwrap().to_owned());
    let folders = folders.iter().chain(further).map(|folder| folder.display().to_string());
    let folders: Vec<_> = folders.collect();
    Supervisor::start(Start {
        arguments: vec![
            "--driver=process".to_owned(),
            format!("--process-programs={}", folders.join(":")),
        ],
        ..Start::default()
    })
}
