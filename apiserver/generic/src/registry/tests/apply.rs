use serde_json::{Value, json};

use super::{WIDGETS, World, version_of};

fn config(spec: &Value) -> Value {
    json!({"apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec})
}

fn path(query: &str) -> String {
    format!("{WIDGETS}/a?{query}")
}

#[tokio::test]
async fn apply_creates_then_changes_then_does_nothing() {
    let world = World::new().await;
    let created = world
        .apply(&path("fieldManager=m"), &config(&json!({"replicas": 2})))
        .await
        .expect(201);
    let entry = &created["metadata"]["managedFields"][0];
    assert_eq!((&entry["manager"], &entry["operation"]), (&json!("m"), &json!("Apply")));
    assert!(entry["fieldsV1"]["f:spec"]["f:replicas"].is_object());
    assert_eq!(created["metadata"]["generation"], 1);
    assert_eq!(created["spec"]["size"], "medium");
    let same = world
        .apply(&path("fieldManager=m"), &config(&json!({"replicas": 2})))
        .await
        .expect(200);
    assert_eq!(same, created);
    let changed = world
        .apply(&path("fieldManager=m"), &config(&json!({"color": "red"})))
        .await
        .expect(200);
    assert_eq!(
        changed["spec"],
        json!({"color": "red", "size": "medium"}),
        "what is no longer applied goes"
    );
    assert_eq!(changed["metadata"]["generation"], 2);
}

#[tokio::test]
async fn conflicts_name_the_owner() {
    let world = World::new().await;
    world.widget("a").await;
    world
        .merge(&path("fieldManager=editor"), &json!({"spec": {"color": "red"}}))
        .await
        .expect(200);
    let refused = world
        .apply(&path("fieldManager=m"), &config(&json!({"color": "blue"})))
        .await;
    let (reason, message) = refused.refused(409);
    assert_eq!(reason, "Conflict");
    assert!(
        message.starts_with("Apply failed with 1 conflict: conflict with \"editor\" using demo.example.io/v1: "),
        "{message}"
    );
    assert!(message.ends_with(": .spec.color"), "{message}");
    let cause = &refused.json()["details"]["causes"][0];
    assert_eq!(
        (&cause["reason"], &cause["field"]),
        (&json!("FieldManagerConflict"), &json!(".spec.color"))
    );
    let forced = world
        .apply(&path("fieldManager=m&force=true"), &config(&json!({"color": "blue"})))
        .await;
    assert_eq!(forced.expect(200)["spec"]["color"], "blue");
    assert_eq!(forced.warnings(), ["299 - \"blue fades\""]);
    let both = world
        .apply(
            &path("fieldManager=n"),
            &config(&json!({"color": "red", "replicas": 7})),
        )
        .await;
    let (_, message) = both.refused(409);
    assert!(
        message.starts_with("Apply failed with 2 conflicts: conflicts with "),
        "{message}"
    );
    assert!(message.contains("\"m\":\n- .spec.color"), "{message}");
}

#[tokio::test]
async fn what_can_not_be_applied_says_why() {
    let world = World::new().await;
    let refused = world.apply(&path(""), &config(&json!({}))).await;
    assert_eq!(
        refused.refused(422).1,
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
    );
    let mut managed = config(&json!({}));
    managed["metadata"]["managedFields"] = json!([]);
    assert_eq!(
        world.apply(&path("fieldManager=m"), &managed).await.refused(400).1,
        "metadata.managedFields must be nil"
    );
    let mut version = config(&json!({}));
    version["apiVersion"] = "demo.example.io/v2".into();
    assert_eq!(
        world.apply(&path("fieldManager=m"), &version).await.refused(400).1,
        "invalid object type: demo.example.io/v2, Kind=Widget"
    );
    let mut name = config(&json!({}));
    name["metadata"]["name"] = "b".into();
    world.apply(&path("fieldManager=m"), &name).await.refused(400);
    let unknown = world
        .apply(&path("fieldManager=m"), &config(&json!({"bogus": 1})))
        .await;
    let (reason, message) = unknown.refused(500);
    assert_eq!(reason, "");
    assert!(
        message.contains(".spec.bogus: field not declared in schema"),
        "{message}"
    );
    let mut stale = config(&json!({"replicas": 2}));
    world.widget("a").await;
    stale["metadata"]["resourceVersion"] = "1".into();
    assert_eq!(
        world.apply(&path("fieldManager=m"), &stale).await.refused(409).0,
        "Conflict"
    );
    let yaml = [("content-type", "application/apply-patch+yaml")];
    let twice = "apiVersion: demo.example.io/v1\nkind: Widget\nspec: {replicas: 1, replicas: 2}\n";
    let line = format!("PATCH {}", path("fieldManager=m&fieldValidation=Strict"));
    let (_, message) = world.call(&line, &yaml, twice.as_bytes()).await.refused(400);
    assert_eq!(
        message,
        "error strict decoding patch: duplicate field \"spec.replicas\""
    );
}

#[tokio::test]
async fn creating_by_apply_needs_the_right_to_create() {
    let world = World::without_create().await;
    let refused = world.apply(&path("fieldManager=m"), &config(&json!({}))).await;
    assert!(refused.refused(403).1.contains("cannot create resource \"widgets\""));
    world.get(&format!("{WIDGETS}/a")).await.refused(404);
}

#[tokio::test]
async fn status_and_main_have_their_own_owners() {
    let world = World::new().await;
    let mut both = config(&json!({"replicas": 1}));
    both["status"] = json!({"replicas": 5});
    let created = world.apply(&path("fieldManager=m"), &both).await.expect(201);
    assert!(created.get("status").is_none());
    assert!(
        created["metadata"]["managedFields"][0]["fieldsV1"]
            .get("f:status")
            .is_none()
    );
    let status_path = format!("{WIDGETS}/a/status?fieldManager=s");
    let status = world.apply(&status_path, &both).await.expect(200);
    assert_eq!(status["status"], json!({"replicas": 5}));
    let entries = status["metadata"]["managedFields"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["manager"] == "s").unwrap();
    assert_eq!(entry["subresource"], "status");
    assert!(entry["fieldsV1"].get("f:spec").is_none(), "{entry}");
    assert_eq!(status["metadata"]["generation"], 1);
    assert!(version_of(&status) > version_of(&created));
    let mut elsewhere = both;
    elsewhere["metadata"]["name"] = "none".into();
    world
        .apply(&format!("{WIDGETS}/none/status?fieldManager=s"), &elsewhere)
        .await
        .refused(404);
}
