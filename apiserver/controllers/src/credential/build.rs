//! What a guest is to trust: pure, and it can't fail.

use std::collections::BTreeMap;

use guestcluster_credentials::{Floor, NumericDate, PublicKey, Trust};
use guestcluster_types::{GuestCredential, GuestRevocation, NodeTrust};
use jiff::Timestamp;

use super::dereference::Records;

/// How long nodes may take to report what was written before it is written anew.
const PATIENCE_MILLISECONDS: u64 = 60_000;

/// The keys, and what of the records tokens could still be about. The generation is given when it is written.
pub(super) fn trust(guest_uid: &str, keys: Vec<PublicKey>, records: &Records, now: Timestamp) -> Trust {
    let revoked: BTreeMap<_, _> = records.revoked.iter().filter_map(|it| revoked(it)).collect();
    let mut floors: Vec<_> = records.revocations.iter().filter_map(|it| floor(it)).collect();
    sort(&mut floors);
    let trust = Trust {
        guest_uid: guest_uid.to_owned(),
        generation: 0,
        keys,
        revoked,
        floors,
        trust_keys: vec![],
    };
    trust.without_expired(now)
}

/// What is to be written in place of what lies in the guest; none while that is right. An object that is right but that nodes don't
/// take may be an older one that somebody put back: it is written anew, under a newer generation, once in a while.
pub(super) fn next(wanted: Trust, live: Option<&Trust>, nodes: &[NodeTrust], now: Timestamp) -> Option<Trust> {
    let generation = Trust::next_generation(live, now);
    let Some(live) = live else {
        return Some(Trust { generation, ..wanted });
    };
    let wanted = Trust {
        generation: live.generation,
        ..carried_over(wanted, live, now)
    };
    // A generation is the time of writing, in milliseconds.
    let is_old = generation.saturating_sub(live.generation) >= PATIENCE_MILLISECONDS;
    if wanted == *live && (is_taken(live, nodes) || !is_old) {
        return None;
    }
    Some(Trust { generation, ..wanted })
}

/// Whether some node judges by the object and none by a newer one. One that is down may take its time.
fn is_taken(live: &Trust, nodes: &[NodeTrust]) -> bool {
    let generation = i64::try_from(live.generation).unwrap_or(i64::MAX);
    nodes.iter().any(|node| node.in_force) && nodes.iter().all(|node| node.generation <= generation)
}

/// With what the guest was told before and tokens could still be about: a record that is in force goes, and a revocation may be
/// deleted, but neither brings a token back.
fn carried_over(mut wanted: Trust, live: &Trust, now: Timestamp) -> Trust {
    let live = live.clone().without_expired(now);
    for (id, expires) in live.revoked {
        wanted.revoked.entry(id).or_insert(expires);
    }
    for floor in live.floors {
        if !wanted.floors.contains(&floor) {
            wanted.floors.push(floor);
        }
    }
    sort(&mut wanted.floors);
    wanted
}

fn sort(floors: &mut [Floor]) {
    floors.sort_by(|a, b| (&a.subject, a.issued_before).cmp(&(&b.subject, b.issued_before)));
}

/// A token is known by the UID of its record.
fn revoked(credential: &GuestCredential) -> Option<(String, NumericDate)> {
    let id = credential.metadata.uid.clone()?;
    Some((id, NumericDate::from(credential.spec.expiration_timestamp.0)))
}

