use std::sync::Arc;

use guestcluster_types::Support;
use serde_json::json;

use super::*;
use crate::guest::build::{build, tests::plan as sample};

fn catalogue(list: &[(&str, Support)]) -> Vec<Arc<GuestClusterRelease>> {
    let release = |(version, support): &(&str, Support)| {
        let spec = json!({"version": version, "support": support, "images": [{"os": "photon-5", "name": format!("img-{version}")}]});
        let object = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestClusterRelease", "metadata": {}, "spec": spec});
        Arc::new(serde_json::from_value(object).unwrap())
    };
    list.iter().map(release).collect()
}

fn supported(versions: &[&str]) -> Vec<Arc<GuestClusterRelease>> {
    catalogue(
        &versions
            .iter()
            .map(|version| (*version, Support::Supported))
            .collect::<Vec<_>>(),
    )
}

/// Guest `dev` that asks for a version, and what status says that it runs.
fn guest(asks: &str, runs: Option<&str>) -> GuestCluster {
    let mut spec = sample("v1.34.2").spec;
    spec.distribution.version = asks.to_owned();
    let status = runs.map(|version| json!({"guestUID": "7b1c", "distribution": {"version": version}}));
    serde_json::from_value(json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "spec": spec, "status": status,
        "metadata": {"name": "dev", "namespace": "team-a", "uid": "7b1c"},
    }))
    .unwrap()
}

/// The objects of `dev`, made for a version that all of it runs.
fn layers(version: &str) -> Layers {
    let desired = build(&sample(version));
    let mut control_plane = desired.control_plane;
    control_plane.status.version = Some(version.to_owned());
    for count in [
        &mut control_plane.status.replicas,
        &mut control_plane.status.ready_replicas,
        &mut control_plane.status.up_to_date_replicas,
    ] {
        *count = Some(3);
    }
    Layers {
        cluster: Some(Arc::new(desired.cluster)),
        control_plane: Some(Arc::new(control_plane)),
        deployments: desired.deployments.into_iter().map(Arc::new).collect(),
        machine_templates: desired.machine_templates.into_iter().map(Arc::new).collect(),
        ..Layers::default()
    }
}

fn control_plane(layers: &mut Layers) -> &mut KubeadmControlPlane {
    Arc::make_mut(layers.control_plane.as_mut().unwrap())
}

fn planned(guest: &GuestCluster, layers: &Layers, catalogue: &Catalogue) -> Result<Plan, Blocked> {
    plan(guest, sample("v1.34.2").identity, layers, catalogue, true)
}

/// Versions of the control plane and of the pool.
fn versions(guest: &GuestCluster, layers: &Layers, catalogue: &Catalogue) -> (String, String) {
    let plan = planned(guest, layers, catalogue).unwrap();
    (
        plan.control_plane.version.to_string(),
        plan.pools[0].machines.version.to_string(),
    )
}

fn both(version: &str) -> (String, String) {
    (version.to_owned(), version.to_owned())
}

#[test]
fn a_new_guest_gets_the_newest_release_that_matches() {
    let catalogue = supported(&["v1.33.9", "v1.34.2", "v1.34.4", "v1.35.0"]);
    let plan = planned(&guest("v1.34", None), &Layers::default(), &catalogue).unwrap();
    assert_eq!(
        (plan.target.to_string().as_str(), plan.control_plane.image.as_str()),
        ("v1.34.4", "img-v1.34.4")
    );
    assert_eq!(plan.pools[0].machines, plan.control_plane);
    assert_eq!(plan.running, None);
    let blocked = planned(&guest("v1.3", None), &Layers::default(), &catalogue).unwrap_err();
    assert_eq!(
        (blocked.condition, blocked.reason),
        ("DistributionResolved", "NoMatchingRelease")
    );
    assert!(
        blocked.message.starts_with("no release fits v1.3; there are v1.35.0"),
        "{}",
        blocked.message
    );
}

#[test]
fn what_was_chosen_stays_whatever_is_published() {
    let catalogue = supported(&["v1.34.2", "v1.34.4"]);
    assert_eq!(
        versions(&guest("v1.34", Some("v1.34.2")), &Layers::default(), &catalogue),
        both("v1.34.2")
    );
    assert_eq!(
        versions(&guest("v1.34", Some("v1.34.2")), &layers("v1.34.2"), &catalogue),
        both("v1.34.2")
    );
    let lost = guest("v1.34", None);
    assert_eq!(
        versions(&lost, &layers("v1.34.2"), &catalogue),
        both("v1.34.2"),
        "status is lost, the control plane counts"
    );
}

