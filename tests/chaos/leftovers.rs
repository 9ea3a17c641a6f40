//! What a stopped supervisor's file still holds.

use std::path::Path;

use generic_apiserver::storage::redb::Engine;

/// Asserts that neither VMs nor guests left anything.
pub(crate) fn none(file: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = Engine::open(file, 1 << 20).unwrap();
        for prefix in ["sim/", "guest/"] {
            let page = engine.keyspace(prefix).range("", None, 1_000).await.unwrap();
            let keys: Vec<_> = page.items.iter().map(|item| item.key.to_string()).collect();
            assert!(keys.is_empty(), "{prefix} still holds {keys:?}");
        }
        let ours = engine
            .keyspace("sup/")
            .range("core/namespaces/", None, 10)
            .await
            .unwrap();
        assert!(!ours.items.is_empty(), "this file is not the supervisor's");
        engine.close().await;
    });
}
