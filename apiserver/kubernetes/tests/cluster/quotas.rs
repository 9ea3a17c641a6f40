//! Quotas: what is too much is refused, whoever asks at the same time, and what is used is counted.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use generic_apiserver::{
    Status,
    admission::{Admission, AdmissionRequest, Operation, Step},
    status::Forbidden,
};
use serde_json::{Value, json};

use crate::support::{Client, TestCluster, config_map};

const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const SERVICES: &str = "/api/v1/namespaces/default/services";

fn quota(name: &str, hard: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": {"hard": hard}})
}

/// Waits until a quota's status says that this is used.
async fn until_used(client: &Client, name: &str, used: Value) {
    let what = format!("{name} to say {used}");
    client
        .until(&format!("{QUOTAS}/{name}"), &what, |answer| {
            answer.body["status"]["used"] == used
        })
        .await;
}

async fn items(client: &Client, path: &str) -> usize {
    client.get(path).await.ok()["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_quota_counts_from_its_creation_and_refuses_in_kube_apiservers_words() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    admin.create(CONFIG_MAPS, config_map("before")).await.ok();
    admin
        .create(QUOTAS, quota("few", json!({"count/configmaps": 2, "configmaps": "3"})))
        .await
        .ok();
    admin.create(CONFIG_MAPS, config_map("second")).await.ok();
    let found = admin.get(&format!("{QUOTAS}/few")).await.ok();
    assert_eq!(
        found["status"],
        json!({
            "hard": {"configmaps": "3", "count/configmaps": "2"},
            "used": {"configmaps": "2", "count/configmaps": "2"},
        }),
        "the answer comes when the quota says so"
    );
    for path in [CONFIG_MAPS.to_owned(), format!("{CONFIG_MAPS}?dryRun=All")] {
        assert_eq!(
            admin.create(&path, config_map("third")).await.refused(403),
            "configmaps \"third\" is forbidden: exceeded quota: few, requested: count/configmaps=1, used: \
             count/configmaps=2, limited: count/configmaps=2"
        );
    }
    admin
        .create("/api/v1/namespaces/kube-public/configmaps", config_map("elsewhere"))
        .await
        .ok();
    admin.delete(&format!("{CONFIG_MAPS}/before"), "Background").await.ok();
    until_used(&admin, "few", json!({"configmaps": "1", "count/configmaps": "1"})).await;
    admin.create(CONFIG_MAPS, config_map("third")).await.ok();
}

#[tokio::test]
async fn of_many_at_one_time_as_many_pass_as_there_is_room_for() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    admin
        .create(QUOTAS, quota("a", json!({"configmaps": "7", "secrets": "1"})))
        .await
        .ok();
    admin
        .create(QUOTAS, quota("b", json!({"count/configmaps": "9"})))
        .await
        .ok();
    let creates = (0..60).map(|number| {
        let admin = &admin;
        async move { admin.create(CONFIG_MAPS, config_map(&format!("m{number}"))).await.code }
    });
    let codes = futures::future::join_all(creates).await;
    let of = |wanted: u16| codes.iter().filter(|code| **code == wanted).count();
    assert_eq!((of(201), of(403)), (7, 53));
    assert_eq!(items(&admin, CONFIG_MAPS).await, 7);
    until_used(&admin, "a", json!({"configmaps": "7", "secrets": "0"})).await;
    until_used(&admin, "b", json!({"count/configmaps": "7"})).await;
}

/// Refuses what is named `refused`, where quotas have been asked already or will be.
struct Picky;

#[async_trait]
impl Admission for Picky {
    fn name(&self) -> &'static str {
        "Picky"
    }

    fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool {
        step == Step::Validate && request.operation == Operation::Create && request.name == "refused"
    }

    async fn validate(&self, request: &AdmissionRequest<'_>, _: Option<&Value>) -> Result<(), Status> {
        let what = Forbidden {
            group: "",
            resource: "configmaps",
            name: request.name,
        };
        Err(Status::forbidden(what, "it is refused"))
    }
}