#[test]
fn a_release_that_is_gone_or_expired_stops_nothing_that_runs() {
    let running = guest("v1.34", Some("v1.34.2"));
    let expired = catalogue(&[("v1.34.2", Support::Expired)]);
    assert_eq!(versions(&running, &layers("v1.34.2"), &expired), both("v1.34.2"));
    let plan = planned(&running, &layers("v1.34.2"), &supported(&["v1.35.0"])).unwrap();
    assert_eq!(
        plan.control_plane.image, "photon-5-v1.34.2",
        "the image that its template names"
    );
    let blocked = planned(&running, &Layers::default(), &supported(&["v1.35.0"])).unwrap_err();
    assert_eq!(blocked.reason, "ReleaseGone");
}

#[test]
fn pools_wait_for_the_control_plane() {
    let catalogue = supported(&["v1.34.2", "v1.35.0"]);
    let asks = guest("v1.35", Some("v1.34.2"));
    let mut layers = layers("v1.34.2");
    let held = ("v1.35.0".to_owned(), "v1.34.2".to_owned());
    assert_eq!(versions(&asks, &layers, &catalogue), held);
    control_plane(&mut layers).spec.version = "v1.35.0".to_owned();
    assert_eq!(versions(&asks, &layers, &catalogue), held, "told, but not there");
    control_plane(&mut layers).status.version = Some("v1.35.0".to_owned());
    control_plane(&mut layers).status.replicas = Some(4);
    assert_eq!(versions(&asks, &layers, &catalogue), held, "an old machine is left");
    control_plane(&mut layers).status.replicas = Some(3);
    control_plane(&mut layers).metadata.generation = Some(2);
    control_plane(&mut layers).status.observed_generation = Some(1);
    assert_eq!(
        versions(&asks, &layers, &catalogue),
        held,
        "its numbers are about an older spec"
    );
    control_plane(&mut layers).status.observed_generation = Some(2);
    assert_eq!(versions(&asks, &layers, &catalogue), both("v1.35.0"));
}

#[test]
fn a_pool_that_has_moved_does_not_go_back_when_a_node_fails() {
    let catalogue = supported(&["v1.34.2", "v1.35.0"]);
    let mut layers = layers("v1.35.0");
    control_plane(&mut layers).status.ready_replicas = Some(2);
    assert_eq!(
        versions(&guest("v1.35", Some("v1.34.2")), &layers, &catalogue),
        both("v1.35.0")
    );
}

#[test]
fn a_new_pool_has_the_old_version_while_the_control_plane_is_upgraded() {
    let catalogue = supported(&["v1.34.2", "v1.35.0"]);
    let mut layers = layers("v1.34.2");
    layers.deployments.clear();
    assert_eq!(
        versions(&guest("v1.35", Some("v1.34.2")), &layers, &catalogue).1,
        "v1.34.2"
    );
}

#[test]
fn an_upgrade_can_be_taken_back() {
    let catalogue = supported(&["v1.34.2", "v1.35.0"]);
    let mut layers = layers("v1.34.2");
    control_plane(&mut layers).spec.version = "v1.35.0".to_owned();
    assert_eq!(
        versions(&guest("v1.34.2", Some("v1.34.2")), &layers, &catalogue),
        both("v1.34.2")
    );
}

#[test]
fn etcd_stays_where_it_was_made() {
    let mut outside = supported(&["v1.34.2"]);
    Arc::make_mut(&mut outside[0]).spec.etcd = EtcdMode::External;
    assert_eq!(
        planned(&guest("v1.34", None), &Layers::default(), &outside)
            .unwrap()
            .etcd,
        EtcdMode::External
    );
    let running = planned(&guest("v1.34", None), &layers("v1.34.2"), &outside).unwrap();
    assert_eq!(running.etcd, EtcdMode::Stacked);
}

#[test]
fn a_revision_of_the_future_is_left_alone() {
    let mut layers = layers("v1.34.2");
    let cluster = Arc::make_mut(layers.cluster.as_mut().unwrap());
    cluster.metadata.annotations = Some([(labels::TEMPLATE_REVISION.to_owned(), "99".to_owned())].into());
    let blocked = planned(&guest("v1.34", Some("v1.34.2")), &layers, &supported(&["v1.34.2"])).unwrap_err();
    assert!(blocked.terminal && blocked.reason == "TemplateRevisionUnknown" && blocked.message.contains("99"));
}
