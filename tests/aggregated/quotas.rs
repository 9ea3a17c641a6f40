//! One quota for all replicas: the host keeps it, and kube-controller-manager counts it.

use futures::future::join_all;
use guestcluster_tests::{Kubectl, Manifest, Team, client, eventually};
use guestcluster_types::GuestCluster;
use kube::{Api, api::PostParams};

use crate::MODE;

const COUNT: &str = "count/guestclusters.guestclusters.dev";
/// So many guests may be there.
const LIMIT: usize = 3;
/// So many are asked for at once, of each replica.
const AT_ONCE: usize = 6;

#[test]
fn replicas_that_create_at_once_stay_within_the_quota_together() {
    let team = Team::new(MODE);
    let admin = team.kubectl();
    admin
        .run(&format!("create quota guests --hard={COUNT}={LIMIT}"))
        .success();
    await_used(&admin, "0");

    let created = at_once(&team, "first");
    assert_eq!(created.len(), LIMIT, "{created:?}");
    assert_eq!(admin.names("guestclusters").len(), LIMIT);
    await_used(&admin, &LIMIT.to_string());
    // Through kube-apiserver, whichever replica it asks.
    for _ in 0..4 {
        admin
            .run_with("create -f -", Some(&Manifest::new("more", "v1.34", 1, 0).text()))
            .refused(&format!(
                "is forbidden: exceeded quota: guests, requested: {COUNT}=1, used: {COUNT}={LIMIT}, limited: {COUNT}={LIMIT}"
            ));
    }

    admin
        .run(&format!("delete guestcluster {} --timeout=60s", created[0]))
        .success();
    await_used(&admin, &(LIMIT - 1).to_string());
    assert_eq!(at_once(&team, "second").len(), 1, "one place is free again");
    assert_eq!(admin.names("guestclusters").len(), LIMIT);
}

/// Asks both replicas at the same time for more than fits; the names of what was created. All else was refused for the quota.
fn at_once(team: &Team, name: &str) -> Vec<String> {
    let admin = team.kubectl();
    let kubeconfigs = [
        team.direct_kubeconfig(Some(&admin)),
        team.second_kubeconfig(Some(&admin)),
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut replicas = Vec::new();
        for kubeconfig in &kubeconfigs {
            replicas.push(Api::<GuestCluster>::namespaced(
                client(kubeconfig).await.unwrap(),
                team.namespace(),
            ));
        }
        let asked = (0..AT_ONCE * replicas.len()).map(|number| {
            let replica = &replicas[number % replicas.len()];
            let manifest = Manifest::new(&format!("{name}-{number}"), "v1.34", 1, 0).object;
            async move {
                let guest = serde_json::from_value(manifest).unwrap();
                replica.create(&PostParams::default(), &guest).await
            }
        });
        let mut created = Vec::new();
        for answer in join_all(asked).await {
            match answer {
                Ok(guest) => created.push(guest.metadata.name.unwrap()),
                Err(kube::Error::Api(refusal)) => {
                    assert_eq!(refusal.code, 403, "{refusal:?}");
                    assert!(refusal.message.contains("exceeded quota: guests"), "{refusal:?}");
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        created
    })
}

#[track_caller]
fn await_used(admin: &Kubectl, used: &str) {
    eventually(60, "the quota is counted", || {
        let status = admin.json("get quota guests")["status"].clone();
        if status["used"][COUNT] == used {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
}
