//! The Python client: `python/client.py` has what it does.

use std::process::Command;

use guestcluster_tests::program;

use crate::{compare::servers::Ours, intended, scenarios::Client};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/python/client.py");

#[test]
fn the_python_client_sees_what_it_sees_of_a_kube_apiserver() {
    let client = Client {
        name: "python",
        command: || {
            let mut command = Command::new("python3");
            // Byte code beside the source would be found by whoever looks for changes.
            command
                .arg("-B")
                .arg(SCRIPT)
                .env("PYTHONPATH", program("site-packages"));
            command
        },
        scenarios: &[
            (Ours::Library, &["custom", "dynamic"]),
            (Ours::Embedded, &["core", "watch"]),
        ],
    };
    client.compare(intended::PYTHON);
}
