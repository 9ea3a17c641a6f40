//! What blocks a guest reaches the top, with upstream's machine layer.

use guestcluster_tests::{ClusterApi, Mode, Start, Supervisor};

#[test]
fn every_cause_is_told_at_the_top_with_upstreams_machine_layer() {
    let supervisor = Supervisor::start(Start {
        mode: Mode::Aggregated,
        layers: Some("guest".to_owned()),
        external_etcd: true,
        ..Start::default()
    });
    let _managers = ClusterApi::start(supervisor.host());
    let told = crate::causes_of_blocks::every_cause_is_told_at_the_top(&supervisor, "upstream's");
    let with_advice = told.iter().filter(|(_, seen)| seen.blocked["advice"].is_string());
    assert_eq!(with_advice.count(), told.len());
}