fn floor(revocation: &GuestRevocation) -> Option<Floor> {
    let issued_before = NumericDate::from(revocation.spec.issued_before.as_ref()?.0);
    Some(Floor {
        subject: revocation.spec.subject.as_ref().map(|subject| subject.user.clone()),
        issued_before,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use guestcluster_credentials::SigningKey;
    use serde_json::json;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn credential(uid: &str, expires: &str) -> Arc<GuestCredential> {
        Arc::new(
            serde_json::from_value(json!({
                "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredential",
                "metadata": {"name": uid, "namespace": "team-a", "uid": uid},
                "spec": {"clusterRef": {"name": "dev", "uid": "g-1"}, "user": "ann@corp", "level": "view",
                    "issuedAt": "2026-01-01T00:00:00Z", "expirationTimestamp": expires},
            }))
            .unwrap(),
        )
    }

    fn revocation(spec: serde_json::Value) -> Arc<GuestRevocation> {
        let mut object = json!({
            "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestRevocation",
            "metadata": {"name": "r", "namespace": "team-a"},
            "spec": {"clusterRef": {"name": "dev", "uid": "g-1"}, "issuedBefore": "2026-01-01T00:05:00Z"},
        });
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        Arc::new(serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_guest_trusts_its_key_and_refuses_what_is_revoked() {
        let key = SigningKey::generate().unwrap();
        let records = Records {
            revoked: vec![
                credential("c-1", "2026-01-01T01:00:00Z"),
                credential("old", "2025-12-31T00:00:00Z"),
            ],
            revocations: vec![
                revocation(json!({"subject": {"user": "ann@corp"}})),
                revocation(json!({"all": true})),
            ],
        };
        let trust = trust(
            "g-1",
            vec![key.public().clone()],
            &records,
            time("2026-01-01T00:06:00Z"),
        );
        assert_eq!(trust.keys, [key.public().clone()]);
        assert_eq!(
            trust.revoked.keys().collect::<Vec<_>>(),
            ["c-1"],
            "the other has expired"
        );
        let subjects: Vec<_> = trust.floors.iter().map(|floor| floor.subject.as_deref()).collect();
        assert_eq!(subjects, [None, Some("ann@corp")]);
    }

    #[test]
    fn what_nodes_don_t_take_is_written_anew_once_in_a_while() {
        let key = SigningKey::generate().unwrap();
        let written = time("2026-01-01T00:00:00Z");
        let wanted = || trust("g-1", vec![key.public().clone()], &Records::default(), written);
        let live = next(wanted(), None, &[], written).unwrap();
        let node = |generation: u64, in_force| NodeTrust {
            name: "n".to_owned(),
            generation: i64::try_from(generation).unwrap(),
            in_force,
        };
        let (taken, behind) = (node(live.generation, true), node(live.generation - 1, false));
        let ahead = node(live.generation + 1, false);
        let after = |nodes: &[&NodeTrust], now: &str| {
            let nodes: Vec<_> = nodes.iter().map(|node| (*node).clone()).collect();
            next(wanted(), Some(&live), &nodes, time(now))
        };
        assert_eq!(after(&[&behind], "2026-01-01T00:00:59Z"), None, "nodes need a moment");
        assert_eq!(after(&[&taken], "2026-01-02T00:00:00Z"), None);
        assert_eq!(after(&[&taken, &behind], "2026-01-02T00:00:00Z"), None, "one is down");
        let put_back = after(&[&taken, &ahead], "2026-01-01T00:01:00Z");
        assert!(put_back.is_some(), "a new node takes what the others know to be old");
        let anew = after(&[&behind], "2026-01-01T00:01:00Z").unwrap();
        assert!(anew.generation > live.generation);
        assert_eq!(anew.keys, live.keys);
    }

    #[test]
    fn what_was_revoked_stays_so_until_it_has_expired() {
        let key = SigningKey::generate().unwrap();
        let records = Records {
            revoked: vec![credential("c-1", "2026-01-01T01:00:00Z")],
            revocations: vec![revocation(json!({"all": true}))],
        };
        let live = trust(
            "g-1",
            vec![key.public().clone()],
            &records,
            time("2026-01-01T00:06:00Z"),
        );
        let after = |now: &str| {
            let wanted = trust("g-1", vec![key.public().clone()], &Records::default(), time(now));
            carried_over(wanted, &live, time(now))
        };
        assert_eq!(after("2026-01-01T00:30:00Z"), live);
        let later = after("2026-01-01T03:00:00Z");
        assert!(later.revoked.is_empty() && later.floors.is_empty(), "{later:?}");
    }
}
