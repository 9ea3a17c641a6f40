//! Many clusters in one process.

use std::sync::Arc;

use futures::{StreamExt, stream};
use generic_apiserver::storage::redb::Engine;
use serde_json::json;

use crate::support::{TestCluster, config_map};

const CLUSTERS: usize = 200;
/// What a cluster that serves only itself may cost.
const MOST_KIB_EACH: u64 = 300;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Alone in its process it prints what a cluster costs: `cargo test -p kubernetes-apiserver --test cluster many -- --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_clusters_share_a_process_and_an_engine() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("store"), 8 << 20).unwrap();
    let first = TestCluster::over(&engine, "c/first/", |_| {}).await;
    first.admin().get("/api/v1/nodes").await.ok();

    let before = resident_kib();
    let started = std::time::Instant::now();
    let start = |number: usize| {
        let engine: Arc<Engine> = engine.clone();
        async move { TestCluster::over(&engine, &format!("c/{number}/"), |_| {}).await }
    };
    let clusters: Vec<TestCluster> = stream::iter(0..CLUSTERS).map(start).buffered(16).collect().await;
    let each = (resident_kib().saturating_sub(before)) / CLUSTERS as u64;
    println!("{CLUSTERS} clusters in {:?}, {each} KiB each", started.elapsed());
    assert!(each < MOST_KIB_EACH, "{each} KiB a cluster");

    // Each has its own objects and rights.
    let (a, b) = (clusters[0].admin(), clusters[1].admin());
    a.create("/api/v1/namespaces/default/configmaps", config_map("mine"))
        .await
        .ok();
    b.get("/api/v1/namespaces/default/configmaps/mine").await.refused(404);
    clusters[199].user("ana", &[]).get("/api/v1/nodes").await.refused(403);
    let maps = a.get("/api/v1/namespaces/default/configmaps").await.ok();
    assert_eq!(maps["items"][0]["data"], json!({"a": "b"}));
}
