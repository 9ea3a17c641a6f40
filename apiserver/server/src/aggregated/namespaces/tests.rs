use generic_apiserver::{
    admission::{Notes, Operation, Options},
    authn::User,
    registry::ResourceDefinition,
    request::options::WriteOptions,
};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::{
    super::testing::{Host, Wire, until},
    *,
};

fn definition(plural: &str) -> ResourceDefinition {
    let definitions = kubernetes_apiserver::core_definitions();
    let found = definitions.iter().find(|definition| definition.names.plural == plural);
    found.unwrap().clone()
}

/// What becomes of a write of `what`, named x.
async fn write(namespaces: &HostNamespaces, operation: Operation, what: &str, namespace: &str) -> Result<(), Status> {
    let definition = definition(what);
    let request = AdmissionRequest {
        user: &User::default(),
        resource: &definition,
        subresource: "",
        kind: (&definition.names).into(),
        namespace,
        name: "x",
        operation,
        options: Options::Write(&WriteOptions::default()),
        old: None,
        dry_run: false,
        notes: &Notes::default(),
    };
    if !namespaces.handles(Step::Admit, &request) {
        return Ok(());
    }
    namespaces.admit(&request, None).await
}

async fn create(namespaces: &HostNamespaces, namespace: &str) -> Result<(), Status> {
    write(namespaces, Operation::Create, "configmaps", namespace).await
}

/// A namespace that stays while it is deleted.
async fn hold(host: &Host, name: &str) -> Api<Namespace> {
    let api: Api<Namespace> = Api::all(host.admin());
    let held = json!({"metadata": {"name": name, "finalizers": ["test.dev/hold"]}});
    let held: Namespace = serde_json::from_value(held).unwrap();
    api.create(&PostParams::default(), &held).await.unwrap();
    api
}

async fn let_go(api: &Api<Namespace>, name: &str) {
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch(name, &PatchParams::default(), &free).await.unwrap();
}

#[tokio::test]
async fn words_are_those_of_kube_apiserver() {
    let host = Host::start().await;
    let namespaces = HostNamespaces::new(host.server());
    assert_eq!(create(&namespaces, "default").await, Ok(()));
    let missing = create(&namespaces, "nope").await.unwrap_err();
    assert_eq!(
        (missing.code, missing.message.as_str()),
        (404, "namespaces \"nope\" not found")
    );
    let api = hold(&host, "going").await;
    api.delete("going", &DeleteParams::default()).await.unwrap();
    let terminating = create(&namespaces, "going").await.unwrap_err();
    assert_eq!(
        (terminating.code, terminating.message.as_str()),
        (
            403,
            "configmaps \"x\" is forbidden: unable to create new content in namespace going because it is being terminated"
        )
    );
    assert_eq!(terminating.details.unwrap().causes[0].reason, "NamespaceTerminating");
}

#[tokio::test]
async fn only_creates_in_a_namespace_are_looked_at() {
    let host = Host::start().await;
    let namespaces = HostNamespaces::new(host.server());
    for operation in [Operation::Update, Operation::Delete] {
        assert_eq!(write(&namespaces, operation, "configmaps", "nope").await, Ok(()));
    }
    assert_eq!(write(&namespaces, Operation::Create, "nodes", "").await, Ok(()));
}

#[tokio::test]
async fn followed_they_are_known_without_asking() {
    let host = Host::start().await;
    let wire = Arc::new(Wire::default());
    let namespaces = HostNamespaces::new(wire.to(&host));
    let stop = CancellationToken::new();
    let following = tokio::spawn(namespaces.clone().follow(stop.clone()));
    let knows = |name: &'static str| {
        let namespaces = namespaces.clone();
        async move || namespaces.knows_active(name)
    };
    until("the list is read", knows("default")).await;
    let api = hold(&host, "team-a").await;
    until("a new namespace is known", knows("team-a")).await;
    let sent = wire.sent();
    assert_eq!(create(&namespaces, "team-a").await, Ok(()));
    assert_eq!(wire.sent(), sent);

    api.delete("team-a", &DeleteParams::default()).await.unwrap();
    until("its end is known", async || !namespaces.knows_active("team-a")).await;
    assert_eq!(create(&namespaces, "team-a").await.unwrap_err().code, 403);
    let_go(&api, "team-a").await;
    until("it is gone", async || {
        create(&namespaces, "team-a").await.unwrap_err().code == 404
    })
    .await;
    host.create_namespace("team-a").await;
    assert_eq!(
        create(&namespaces, "team-a").await,
        Ok(()),
        "whether the watch knows it yet or not"
    );

    stop.cancel();
    following.await.unwrap();
    assert!(
        !namespaces.knows_active("default"),
        "nothing is known that is not followed"
    );
}

#[tokio::test]
async fn a_host_that_is_silent_or_refuses_is_a_failure() {
    let host = Host::start().await;
    let without_right = HostNamespaces::new(host.user("somebody", &[]));
    assert_eq!(create(&without_right, "default").await.unwrap_err().code, 500);
    let wire = Arc::new(Wire::default());
    let namespaces = HostNamespaces::new(wire.to(&host));
    wire.cut();
    tokio::time::pause();
    let silent = create(&namespaces, "default").await.unwrap_err();
    assert_eq!(silent.code, 500);
    assert!(
        silent.message.contains("namespace \"default\" cannot be read"),
        "{}",
        silent.message
    );
}
