//! Objects that are encrypted where they are stored.

use std::io::Write as _;

use generic_apiserver::storage::redb::Engine;
use guestcluster_tests::{Start, Supervisor};

use crate::MODE;

const CONFIGURATION: &str = "
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: ['*.guestclusters.dev']
  providers:
  - secretbox:
      keys:
      - name: one
        secret: c2VjcmV0IGlzIHNlY3VyZSBzZWNyZXQgaXMgc2VjdXI=
  - identity: {}
";

#[test]
fn the_store_shows_no_object_and_the_server_all_of_them() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(CONFIGURATION.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let mut supervisor = Supervisor::start(Start {
        mode: MODE,
        layers: Some("none".to_owned()),
        arguments: vec!["--encryption-provider-config".to_owned(), path],
        ..Start::default()
    });
    let kubectl = supervisor.kubectl();
    let releases = kubectl.names("guestclusterreleases");
    assert!(!releases.is_empty());

    supervisor.stop();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stored = runtime.block_on(async {
        let engine = Engine::open(&supervisor.data_dir().join("guestclusters.redb"), 1 << 20).unwrap();
        let page = engine.keyspace("agg/").range("", None, 1_000).await.unwrap();
        engine.close().await;
        page.items
    });
    assert_eq!(stored.len(), releases.len());
    for item in stored {
        assert!(item.value.starts_with(b"k8s:enc:secretbox:v1:one:"), "{}", item.key);
    }
    supervisor.restart();
    assert_eq!(kubectl.names("guestclusterreleases"), releases);
}
