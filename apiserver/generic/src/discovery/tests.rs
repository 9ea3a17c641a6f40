use http::{
    HeaderMap, Response,
    header::{ACCEPT, ETAG, IF_NONE_MATCH},
};
use serde_json::json;

use super::*;
use crate::serve::{
    Body,
    testing::{definitions, json_of, text},
};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

fn ask(endpoint: Endpoint<'_>, headers: &[(http::HeaderName, &str)]) -> Response<Body> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.clone(), value.parse().unwrap()))
        .collect();
    Documents::of(&definitions())
        .answer(endpoint, &headers, "host:6443")
        .unwrap()
}

#[tokio::test]
async fn resource_lists_name_every_resource_and_subresource() {
    let widgets = Endpoint::Resources {
        group: "demo.example.io",
        version: "v1",
    };
    let all = json!([
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "create",
        "update",
        "watch"
    ]);
    let object = json!(["get", "patch", "update"]);
    let expected = json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "demo.example.io/v1",
        "resources": [
            {
                "name": "widgets", "singularName": "widget", "namespaced": true, "kind": "Widget", "verbs": all,
                "shortNames": ["wd"], "categories": ["all"], "storageVersionHash": "6uLze6aDDBY=",
            },
            {"name": "widgets/status", "singularName": "", "namespaced": true, "kind": "Widget", "verbs": object},
            {
                "name": "widgets/scale", "singularName": "", "namespaced": true, "group": "autoscaling",
                "version": "v1", "kind": "Scale", "verbs": object,
            },
        ],
    });
    assert_eq!(json_of(ask(widgets, &[])).await, expected);
}

#[tokio::test]
async fn groups_and_versions() {
    let version = json!({"groupVersion": "demo.example.io/v1", "version": "v1"});
    let entry = json!({"name": "demo.example.io", "versions": [version], "preferredVersion": version});
    let list = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [entry]});
    assert_eq!(json_of(ask(Endpoint::Groups, &[])).await, list);
    let group = json_of(ask(Endpoint::Group("demo.example.io"), &[])).await;
    assert_eq!(
        (&group["kind"], &group["preferredVersion"]),
        (&json!("APIGroup"), &version)
    );
    let core = json_of(ask(Endpoint::Core, &[])).await;
    assert_eq!(
        (&core["kind"], &core["versions"]),
        (&json!("APIVersions"), &json!(["v1"]))
    );
    assert_eq!(core["serverAddressByClientCIDRs"][0]["serverAddress"], "host:6443");
    let names = json_of(ask(
        Endpoint::Resources {
            group: "",
            version: "v1",
        },
        &[],
    ))
    .await;
    assert_eq!(names["groupVersion"], "v1");
}

#[tokio::test]
async fn what_is_not_served_is_a_plain_404() {
    for endpoint in [
        Endpoint::Group("x"),
        Endpoint::Group(""),
        Endpoint::Resources {
            group: "x",
            version: "v1",
        },
    ] {
        let response = ask(endpoint, &[]);
        assert_eq!(response.status(), 404);
        assert_eq!(text(response).await, "404 page not found\n");
    }
    let protobuf = HeaderMap::from_iter([(ACCEPT, "application/vnd.kubernetes.protobuf".parse().unwrap())]);
    let refused = Documents::of(&definitions()).answer(Endpoint::Groups, &protobuf, "host");
    assert_eq!(refused.unwrap_err().code, 406);
}

#[tokio::test]
async fn aggregated_discovery_describes_everything_at_once() {
    let response = ask(Endpoint::Groups, &[(ACCEPT, &format!("{AGGREGATED},application/json"))]);
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], AGGREGATED);
    assert_eq!(
        (&headers["vary"], &headers["cache-control"]),
        (&"Accept".parse().unwrap(), &"public".parse().unwrap())
    );
    let document = json_of(response).await;
    assert_eq!(
        (&document["kind"], &document["apiVersion"]),
        (&json!("APIGroupDiscoveryList"), &json!("apidiscovery.k8s.io/v2"))
    );
    let group = &document["items"][0];
    assert_eq!(group["metadata"], json!({"name": "demo.example.io"}));
    assert_eq!(group["versions"][0]["freshness"], "Current");
    let widget = json!({"group": "demo.example.io", "version": "v1", "kind": "Widget"});
    let object = json!(["get", "patch", "update"]);
    assert_eq!(
        group["versions"][0]["resources"],
        json!([{
            "resource": "widgets",
            "responseKind": widget,
            "scope": "Namespaced",
            "singularResource": "widget",
            "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
            "shortNames": ["wd"],
            "categories": ["all"],
            "subresources": [
                {"subresource": "status", "verbs": object, "responseKind": widget},
                {
                    "subresource": "scale", "verbs": object,
                    "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                },
            ],
        }])
    );
    let core = json_of(ask(Endpoint::Core, &[(ACCEPT, AGGREGATED)])).await;
    assert_eq!(core["items"][0]["metadata"], json!({}));
    assert_eq!(core["items"][0]["versions"][0]["resources"][0]["scope"], "Cluster");
}

#[tokio::test]
async fn an_unchanged_document_is_not_sent_again() {
    let first = ask(Endpoint::Groups, &[(ACCEPT, AGGREGATED)]);
    let etag = first.headers()[ETAG].to_str().unwrap().to_owned();
    assert_eq!(etag.len(), 130);
    let second = ask(Endpoint::Groups, &[(ACCEPT, AGGREGATED), (IF_NONE_MATCH, &etag)]);
    assert_eq!(
        (second.status().as_u16(), second.headers()[ETAG].to_str().unwrap()),
        (304, etag.as_str())
    );
    assert_eq!(text(second).await, "");
    assert_eq!(
        ask(Endpoint::Groups, &[(ACCEPT, AGGREGATED), (IF_NONE_MATCH, "\"x\"")]).status(),
        200
    );
}

#[tokio::test]
async fn a_server_without_core_group_says_so() {
    let widgets = std::sync::Arc::new([definitions()[0].clone()]);
    let documents = Documents::of(&(widgets as std::sync::Arc<[ResourceDefinition]>));
    let accept = HeaderMap::from_iter([(ACCEPT, AGGREGATED.parse().unwrap())]);
    let aggregated = documents.answer(Endpoint::Core, &accept, "host").unwrap();
    assert_eq!(json_of(aggregated).await["items"], json!([]));
    assert_eq!(
        documents
            .answer(Endpoint::Core, &HeaderMap::new(), "host")
            .unwrap()
            .status(),
        404
    );
}

#[test]
fn servers_with_the_same_definitions_share_their_documents() {
    let definitions = definitions();
    let first = Documents::of(&definitions);
    assert!(std::sync::Arc::ptr_eq(&first, &Documents::of(&definitions)));
    let others: std::sync::Arc<[ResourceDefinition]> = definitions.to_vec().into();
    assert!(!std::sync::Arc::ptr_eq(&first, &Documents::of(&others)));
}

#[tokio::test]
async fn the_storage_version_hash_is_upstreams() {
    let mut pods = definitions()[1].clone();
    pods.names.kind = "Pod".into();
    let documents = Documents::of(&(std::sync::Arc::new([pods]) as std::sync::Arc<[ResourceDefinition]>));
    let list = documents.answer(
        Endpoint::Resources {
            group: "",
            version: "v1",
        },
        &HeaderMap::new(),
        "host",
    );
    assert_eq!(
        json_of(list.unwrap()).await["resources"][0]["storageVersionHash"],
        "xPOwRZ+Yhw8="
    );
}
