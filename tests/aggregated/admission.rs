//! The host's own admission objects count for our kinds, as they count for kinds that kube-apiserver serves itself: the same
//! writes of a kind of ours and of a custom resource get the same answers.

mod hooks;
mod policies;
mod twins;
mod webhooks;

use guestcluster_tests::Team;

use self::twins::Twins;
use crate::MODE;

#[test]
fn admission_objects_of_the_host_mean_for_our_kinds_what_they_mean_for_others() {
    let twins = Twins::make(Team::new(MODE));
    policies::compare(&twins);
    webhooks::compare(&twins);
    policies::assert_secret_is_kept(&twins);
    twins.clean_up();
}
