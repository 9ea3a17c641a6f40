use guestcluster_types::upstream::capi::ClusterSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::*;

fn cluster(name: &str, guest: Option<&str>) -> Cluster {
    let mut cluster = Cluster::new(name, ClusterSpec::default());
    cluster.metadata.namespace = Some("team-a".to_owned());
    cluster.metadata.labels = guest.map(|uid| [(labels::GUEST_UID.to_owned(), uid.to_owned())].into());
    cluster
}

fn guest(name: &str, uid: &str, recorded: Option<&str>) -> GuestCluster {
    let spec = json!({"distribution": {"version": "v1.34"}, "topology": {"controlPlane": {"vmClass": "a", "storageClass": "b"}}});
    serde_json::from_value(json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "spec": spec,
        "metadata": {"name": name, "namespace": "team-a", "uid": uid}, "status": {"guestUID": recorded},
    }))
    .unwrap()
}

fn names(clusters: &[Cluster], guests: &[GuestCluster]) -> Vec<String> {
    let clusters = clusters.iter().cloned().map(Arc::new).collect();
    let found = orphans(clusters, guests.iter(), |_, name| name == "unreadable");
    found.iter().map(|cluster| cluster.name_any()).collect()
}

#[test]
fn a_cluster_is_an_orphan_when_no_guestcluster_is_its_guest() {
    let clusters = [cluster("dev", Some("g-1")), cluster("by-hand", None)];
    assert_eq!(names(&clusters, &[]), ["dev"]);
    assert_eq!(names(&clusters, &[guest("dev", "g-1", None)]), Vec::<String>::new());
    assert_eq!(
        names(&clusters, &[guest("dev", "other", Some("g-1"))]),
        Vec::<String>::new(),
        "adopted"
    );
    assert_eq!(
        names(&clusters, &[guest("dev", "other", None)]),
        ["dev"],
        "made again without adoption"
    );
    assert_eq!(
        names(&clusters, &[guest("dev", "g-1", Some("g-2"))]),
        ["dev"],
        "what is recorded counts"
    );
}

#[test]
fn what_goes_or_can_not_be_read_is_no_orphan() {
    let mut going = cluster("dev", Some("g-1"));
    going.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
    assert_eq!(
        names(&[going, cluster("unreadable", Some("g-2"))], &[]),
        Vec::<String>::new()
    );
}

#[test]
fn the_gauge_counts_all_and_the_series_are_bounded() {
    let orphans = Orphans::default();
    let page = || {
        let mut page = String::new();
        orphans.render(&mut page);
        page
    };
    assert_eq!(page(), "", "nobody has looked yet");
    *orphans.seen.write() = Some(BTreeSet::new());
    assert!(page().ends_with("\nguestcluster_orphans 0\n"));
    let many = (0..1500).map(|number| Orphan::of(&cluster(&format!("c-{number:04}"), Some("g"))));
    *orphans.seen.write() = Some(many.collect());
    let page = page();
    assert!(page.contains("\nguestcluster_orphans 1500\n"));
    let series = page
        .lines()
        .filter(|line| line.starts_with("guestcluster_orphan{"))
        .count();
    assert_eq!(series, 1000);
    assert!(page.contains(r#"guestcluster_orphan{namespace="team-a",name="c-0000",guest_uid="g"} 1"#));
}
