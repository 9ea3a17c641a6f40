//! Which guest a GuestCluster is: a new one, the one it was before, or one that it adopts.

use guestcluster_types::{
    GuestCluster,
    conditions::{READY, reasons},
    labels,
    upstream::capi::Cluster,
};
use kube::ResourceExt;

use super::{
    dereference::belongs_to,
    plan::{Blocked, Identity},
};

/// Who else there is: adoption must not make two guests of one identity, because its keys hang on it.
pub(super) trait Others {
    /// The Cluster with the GuestCluster's own name.
    fn cluster_here(&self) -> Option<&Cluster>;
    /// Whether another GuestCluster or another Cluster is that guest.
    fn is_used_elsewhere(&self, guest_uid: &str) -> bool;
}

/// The guest UID of a GuestCluster as far as it is settled: recorded, or its own.
pub(super) fn uid_of(guest: &GuestCluster) -> Option<&str> {
    let recorded = guest.status.as_ref().and_then(|status| status.guest_uid.as_deref());
    recorded.or(guest.metadata.uid.as_deref())
}

/// The identity that status records, or the one to be recorded there.
pub(super) fn identify(guest: &GuestCluster, others: &impl Others) -> Result<Identity, Blocked> {
    let recorded = guest.status.as_ref().and_then(|status| status.guest_uid.clone());
    let uid = match (recorded, guest.annotations().get(labels::ADOPT)) {
        (Some(recorded), _) => recorded,
        (None, Some(adopted)) => adopt(adopted, others)?,
        (None, None) => guest.uid().unwrap_or_default(),
    };
    Ok(Identity {
        namespace: guest.namespace().unwrap_or_default(),
        name: guest.name_any(),
        uid,
    })
}

fn adopt(adopted: &str, others: &impl Others) -> Result<String, Blocked> {
    let refused = |message: String| Blocked {
        condition: READY,
        reason: reasons::ADOPTION_REFUSED,
        message,
        object: None,
        terminal: true,
    };
    if others
        .cluster_here()
        .is_none_or(|cluster| !belongs_to(cluster, adopted))
    {
        return Err(refused(format!(
            "there is no Cluster of this name and namespace that belongs to guest {adopted}"
        )));
    }
    if others.is_used_elsewhere(adopted) {
        return Err(refused(format!(
            "guest {adopted} belongs to another GuestCluster or Cluster as well"
        )));
    }
    Ok(adopted.to_owned())
}

#[cfg(test)]
mod tests {
    use guestcluster_types::upstream::capi::ClusterSpec;
    use serde_json::json;

    use super::*;

    struct World {
        here: Option<Cluster>,
        elsewhere: bool,
    }

    impl Others for World {
        fn cluster_here(&self) -> Option<&Cluster> {
            self.here.as_ref()
        }

        fn is_used_elsewhere(&self, _: &str) -> bool {
            self.elsewhere
        }
    }

    fn guest(annotation: Option<&str>, recorded: Option<&str>) -> GuestCluster {
        let annotations = annotation.map(|uid| json!({"guestclusters.dev/adopt": uid}));
        let spec = json!({"distribution": {"version": "v1.34"}, "topology": {"controlPlane": {"vmClass": "a", "storageClass": "b"}}});
        serde_json::from_value(json!({
            "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "spec": spec,
            "metadata": {"name": "dev", "namespace": "team-a", "uid": "own", "annotations": annotations},
            "status": {"guestUID": recorded},
        }))
        .unwrap()
    }

    fn cluster(uid: &str) -> Cluster {
        let mut cluster = Cluster::new("dev", ClusterSpec::default());
        cluster.metadata.labels = Some([(labels::GUEST_UID.to_owned(), uid.to_owned())].into());
        cluster
    }

    #[test]
    fn a_new_guest_has_the_uid_of_its_object_and_keeps_what_is_recorded() {
        let nobody = World {
            here: None,
            elsewhere: false,
        };
        assert_eq!(identify(&guest(None, None), &nobody).unwrap().uid, "own");
        assert_eq!(identify(&guest(None, Some("first")), &nobody).unwrap().uid, "first");
        assert_eq!(
            identify(&guest(Some("late"), Some("first")), &nobody).unwrap().uid,
            "first"
        );
    }

    #[test]
    fn only_an_orphan_of_the_same_name_is_adopted() {
        let adopt = |here, elsewhere| identify(&guest(Some("old"), None), &World { here, elsewhere });
        assert_eq!(adopt(Some(cluster("old")), false).unwrap().uid, "old");
        for (here, elsewhere) in [
            (None, false),
            (Some(cluster("other")), false),
            (Some(cluster("old")), true),
        ] {
            assert_eq!(adopt(here, elsewhere).unwrap_err().reason, "AdoptionRefused");
        }
    }
}
