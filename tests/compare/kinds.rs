//! The kinds that both servers have: our library by itself, kube-apiserver by CustomResourceDefinitions.

use std::time::Duration;

use guestcluster_types::{GuestCluster, GuestClusterRelease, GuestCredential, GuestRevocation};
use kube::{Client, CustomResourceExt as _};
use serde_json::Value;

/// The kinds that are there only to be tested.
const TEST_KINDS: [&str; 6] = [
    include_str!("widgets.yaml"),
    include_str!("gadgets.yaml"),
    include_str!("trips.yaml"),
    include_str!("forms.yaml"),
    include_str!("shapes.yaml"),
    include_str!("lines.yaml"),
];
/// Longest until kube-apiserver serves the definitions that it was given.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// CustomResourceDefinitions of the kinds that are there only to be tested.
pub(crate) fn test_kinds() -> [Value; 6] {
    TEST_KINDS.map(|text| serde_saphyr::from_str(text).unwrap())
}

/// Gives kube-apiserver the definitions of all kinds, and waits until it serves and describes them.
pub(crate) async fn install(theirs: &Client) {
    let ours = [
        GuestCluster::crd(),
        GuestClusterRelease::crd(),
        GuestCredential::crd(),
        GuestRevocation::crd(),
    ];
    let ours = ours.map(|definition| serde_json::to_value(definition).unwrap());
    let definitions: Vec<_> = test_kinds().into_iter().chain(ours).collect();
    for definition in &definitions {
        let request = http::Request::post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
            .header("content-type", "application/json")
            .body(definition.to_string().into_bytes());
        theirs.request_text(request.unwrap()).await.unwrap();
    }
    let wait = async {
        for definition in &definitions {
            let spec = &definition["spec"];
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let (group, plural, kind) = (
                text(&spec["group"]),
                text(&spec["names"]["plural"]),
                text(&spec["names"]["kind"]),
            );
            let versions = spec["versions"].as_array().unwrap().iter();
            for version in versions.filter(|version| version["served"] == true) {
                let version = text(&version["name"]);
                until_answered(theirs, &format!("/apis/{group}/{version}/{plural}"), "items").await;
                until_answered(theirs, &format!("/openapi/v3/apis/{group}/{version}"), &kind).await;
            }
            until_answered(theirs, "/openapi/v2", &format!(".{kind}\"")).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("kube-apiserver serves the definitions");
}

async fn until_answered(server: &Client, path: &str, word: &str) {
    loop {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        if server
            .request_text(request)
            .await
            .is_ok_and(|answer| answer.contains(word))
        {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}
