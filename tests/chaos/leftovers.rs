//! What the file of a server that was stopped still holds.

use std::path::Path;

use generic_apiserver::storage::redb::Engine;
use guestcluster_tests::Mode;

/// Asserts that neither VMs nor guests left anything.
pub(crate) fn none(mode: Mode, data_dir: &Path) {
    // The file, and what is in it in any case.
    let (file, keyspace, prefix) = match mode {
        Mode::Embedded => ("supervisor.redb", "sup/", "core/namespaces/"),
        Mode::Aggregated => ("guestclusters.redb", "agg/", "guestclusters.dev/guestclusterreleases/"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = Engine::open(&data_dir.join(file), 1 << 20).unwrap();
        for prefix in ["sim/", "guest/"] {
            let page = engine.keyspace(prefix).range("", None, 1_000).await.unwrap();
            let keys: Vec<_> = page.items.iter().map(|item| item.key.to_string()).collect();
            assert!(keys.is_empty(), "{prefix} still holds {keys:?}");
        }
        let ours = engine.keyspace(keyspace).range(prefix, None, 10).await.unwrap();
        assert!(!ours.items.is_empty(), "this is not where our objects are");
        engine.close().await;
    });
}
