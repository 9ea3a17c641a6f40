//! The host's own admission objects count for our kinds, as they count for kinds that kube-apiserver serves itself: the same
//! writes of a kind of ours and of a custom resource get the same answers.

mod policies;
mod twins;

use guestcluster_tests::{Start, Supervisor};

use self::twins::Twins;
use crate::MODE;

#[test]
fn admission_objects_of_the_host_mean_for_our_kinds_what_they_mean_for_others() {
    let supervisor = Supervisor::start(Start {
        mode: MODE,
        layers: Some("none".to_owned()),
        ..Start::default()
    });
    let twins = Twins::make(&supervisor);
    policies::compare(&twins);
    twins.assert_secret_is_kept();
}
