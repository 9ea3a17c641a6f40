//! A real registry behind the server, asked by a typed client.

use futures::TryStreamExt as _;
use kube::{
    Api, Client, CustomResource,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event},
    },
};
use serde::{Deserialize, Serialize};

use super::*;
use crate::{registry::Registry, serve::testing::definitions, storage::redb::Engine};

#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "demo.example.io",
    version = "v1",
    kind = "Widget",
    namespaced,
    schema = "disabled"
)]
struct WidgetSpec {
    replicas: i64,
}

async fn server() -> Arc<ApiServer> {
    let store = Engine::in_memory().unwrap().keyspace("test/");
    let registry = Registry::start(store, definitions(), Vec::new()).await.unwrap();
    ApiServer::builder(registry)
        .authenticator(Arc::new(Tokens))
        .authorizer(Arc::new(MayNotCreate))
        .build()
}

/// Anybody may do anything but create.
struct MayNotCreate;

#[async_trait]
impl Authorizer for MayNotCreate {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        let reason = String::new();
        Ok(if attributes.verb == "create" {
            Decision::NoOpinion { reason }
        } else {
            Decision::Allow { reason }
        })
    }
}

fn widgets(server: &Arc<ApiServer>, groups: &[&str]) -> Api<Widget> {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    let user = User {
        name: "alice".into(),
        groups,
        ..User::default()
    };
    Api::namespaced(Client::new(server.local_service(user), "a"), "a")
}

fn named(name: &str, replicas: i64) -> Widget {
    Widget::new(name, WidgetSpec { replicas })
}

fn name_of<K: kube::Resource<Scope = NamespaceResourceScope>>(object: &K) -> String {
    object.meta().name.clone().unwrap()
}

#[tokio::test]
async fn a_typed_client_creates_changes_lists_and_deletes() {
    let server = server().await;
    let api = widgets(&server, &["system:masters"]);
    let created = api.create(&PostParams::default(), &named("one", 1)).await.unwrap();
    assert_eq!((created.metadata.generation, created.spec.replicas), (Some(1), 1));
    let applied = api
        .patch("two", &PatchParams::apply("test"), &Patch::Apply(&named("two", 2)))
        .await
        .unwrap();
    assert_eq!(applied.spec.replicas, 2);
    let listed = api.list(&ListParams::default()).await.unwrap();
    assert_eq!(listed.items.iter().map(name_of).collect::<Vec<_>>(), ["one", "two"]);
    assert!(listed.metadata.resource_version.is_some_and(|version| version != "0"));
    let scale = api.get_scale("two").await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(2));
    let duplicate = api.create(&PostParams::default(), &named("one", 1)).await.unwrap_err();
    assert!(
        matches!(&duplicate, kube::Error::Api(status) if status.reason == "AlreadyExists"),
        "{duplicate}"
    );
    api.delete("one", &DeleteParams::default()).await.unwrap();
    assert!(api.get_opt("one").await.unwrap().is_none());
}

#[tokio::test]
async fn informers_see_what_is_there_and_what_comes() {
    let server = server().await;
    let api = widgets(&server, &["system:masters"]);
    api.create(&PostParams::default(), &named("before", 1)).await.unwrap();
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let mut events = std::pin::pin!(watcher::watcher(api.clone(), config).default_backoff());
        let mut initial = Vec::new();
        loop {
            match events.try_next().await.unwrap().unwrap() {
                Event::Init => {}
                Event::InitApply(widget) => initial.push(name_of(&widget)),
                Event::InitDone => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(initial, ["before"]);
        api.create(&PostParams::default(), &named("after", 1)).await.unwrap();
        assert!(matches!(events.try_next().await.unwrap(), Some(Event::Apply(widget)) if name_of(&widget) == "after"));
        api.delete("after", &DeleteParams::default()).await.unwrap();
        assert!(matches!(events.try_next().await.unwrap(), Some(Event::Delete(widget)) if name_of(&widget) == "after"));
    }
}

#[tokio::test]
async fn an_apply_that_creates_needs_the_right_to_create() {
    let server = server().await;
    let apply = Patch::Apply(named("one", 1));
    let params = PatchParams::apply("test");
    let refused = widgets(&server, &[]).patch("one", &params, &apply).await.unwrap_err();
    let kube::Error::Api(status) = refused else {
        panic!("{refused}")
    };
    assert_eq!(status.code, 403);
    assert!(
        status.message.contains("cannot create resource \"widgets\""),
        "{}",
        status.message
    );
    widgets(&server, &["system:masters"])
        .patch("one", &params, &apply)
        .await
        .unwrap();
    widgets(&server, &[])
        .patch("one", &params, &Patch::Apply(named("one", 2)))
        .await
        .unwrap();
}

#[tokio::test]
async fn errors_come_in_the_media_type_asked_for() {
    let server = server().await;
    let path = widget("missing");
    let yaml = send(
        &server,
        &format!("GET {path}\nAuthorization: Bearer root\nAccept: application/yaml"),
    )
    .await;
    assert_eq!(yaml.headers()["content-type"], "application/yaml");
    let yaml = send(&server, "GET /version\nAccept: application/yaml").await;
    assert_eq!(
        (yaml.status().as_u16(), yaml.headers()["content-type"].to_str().unwrap()),
        (401, "application/yaml")
    );
    let media = send(
        &server,
        &format!("PATCH {path}\nAuthorization: Bearer root\nContent-Type: image/png"),
    )
    .await;
    assert_eq!(media.status(), 415);
}

#[tokio::test]
async fn people_get_objects_indented() {
    let server = server().await;
    let api = widgets(&server, &["system:masters"]);
    api.create(&PostParams::default(), &named("one", 1)).await.unwrap();
    let pretty = send(
        &server,
        &format!("GET {}?pretty=true\nAuthorization: Bearer root", widget("one")),
    )
    .await;
    let (length, text) = (pretty.body().length(), crate::serve::testing::text(pretty).await);
    assert!(
        text.starts_with("{\n  \"apiVersion\": \"demo.example.io/v1\",\n"),
        "{text}"
    );
    assert_eq!(length, Some(text.len() as u64));
}
