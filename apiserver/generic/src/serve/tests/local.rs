use futures::{StreamExt as _, TryStreamExt as _};
use kube::{
    Api, Client,
    api::DynamicObject,
    core::{ApiResource, GroupVersionKind},
};

use super::*;
use crate::serve::LocalHandle;

fn root() -> User {
    User {
        name: "root".into(),
        groups: vec!["system:masters".into()],
        ..User::default()
    }
}

fn widgets(client: Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("demo.example.io", "v1", "Widget");
    Api::namespaced_with(client, "a", &ApiResource::from_gvk_with_plural(&kind, "widgets"))
}

#[tokio::test]
async fn a_client_in_the_process_is_authorized_like_anyone() {
    let server = builder().build();
    let version = Client::new(server.local_service(root()), "a")
        .apiserver_version()
        .await
        .unwrap();
    assert_eq!(version.minor, "37");
    let alice = User {
        name: "alice".into(),
        ..User::default()
    };
    let client = Client::new(server.local_service(alice), "a");
    let refused = widgets(client).get("bob").await.unwrap_err();
    let kube::Error::Api(status) = refused else {
        panic!("{refused}")
    };
    assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
    assert!(
        status.message.contains("User \"alice\" cannot get"),
        "{}",
        status.message
    );
}

#[tokio::test]
async fn watches_stream() {
    let server = builder().build();
    let client = Client::new(server.local_service(root()), "a");
    let request = http::Request::get("/apis/demo.example.io/v1/widgets?watch=1")
        .body(Vec::new())
        .unwrap();
    let lines = client.request_stream(request).await.unwrap();
    let mut lines = std::pin::pin!(futures::AsyncBufReadExt::lines(lines));
    assert_eq!(lines.try_next().await.unwrap().unwrap(), "{\"type\":\"ADDED\"}");
    server.drain.end_watches();
    assert!(lines.next().await.is_none());
}

#[tokio::test]
async fn a_handle_works_once_it_is_filled_and_keeps_nothing_alive() {
    let handle = LocalHandle::new();
    let client = Client::new(handle.service(root()), "a");
    assert!(client.apiserver_version().await.is_err());
    let server = builder().build();
    handle.fill(&server);
    client.apiserver_version().await.unwrap();
    drop(server);
    let error = client.apiserver_version().await.unwrap_err();
    assert!(
        format!("{error:?}").contains("the API server is not running"),
        "{error:?}"
    );
}
