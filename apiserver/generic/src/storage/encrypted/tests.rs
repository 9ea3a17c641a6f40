use super::*;
use crate::storage::{
    redb::Engine,
    tests::{
        conformance,
        rules::{committed, next, put, value},
    },
};

const ONE: &str = "c2VjcmV0IGlzIHNlY3VyZSBzZWNyZXQgaXMgc2VjdXI=";
const OTHER: &str = "dGhpcyBpcyBwYXNzd29yZCB0aGlzIGlzIHBhc3N3b3I=";
const KEY: &str = "library.example.com/books/team-a/dune";

conformance!(async {
    let engine = Engine::in_memory().unwrap();
    move |name: &str| {
        let provider = format!("aesgcm: {{keys: [{{name: one, secret: {ONE}}}]}}");
        Encrypted::over(engine.keyspace(name), name, configuration("*.*", &[&provider]))
    }
});

fn configuration(resources: &str, providers: &[&str]) -> EncryptionConfiguration {
    EncryptionConfiguration::from_yaml(&yaml(resources, providers)).unwrap()
}

fn yaml(resources: &str, providers: &[&str]) -> String {
    let providers = providers.join("\n  - ");
    format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n\
         - resources: ['{resources}']\n  providers:\n  - {providers}\n"
    )
}

fn aes(name: &str, secret: &str) -> String {
    format!("aesgcm: {{keys: [{{name: {name}, secret: {secret}}}]}}")
}

fn secretbox(name: &str, secret: &str) -> String {
    format!("secretbox: {{keys: [{{name: {name}, secret: {secret}}}]}}")
}

/// The same keyspace, plain and by these providers.
struct Shelf(Arc<dyn Store>);

impl Shelf {
    fn new() -> Self {
        Self(Engine::in_memory().unwrap().keyspace("a/"))
    }

    fn by(&self, providers: &[&str]) -> Arc<dyn Store> {
        Encrypted::over(
            self.0.clone(),
            "a/",
            configuration("books.library.example.com", providers),
        )
    }

    async fn stored(&self) -> Bytes {
        self.0.get(KEY).await.unwrap().unwrap().value
    }
}

#[tokio::test]
async fn what_is_stored_has_kube_apiservers_form_and_shows_nothing() {
    for (provider, prefix, overhead) in [
        (aes("k1", ONE), "k8s:enc:aesgcm:v1:k1:", 12 + 16),
        (secretbox("k2", ONE), "k8s:enc:secretbox:v1:k2:", 24 + 16),
    ] {
        let shelf = Shelf::new();
        let store = shelf.by(&[&provider]);
        let mut commits = store.watch(store.revision().await.unwrap()).await.unwrap();
        committed(&*store, vec![put(KEY, "spice")]).await;
        let stored = shelf.stored().await;
        assert!(stored.starts_with(prefix.as_bytes()), "{stored:?}");
        assert_eq!(stored.len(), prefix.len() + overhead + "spice".len());
        assert!(!stored.windows(5).any(|window| window == b"spice"));
        assert_eq!(value(&*store, KEY).await.as_deref(), Some("spice"));
        let page = store.range("library.example.com/", None, 9).await.unwrap();
        assert_eq!((&*page.items[0].value, page.items[0].stale), (&b"spice"[..], false));
        let commit = next(&mut commits).await;
        assert_eq!(commit.changes[0].value.as_deref(), Some(&b"spice"[..]));

        committed(&*store, vec![put(KEY, "spice")]).await;
        assert_ne!(shelf.stored().await, stored, "a nonce is used once");
    }
}

