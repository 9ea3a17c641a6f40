//! What tests of the server share: two kinds, and resources that only echo what reached them.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::{Body, Resources, answer};
use crate::{
    authz::Access,
    registry::{ResourceDefinition, Style, crd::definition_from},
    request::RequestInfo,
};

/// A namespaced custom kind with all subresources, and a cluster-scoped built-in one of the core group.
pub(crate) fn definitions() -> Arc<[ResourceDefinition]> {
    static DEFINITIONS: LazyLock<Arc<[ResourceDefinition]>> = LazyLock::new(|| Arc::new([widgets(), namespaces()]));
    DEFINITIONS.clone()
}

fn widgets() -> ResourceDefinition {
    definition_from(&json!({"spec": {
        "group": "demo.example.io",
        "scope": "Namespaced",
        "names": {
            "kind": "Widget", "plural": "widgets", "singular": "widget", "shortNames": ["wd"], "categories": ["all"],
        },
        "versions": [{
            "name": "v1", "served": true, "storage": true,
            "subresources": {
                "status": {},
                "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
            },
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
                "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
            }}},
        }],
    }}))
    .unwrap()
}

fn namespaces() -> ResourceDefinition {
    let mut definition = definition_from(&json!({"spec": {
        "group": "",
        "scope": "Cluster",
        "names": {"kind": "Namespace", "plural": "namespaces", "singular": "namespace", "shortNames": ["ns"]},
        "versions": [{
            "name": "v1", "served": true, "storage": true,
            "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object"}},
        }],
    }}))
    .unwrap();
    definition.style = Style::BuiltIn {
        generation: false,
        unconditional_update: true,
        create_on_update: false,
    };
    definition
}

/// Answers every request with what reached it: verb, user, groups, length of the body, names of the headers. A watch never ends by itself;
/// names `panic` and `slow` do what they say, `big` is answered with 300,000 bytes.
pub(crate) struct Echo(pub(crate) Arc<[ResourceDefinition]>);

impl Echo {
    pub(crate) fn new() -> Arc<Echo> {
        Arc::new(Echo(definitions()))
    }
}

#[async_trait]
impl Resources for Echo {
    fn definitions(&self) -> &Arc<[ResourceDefinition]> {
        &self.0
    }

    async fn handle(&self, info: &RequestInfo, access: Access<'_>, request: Request<Bytes>) -> Response<Body> {
        if info.verb == "watch" {
            use futures::StreamExt as _;
            let first = futures::stream::iter([Bytes::from("{\"type\":\"ADDED\"}\n")]);
            return Response::new(Body::stream(first.chain(futures::stream::pending())));
        }
        match info.name.as_str() {
            "panic" => panic!("as asked"),
            "slow" => std::future::pending().await,
            "big" => {
                let parts = (0..300).map(|_| Bytes::from(vec![b' '; 1000])).collect();
                let mut response = Response::new(Body::parts(parts));
                response
                    .headers_mut()
                    .insert("content-type", "application/json".parse().unwrap());
                response
            }
            _ => answer::json(StatusCode::OK, &echo(info, access, &request)),
        }
    }
}

fn echo(info: &RequestInfo, access: Access<'_>, request: &Request<Bytes>) -> Value {
    json!({
        "verb": info.verb,
        "name": info.name,
        "user": access.user().name,
        "groups": access.user().groups,
        "body": request.body().len(),
        "headers": request.headers().keys().map(http::HeaderName::as_str).collect::<Vec<_>>(),
    })
}

/// The whole body as text.
pub(crate) async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// The whole body as JSON.
pub(crate) async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}
