//! client-go and controller-runtime, as controllers use them: `hack/components/client-go` has what they do.

use std::process::Command;

use guestcluster_tests::program;

use crate::{compare::servers::Ours, intended, scenarios::Client};

#[test]
fn controllers_in_go_see_what_they_see_of_a_kube_apiserver() {
    let client = Client {
        name: "client-go",
        command: || Command::new(program("client-go")),
        scenarios: &[
            (
                Ours::Library,
                &[
                    "discovery",
                    "mapping",
                    "watch",
                    "widgets",
                    "dynamic",
                    "reviews",
                    "manager",
                ],
            ),
            (
                Ours::Embedded,
                &[
                    "typed",
                    "apply",
                    "pages",
                    "informers",
                    "election",
                    "deletion",
                    "garbage",
                ],
            ),
        ],
    };
    client.compare(intended::CLIENT_GO);
}
