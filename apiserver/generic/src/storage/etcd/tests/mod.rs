mod access;
mod bounds;
mod compaction;
mod outage;
mod proxy;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use proxy::Proxy;

use super::*;
use crate::storage::tests::{conformance, etcd_server::EtcdServer};

/// Longest for what must happen soon, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

conformance!(fresh());

/// A configuration without TLS, user and compaction.
fn plain(servers: &[&str], prefix: &str) -> Config {
    Config {
        servers: servers.iter().map(|&server| server.to_owned()).collect(),
        prefix: prefix.to_owned(),
        ca_file: None,
        identity: None,
        user: None,
        compaction: None,
    }
}

async fn connect(server: &EtcdServer) -> Arc<Etcd> {
    Etcd::connect(plain(&[&server.url()], "test")).await.unwrap()
}

/// An etcd that no other test uses.
async fn own_server() -> EtcdServer {
    tokio::task::spawn_blocking(EtcdServer::start).await.unwrap()
}

/// What opens keyspaces under a prefix that no other test has.
async fn fresh() -> impl Fn(&str) -> Arc<dyn Store> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let server = tokio::task::spawn_blocking(EtcdServer::shared).await.unwrap();
    let prefix = format!("/test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let etcd = Etcd::connect(plain(&[&server.url()], &prefix)).await.unwrap();
    move |name| etcd.keyspace(name)
}

/// Looks until the condition holds.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = tokio::time::Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PATIENCE, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
