//! A key of the store's encryption is replaced by writing every object once, as it is.

use std::sync::Arc;

use super::{WIDGETS, World, version_of};
use crate::storage::{
    Store,
    encrypted::{Encrypted, EncryptionConfiguration},
    redb::Engine,
};

const OLD: &str = "{name: old, secret: c2VjcmV0IGlzIHNlY3VyZSBzZWNyZXQgaXMgc2VjdXI=}";
const NEW: &str = "{name: new, secret: dGhpcyBpcyBwYXNzd29yZCB0aGlzIGlzIHBhc3N3b3I=}";

fn by(store: &Arc<dyn Store>, keys: &[&str]) -> Arc<dyn Store> {
    let yaml = format!(
        "{{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [{{resources: ['*.*'], \
         providers: [{{aesgcm: {{keys: [{}]}}}}]}}]}}",
        keys.join(", ")
    );
    Encrypted::over(
        store.clone(),
        "test/",
        EncryptionConfiguration::from_yaml(&yaml).unwrap(),
    )
}

async fn is_written_with(store: &Arc<dyn Store>, key: &str) -> bool {
    let page = store.range("", None, 9).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let prefix = format!("k8s:enc:aesgcm:v1:{key}:");
    page.items[0].value.starts_with(prefix.as_bytes())
}

#[tokio::test]
async fn a_put_that_changes_nothing_writes_once_with_the_new_key() {
    let store = Engine::in_memory().unwrap().keyspace("test/");
    let path = format!("{WIDGETS}/a");
    let created = World::over(by(&store, &[OLD])).await.widget("a").await;
    assert!(is_written_with(&store, "old").await);

    let world = World::over(by(&store, &[NEW, OLD])).await;
    assert_eq!(world.get(&path).await.expect(200), created);
    let dry = world.put(&format!("{path}?dryRun=All"), &created).await.expect(200);
    assert_eq!(dry, created);
    assert!(is_written_with(&store, "old").await);

    let rewritten = world.put(&path, &created).await.expect(200);
    assert!(is_written_with(&store, "new").await);
    assert!(version_of(&rewritten) > version_of(&created));
    let again = world.put(&path, &rewritten).await.expect(200);
    assert_eq!(again, rewritten, "a second one writes nothing");

    let world = World::over(by(&store, &[NEW])).await;
    assert_eq!(world.get(&path).await.expect(200), rewritten);
}