#[tokio::test]
async fn what_is_not_stored_does_not_count() {
    let cluster = TestCluster::with(|options| options.admission.push(Arc::new(Picky))).await;
    let admin = cluster.admin();
    admin
        .create(QUOTAS, quota("few", json!({"configmaps": "3"})))
        .await
        .ok();
    admin.create(CONFIG_MAPS, config_map("a")).await.ok();
    for _ in 0..5 {
        admin.create(CONFIG_MAPS, config_map("a")).await.refused(409);
        admin.create(CONFIG_MAPS, config_map("refused")).await.refused(403);
        admin
            .create(&format!("{CONFIG_MAPS}?dryRun=All"), config_map("dry"))
            .await
            .ok();
        admin.create(CONFIG_MAPS, config_map("Not a name")).await.refused(422);
        // A name that was taken leaves its place when the answer is there, or a moment later.
        until_used(&admin, "few", json!({"configmaps": "1"})).await;
    }
    admin.create(CONFIG_MAPS, config_map("b")).await.ok();
    until_used(&admin, "few", json!({"configmaps": "2"})).await;
}

#[tokio::test]
async fn who_hangs_up_gets_no_more_than_the_quota() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    admin
        .create(QUOTAS, quota("few", json!({"configmaps": "10"})))
        .await
        .ok();
    for number in 0_u64..200 {
        let create = admin.create(CONFIG_MAPS, config_map(&format!("m{number}")));
        // Gone somewhere between the reservation and the answer.
        let patience = std::time::Duration::from_micros(number * 37 % 3000);
        let _ = tokio::time::timeout(patience, create).await;
    }
    let creates = (0..50).map(|number| admin.create(CONFIG_MAPS, config_map(&format!("n{number}"))));
    futures::future::join_all(creates.collect::<Vec<_>>()).await;
    let stored = items(&admin, CONFIG_MAPS).await;
    assert!(stored <= 10, "{stored}");
}

#[tokio::test]
async fn a_service_that_becomes_more_is_judged_and_one_that_becomes_less_counted() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let hard = json!({"services": "2", "services.nodeports": "2", "services.loadbalancers": "0"});
    admin.create(QUOTAS, quota("ports", hard)).await.ok();
    let service = |name: &str, ports: u16| {
        let ports: Vec<Value> = (1..=ports)
            .map(|port| json!({"port": port, "name": format!("p{port}")}))
            .collect();
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports}})
    };
    admin.create(SERVICES, service("a", 2)).await.ok();
    let path = format!("{SERVICES}/a");
    let typed = |r#type: &str| json!({"spec": {"type": r#type}});
    assert_eq!(
        admin.merge(&path, typed("LoadBalancer")).await.refused(403),
        "services \"a\" is forbidden: exceeded quota: ports, requested: services.loadbalancers=1, used: \
         services.loadbalancers=0, limited: services.loadbalancers=0"
    );
    admin.merge(&path, typed("NodePort")).await.ok();
    let used = |services: &str, ports: &str| json!({"services": services, "services.loadbalancers": "0", "services.nodeports": ports});
    until_used(&admin, "ports", used("1", "2")).await;
    let mut more = service("b", 1);
    more["spec"]["type"] = "NodePort".into();
    let refusal = admin.create(SERVICES, more.clone()).await.refused(403);
    assert!(
        refusal.contains("requested: services.nodeports=1, used: services.nodeports=2"),
        "{refusal}"
    );
    admin.merge(&path, typed("ClusterIP")).await.ok();
    until_used(&admin, "ports", used("1", "0")).await;
    admin.create(SERVICES, more).await.ok();
    until_used(&admin, "ports", used("2", "1")).await;
}

