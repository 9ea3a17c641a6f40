use serde_json::json;

use super::{GADGETS, WIDGETS, World, version_of};

const JSON: &str = "application/json-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

#[tokio::test]
async fn a_merge_patch_merges_and_null_removes() {
    let world = World::new().await;
    let created = world.widget("a").await;
    let path = format!("{WIDGETS}/a");
    let patch = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"color": "red", "replicas": 2}});
    let patched = world.merge(&path, &patch).await.expect(200);
    assert_eq!(
        patched["spec"],
        json!({"color": "red", "replicas": 2, "size": "medium"})
    );
    assert_eq!(patched["metadata"]["generation"], 2);
    let patched = world
        .merge(&path, &json!({"spec": {"color": null}, "metadata": {"labels": null}}))
        .await
        .expect(200);
    assert!(patched["spec"].get("color").is_none() && patched["metadata"].get("labels").is_none());
    let stale =
        json!({"metadata": {"resourceVersion": created["metadata"]["resourceVersion"]}, "spec": {"replicas": 3}});
    assert_eq!(world.merge(&path, &stale).await.refused(409).0, "Conflict");
    assert_eq!(
        world.merge(&format!("{WIDGETS}/none"), &patch).await.refused(404).0,
        "NotFound"
    );
    let renamed = world.merge(&path, &json!({"metadata": {"name": "b"}})).await;
    assert_eq!(
        renamed.refused(400).1,
        "the name of the object (b) does not match the name on the URL (a)"
    );
}

#[tokio::test]
async fn a_json_patch_applies_whole_or_not() {
    let world = World::new().await;
    world.widget("a").await;
    let path = format!("{WIDGETS}/a");
    let patch = json!([
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "replace", "path": "/spec/replicas", "value": 2},
        {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
    ]);
    assert_eq!(
        world.patch(JSON, &path, &patch).await.expect(200)["spec"]["replicas"],
        2
    );
    let failing = world.patch(JSON, &path, &patch).await;
    let message = "the server rejected our request due to an error in our request".to_owned();
    assert_eq!(failing.refused(422), ("Invalid".into(), message));
    world.patch(JSON, &path, &json!({"op": "test"})).await.refused(400);
    let many: Vec<_> = (0..10_001)
        .map(|_| json!({"op": "test", "path": "/kind", "value": "Widget"}))
        .collect();
    assert_eq!(
        world.patch(JSON, &path, &many.into()).await.refused(413).1,
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"
    );
}

#[tokio::test]
async fn strategic_merge_is_for_built_in_kinds() {
    let world = World::new().await;
    world.widget("a").await;
    let refused = world.patch(STRATEGIC, &format!("{WIDGETS}/a"), &json!({})).await;
    let (reason, message) = refused.refused(415);
    assert_eq!(reason, "UnsupportedMediaType");
    assert!(message.contains("application/merge-patch+json"), "{message}");
    let ports = json!([{"port": 80, "name": "http"}, {"port": 443, "name": "https"}]);
    world
        .post(GADGETS, &json!({"metadata": {"name": "g"}, "ports": ports}))
        .await
        .expect(201);
    let patch = json!({"ports": [{"port": 80, "name": "web"}, {"port": 443, "$patch": "delete"}]});
    let patched = world
        .patch(STRATEGIC, &format!("{GADGETS}/g"), &patch)
        .await
        .expect(200);
    assert_eq!(patched["ports"], json!([{"port": 80, "name": "web"}]));
    let no_type = world.call(&format!("PATCH {WIDGETS}/a"), &[], b"{}").await;
    assert_eq!(no_type.refused(415).0, "UnsupportedMediaType");
}

#[tokio::test]
async fn field_validation_counts_for_patches() {
    let world = World::new().await;
    world.widget("a").await;
    let path = format!("{WIDGETS}/a");
    let patch = json!({"spec": {"bogus": 1}});
    let strict = world.merge(&format!("{path}?fieldValidation=Strict"), &patch).await;
    let (reason, message) = strict.refused(422);
    assert_eq!(reason, "Invalid");
    assert!(
        message.contains("strict decoding error: unknown field \"spec.bogus\""),
        "{message}"
    );
    assert_eq!(strict.json()["details"]["causes"][0]["field"], "patch");
    let warned = world.merge(&path, &patch).await;
    assert!(warned.expect(200)["spec"].get("bogus").is_none());
    assert_eq!(warned.warnings(), ["299 - \"unknown field \\\"spec.bogus\\\"\""]);
    let operation = json!([{"op": "test", "path": "/kind", "value": "Widget", "foo": 1}]);
    let strict = world
        .patch(JSON, &format!("{path}?fieldValidation=Strict"), &operation)
        .await;
    assert!(
        strict.refused(422).1.contains("json patch unknown field \"[0].foo\""),
        "{}",
        strict.refused(422).1
    );
    let forced = world.merge(&format!("{path}?force=true"), &json!({})).await;
    assert!(
        forced
            .refused(422)
            .1
            .contains("force: Forbidden: may not be specified for non-apply patch")
    );
}

#[tokio::test]
async fn the_status_is_patched_alone() {
    let world = World::new().await;
    world.widget("a").await;
    let path = format!("{WIDGETS}/a/status");
    let patched = world
        .merge(&path, &json!({"status": {"replicas": 2}, "spec": {"replicas": 9}}))
        .await
        .expect(200);
    assert_eq!(
        (&patched["status"]["replicas"], &patched["spec"]["replicas"]),
        (&json!(2), &json!(1))
    );
    let again = world
        .merge(&path, &json!({"status": {"replicas": 2}}))
        .await
        .expect(200);
    assert_eq!(version_of(&again), version_of(&patched));
}
