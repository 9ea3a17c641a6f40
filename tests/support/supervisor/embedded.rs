//! Our server as the whole supervisor.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{AUDIT_LOG, Start, audited, printed};

/// Where it serves.
#[derive(Debug)]
pub(super) struct Embedded {
    address: String,
}

impl Default for Embedded {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:0".to_owned(),
        }
    }
}

impl Embedded {
    /// The arguments that only this mode has.
    pub(super) fn arguments(&self, command: &mut Command, root: &Path, start: &Start) {
        command.args(["embedded", "--listen", &self.address]);
        audited(command, root, AUDIT_LOG);
        if let Some(layers) = &start.layers {
            command.arg("--layers").arg(layers);
        }
        if let Some(sim) = &start.sim {
            let file = root.join("sim.yaml");
            fs::write(&file, sim).expect("the folder is ours");
            command.arg("--sim-config").arg(file);
        }
    }

    /// A restart serves where the first start did, so that kubeconfigs stay valid.
    pub(super) fn keep_address(&mut self, data_dir: &Path) {
        let server = fs::read_to_string(data_dir.join("server")).expect("written before it is ready");
        server.trim_start_matches("https://").clone_into(&mut self.address);
    }
}

/// A kubeconfig for a user in a namespace, by a client certificate.
pub(super) fn user_kubeconfig(root: &Path, user: &str, group: Option<&str>, namespace: &str) -> PathBuf {
    let data_dir = root.join("data");
    let data_dir = data_dir.to_str().expect("temporary folders have readable names");
    let mut arguments = vec![
        "kubeconfig",
        "--data-dir",
        data_dir,
        "--user",
        user,
        "--namespace",
        namespace,
    ];
    arguments.extend(group.into_iter().flat_map(|group| ["--group", group]));
    let kubeconfig = printed(&arguments);
    // KUBECONFIG is a list with colons between its files.
    let file = root.join(format!("{namespace}.{}.kubeconfig", user.replace(':', "-")));
    fs::write(&file, kubeconfig).expect("the folder is ours");
    file
}
