use serde_json::{Value, json};

use super::{GADGETS, WIDGETS, World, version_of, widget};

async fn delete_with(world: &World, path: &str, options: &Value) -> super::Reply {
    world
        .call(&format!("DELETE {path}"), &[], options.to_string().as_bytes())
        .await
}

async fn with_finalizer(world: &World) -> (String, Value) {
    let mut object = widget("a");
    object["metadata"]["finalizers"] = json!(["example.io/hold"]);
    let created = world.post(WIDGETS, &object).await.expect(201);
    (format!("{WIDGETS}/a"), created)
}

#[tokio::test]
async fn an_object_without_finalizers_goes_at_once() {
    let world = World::new().await;
    let created = world.widget("a").await;
    let path = format!("{WIDGETS}/a");
    let deleted = delete_with(&world, &path, &json!({"propagationPolicy": "Background"}))
        .await
        .expect(200);
    assert_eq!(
        deleted,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {
                "name": "a", "group": "demo.example.io", "kind": "widgets", "uid": created["metadata"]["uid"],
            },
        })
    );
    world.get(&path).await.refused(404);
    world.delete(&path).await.refused(404);
}

#[tokio::test]
async fn finalizers_hold_the_object() {
    let world = World::new().await;
    let (path, created) = with_finalizer(&world).await;
    let mut watch = world
        .watch(&format!("{WIDGETS}?watch=1&resourceVersion={}", version_of(&created)))
        .await;
    let terminating = world.delete(&path).await.expect(200);
    assert_eq!(terminating["kind"], "Widget");
    assert_eq!(terminating["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(terminating["metadata"]["generation"], 2);
    assert!(terminating["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(
        world.delete(&path).await.expect(200),
        terminating,
        "a second delete changes nothing"
    );
    assert_eq!(
        world.post(WIDGETS, &widget("a")).await.refused(409).1,
        "object is being deleted: widgets.demo.example.io \"a\" already exists"
    );
    let added = world
        .merge(&path, &json!({"metadata": {"finalizers": ["example.io/hold", "x"]}}))
        .await;
    assert_eq!(
        added.refused(422).1,
        "Widget.demo.example.io \"a\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the \
         object is being deleted, found new finalizers []string{\"x\"}"
    );
    let released = world
        .merge(&path, &json!({"metadata": {"finalizers": null}}))
        .await
        .expect(200);
    assert_eq!(released["metadata"]["name"], "a");
    world.get(&path).await.refused(404);
    assert_eq!(watch.next_line().await, "MODIFIED a");
    let deleted = watch.next().await.unwrap();
    assert_eq!(deleted["type"], "DELETED");
    assert!(
        version_of(&deleted["object"]) > version_of(&terminating),
        "the revision is that of the deletion"
    );
}

#[tokio::test]
async fn preconditions_are_kept() {
    let world = World::new().await;
    let created = world.widget("a").await;
    let path = format!("{WIDGETS}/a");
    let uid = created["metadata"]["uid"].as_str().unwrap();
    let refused = delete_with(&world, &path, &json!({"preconditions": {"uid": "other"}})).await;
    assert_eq!(
        refused.refused(409),
        (
            "Conflict".into(),
            format!(
                "Operation cannot be fulfilled on Widget.demo.example.io \"a\": the UID in the precondition (other) does \
                 not match the UID in record ({uid}). The object might have been deleted and then recreated"
            )
        )
    );
    let refused = delete_with(&world, &path, &json!({"preconditions": {"resourceVersion": "1"}})).await;
    assert!(
        refused
            .refused(409)
            .1
            .contains("the ResourceVersion in the precondition (1) does not match")
    );
    let right = json!({"preconditions": {"uid": uid, "resourceVersion": created["metadata"]["resourceVersion"]}});
    delete_with(&world, &path, &right).await.expect(200);
}

#[tokio::test]
async fn propagation_is_a_finalizer() {
    let world = World::new().await;
    for (policy, finalizer) in [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")] {
        world.widget(finalizer.to_lowercase().as_str()).await;
        let path = format!("{WIDGETS}/{}", finalizer.to_lowercase());
        let held = delete_with(&world, &path, &json!({"propagationPolicy": policy}))
            .await
            .expect(200);
        assert_eq!(held["metadata"]["finalizers"], json!([finalizer]));
        assert!(held["metadata"]["deletionTimestamp"].is_string());
    }
    world.widget("q").await;
    world
        .delete(&format!("{WIDGETS}/q?propagationPolicy=Foreground"))
        .await
        .expect(200);
    assert!(world.get(&format!("{WIDGETS}/q")).await.expect(200)["metadata"]["deletionTimestamp"].is_string());
    let both = json!({"propagationPolicy": "Orphan", "orphanDependents": true});
    world.widget("b").await;
    let refused = delete_with(&world, &format!("{WIDGETS}/b"), &both).await.refused(422);
    assert!(
        refused
            .1
            .contains("orphanDependents and deletionPropagation cannot be both set"),
        "{}",
        refused.1
    );
    let unknown = delete_with(&world, &format!("{WIDGETS}/b"), &json!({"propagationPolicy": "Later"})).await;
    assert!(
        unknown
            .refused(422)
            .1
            .contains("\"Foreground\", \"Background\", \"Orphan\", \"nil\"")
    );
    let (path, _) = with_finalizer(&world).await;
    let code = delete_with(&world, &path, &json!({"orphanDependents": false}))
        .await
        .code;
    assert_eq!(code, 202);
}

#[tokio::test]
async fn options_have_known_kinds() {
    let world = World::new().await;
    world.widget("a").await;
    let path = format!("{WIDGETS}/a?dryRun=x");
    for version in ["v1", "meta.k8s.io/v1", "demo.example.io/v1"] {
        let options = json!({"kind": "DeleteOptions", "apiVersion": version, "dryRun": ["All"]});
        delete_with(&world, &path, &options).await.expect(200);
    }
    world.get(&format!("{WIDGETS}/a")).await.expect(200);
    delete_with(&world, &path, &json!({"kind": "Widget"}))
        .await
        .refused(400);
    assert!(
        world
            .delete(&path)
            .await
            .refused(422)
            .1
            .starts_with("DeleteOptions.meta.k8s.io \"\" is invalid: dryRun")
    );
}

#[tokio::test]
async fn a_strategy_can_hold_a_deletion() {
    let world = World::new().await;
    world
        .post(GADGETS, &json!({"metadata": {"name": "g"}, "data": {"hold": "yes"}}))
        .await
        .expect(201);
    let path = format!("{GADGETS}/g");
    let held = world.delete(&path).await.expect(200);
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    world.merge(&path, &json!({"data": {"hold": null}})).await.expect(200);
    world.get(&path).await.refused(404);
}

#[tokio::test]
async fn a_collection_is_deleted_one_by_one() {
    let world = World::new().await;
    for name in ["a", "b", "c"] {
        let mut object = widget(name);
        object["metadata"]["labels"] = json!({"keep": if name == "b" { "yes" } else { "no" }});
        world.post(WIDGETS, &object).await.expect(201);
    }
    let dry = world.delete(&format!("{WIDGETS}?dryRun=All")).await.expect(200);
    assert_eq!(dry["items"].as_array().unwrap().len(), 3);
    let deleted = world
        .delete(&format!("{WIDGETS}?labelSelector=keep%3Dno"))
        .await
        .expect(200);
    assert_eq!(deleted["kind"], "WidgetList");
    let names: Vec<_> = deleted["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["metadata"]["name"])
        .collect();
    assert_eq!(names, ["a", "c"]);
    let left = world.get(WIDGETS).await.expect(200);
    assert_eq!(left["items"][0]["metadata"]["name"], "b");
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
}