#[tokio::test]
async fn the_status_follows_the_spec_and_says_nothing_of_what_is_not_counted() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let hard = json!({"cpu": "1000m", "count/nothings.example.io": "1", "resourcequotas": "1", "pods": "1000"});
    admin.create(QUOTAS, quota("all", hard)).await.ok();
    let path = format!("{QUOTAS}/all");
    let has_status = |answer: &crate::support::Answer| answer.body["status"]["used"].is_object();
    let found = admin.until(&path, "a status", has_status).await.ok();
    let hard = json!({"count/nothings.example.io": "1", "cpu": "1", "pods": "1k", "resourcequotas": "1"});
    assert_eq!(found["spec"]["hard"], hard, "amounts have one form");
    assert_eq!(
        found["status"],
        json!({"hard": hard, "used": {"pods": "0", "resourcequotas": "1"}})
    );
    let refusal = admin.create(QUOTAS, quota("second", json!({}))).await.refused(403);
    assert!(
        refusal.contains("exceeded quota: all, requested: resourcequotas=1"),
        "{refusal}"
    );
    let other = json!({"spec": {"hard": {"cpu": null, "pods": null, "secrets": "4"}}});
    admin.merge(&path, other).await.ok();
    until_used(&admin, "all", json!({"resourcequotas": "1", "secrets": "0"})).await;
}

#[tokio::test]
async fn a_scope_says_which_pods_count() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let mut jobs = quota("jobs", json!({"pods": "1", "count/configmaps": "0"}));
    jobs["spec"]["scopes"] = json!(["Terminating"]);
    admin.create(QUOTAS, jobs).await.ok();
    let pod = |name: &str, deadline: Value| {
        let containers = json!([{"name": "a", "image": "a"}]);
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": containers, "activeDeadlineSeconds": deadline},
        })
    };
    let pods = "/api/v1/namespaces/default/pods";
    admin.create(pods, pod("a", json!(60))).await.ok();
    admin.create(pods, pod("b", json!(60))).await.refused(403);
    admin.create(pods, pod("c", Value::Null)).await.ok();
    admin.create(CONFIG_MAPS, config_map("no-pod")).await.ok();
    until_used(&admin, "jobs", json!({"count/configmaps": "0", "pods": "1"})).await;
    let ended = json!({"status": {"phase": "Succeeded"}});
    admin.merge(&format!("{pods}/a/status"), ended).await.ok();
    until_used(&admin, "jobs", json!({"count/configmaps": "0", "pods": "0"})).await;
    admin.create(pods, pod("b", json!(60))).await.ok();
}

#[tokio::test]
async fn a_quota_that_goes_lets_everything_through_again() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    for round in 0..3 {
        admin
            .create(QUOTAS, quota("none", json!({"configmaps": "0"})))
            .await
            .ok();
        admin.create(CONFIG_MAPS, config_map("a")).await.refused(403);
        admin.delete(&format!("{QUOTAS}/none"), "Background").await.ok();
        admin.create(CONFIG_MAPS, config_map(&format!("a{round}"))).await.ok();
        admin
            .delete(&format!("{CONFIG_MAPS}/a{round}"), "Background")
            .await
            .ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counting_in_between_gives_nobody_a_place_that_is_taken() {
    let cluster = TestCluster::start().await;
    let admin = Arc::new(cluster.admin());
    admin
        .create(QUOTAS, quota("few", json!({"configmaps": "3"})))
        .await
        .ok();
    let there = Arc::new(AtomicI64::new(0));
    let workers = (0..8).map(|worker| {
        let (admin, there) = (admin.clone(), there.clone());
        tokio::spawn(async move {
            let mut made = 0;
            for round in 0..60 {
                let name = format!("m{worker}-{round}");
                if admin.create(CONFIG_MAPS, config_map(&name)).await.code == 201 {
                    made += 1;
                    let now = there.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(now <= 3, "{now} objects at one time");
                    there.fetch_sub(1, Ordering::SeqCst);
                    admin.delete(&format!("{CONFIG_MAPS}/{name}"), "Background").await.ok();
                }
            }
            made
        })
    });
    let made: Vec<i32> = futures::future::try_join_all(workers).await.unwrap();
    assert!(made.iter().sum::<i32>() > 3, "places become free: {made:?}");
    until_used(&admin, "few", json!({"configmaps": "0"})).await;
}
