//! A supervisor that runs VMs as processes, with the real programs.

use guestcluster_tests::{Start, Supervisor, program};

/// Starts one.
pub fn supervisor() -> Supervisor {
    let folders = ["etcd", "kube-apiserver"].map(|name| {
        let folder = program(name);
        folder.parent().unwrap().display().to_string()
    });
    Supervisor::start(Start {
        arguments: vec![
            "--driver=process".to_owned(),
            format!("--process-programs={}", folders.join(":")),
        ],
        ..Start::default()
    })
}