#[tokio::test]
async fn keys_are_rotated_by_their_order() {
    let shelf = Shelf::new();
    let (old, new) = (aes("old", ONE), secretbox("new", OTHER));
    let stale = async |store: &dyn Store| store.get(KEY).await.unwrap().unwrap().stale;
    committed(&*shelf.by(&["identity: {}"]), vec![put(KEY, "1")]).await;
    assert_eq!(shelf.stored().await, "1");
    let steps: [&[&str]; 4] = [
        &[&old, "identity: {}"],
        &[&old, &new],
        &[&new, &old],
        &["identity: {}", &new],
    ];
    for (number, providers) in steps.into_iter().enumerate() {
        let store = shelf.by(providers);
        let is_first = number == 1;
        assert_eq!(stale(&*store).await, !is_first, "step {number}");
        assert_eq!(value(&*store, KEY).await.as_deref(), Some("1"));
        committed(&*store, vec![put(KEY, "1")]).await;
        assert!(!stale(&*store).await, "step {number}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_never_taken_for_an_object() {
    let shelf = Shelf::new();
    let store = shelf.by(&[&aes("one", ONE)]);
    committed(&*store, vec![put(KEY, "1")]).await;
    let refused = async |store: Arc<dyn Store>, key: &str| store.get(key).await.unwrap_err().to_string();
    let elsewhere = "library.example.com/books/team-b/dune";
    let stored = shelf.stored().await;
    committed(&*shelf.0, vec![Write::Put(elsewhere.to_owned(), stored)]).await;
    assert!(
        refused(store.clone(), elsewhere).await.contains("its key does not fit"),
        "moved to another key"
    );
    assert!(store.range("", None, 9).await.is_err());

    for (providers, reason) in [
        (vec![aes("one", OTHER)], "its key does not fit"),
        (vec![aes("two", ONE)], "not configured"),
        (vec!["identity: {}".to_owned()], "not configured"),
    ] {
        let providers: Vec<_> = providers.iter().map(String::as_str).collect();
        let told = refused(shelf.by(&providers), KEY).await;
        assert!(told.contains(reason), "{providers:?}: {told}");
    }
    committed(&*shelf.0, vec![put(KEY, "plain")]).await;
    assert!(refused(store.clone(), KEY).await.contains("identity is not configured"));
    committed(&*shelf.0, vec![put(KEY, "k8s:enc:aesgcm:v1:one:short")]).await;
    assert!(refused(store, KEY).await.contains("its key does not fit"));
}

#[tokio::test]
async fn a_rule_is_for_the_resources_it_names() {
    for (resources, is_encrypted) in [
        ("books.library.example.com", true),
        ("*.library.example.com", true),
        ("*.*", true),
        ("books", false),
        ("*.", false),
        ("*.example.com", false),
        ("shelves.library.example.com", false),
    ] {
        let shelf = Shelf::new();
        let store = Encrypted::over(shelf.0.clone(), "a/", configuration(resources, &[&aes("one", ONE)]));
        committed(&*store, vec![put(KEY, "1")]).await;
        assert_eq!(shelf.stored().await != "1", is_encrypted, "{resources}");
        assert_eq!(value(&*store, KEY).await.as_deref(), Some("1"));
    }
}

#[test]
fn a_file_that_cannot_be_used_says_where_and_shows_no_key() {
    let short = "c2hvcnQ=";
    for (providers, at) in [
        (vec![aes("k", short)], "resources[0].providers[0].aesgcm.keys[0].secret"),
        (
            vec![secretbox("k", short)],
            "resources[0].providers[0].secretbox.keys[0].secret",
        ),
        (
            vec![aes("k", "'no base64'")],
            "resources[0].providers[0].aesgcm.keys[0].secret",
        ),
        (vec![aes("'a:b'", ONE)], "resources[0].providers[0].aesgcm.keys[0].name"),
        (
            vec!["identity: {}".to_owned(), "kms: {name: x}".to_owned()],
            "resources[0].providers[1]",
        ),
        (
            vec!["aesgcm: {keys: []}".to_owned()],
            "resources[0].providers[0].aesgcm.keys",
        ),
        (vec!["unknown: {}".to_owned()], "file"),
    ] {
        let providers: Vec<_> = providers.iter().map(String::as_str).collect();
        let error = EncryptionConfiguration::from_yaml(&yaml("*.*", &providers))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("{at}: ")), "{error}");
        assert!(!error.contains(ONE) && !error.contains(short), "{error}");
    }
    let shown = format!("{:?}", configuration("*.*", &[&aes("one", ONE)]));
    assert!(!shown.contains(ONE), "{shown}");
}
