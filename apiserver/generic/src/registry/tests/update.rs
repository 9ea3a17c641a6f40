use serde_json::{Value, json};

use super::{GADGETS, WIDGETS, World, version_of};

async fn widget(world: &World) -> (String, Value) {
    (format!("{WIDGETS}/a"), world.widget("a").await)
}

#[tokio::test]
async fn a_put_replaces_at_its_revision() {
    let world = World::new().await;
    let (path, mut object) = widget(&world).await;
    let stale = object.clone();
    object["spec"] = json!({"replicas": 5});
    let updated = world.put(&path, &object).await.expect(200);
    assert_eq!(updated["spec"], json!({"replicas": 5, "size": "medium"}));
    assert_eq!(updated["metadata"]["generation"], 2);
    assert!(version_of(&updated) > version_of(&stale));
    let conflict = world.put(&path, &stale).await;
    assert_eq!(
        conflict.refused(409),
        (
            "Conflict".into(),
            "Operation cannot be fulfilled on widgets.demo.example.io \"a\": the object has been modified; please apply \
             your changes to the latest version and try again"
                .into()
        )
    );
    object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    assert_eq!(
        world.put(&path, &object).await.refused(422).1,
        "widgets.demo.example.io \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an \
         update"
    );
}

#[tokio::test]
async fn a_put_must_fit_its_path() {
    let world = World::new().await;
    let (path, object) = widget(&world).await;
    let mut other = object.clone();
    other["metadata"]["name"] = "b".into();
    assert_eq!(
        world.put(&path, &other).await.refused(400).1,
        "the name of the object (b) does not match the name on the URL (a)"
    );
    assert_eq!(
        world.put(&format!("{WIDGETS}/b"), &other).await.refused(404).0,
        "NotFound"
    );
    let mut other = object;
    other["metadata"]["uid"] = "someone-else".into();
    let (reason, message) = world.put(&path, &other).await.refused(409);
    assert_eq!(reason, "Conflict");
    assert!(
        message.contains("Precondition failed: UID in precondition: someone-else, UID in object meta: "),
        "{message}"
    );
}

#[tokio::test]
async fn what_the_server_owns_stays() {
    let world = World::new().await;
    let (path, mut object) = widget(&world).await;
    let created = object.clone();
    object["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z".into();
    object["metadata"]["generation"] = 77.into();
    object["metadata"]["labels"] = json!({"a": "b"});
    let updated = world.put(&path, &object).await.expect(200);
    assert_eq!(
        updated["metadata"]["creationTimestamp"],
        created["metadata"]["creationTimestamp"]
    );
    assert_eq!(updated["metadata"]["generation"], 1, "labels don't count");
    assert_eq!(updated["metadata"]["uid"], created["metadata"]["uid"]);
    object["metadata"]["resourceVersion"] = updated["metadata"]["resourceVersion"].clone();
    object["metadata"]["deletionTimestamp"] = "2001-01-01T00:00:00Z".into();
    let message = world.put(&path, &object).await.refused(422).1;
    assert!(
        message.contains("metadata.deletionTimestamp: Invalid value"),
        "{message}"
    );
}

#[tokio::test]
async fn status_and_the_rest_are_apart() {
    let world = World::new().await;
    let (path, mut object) = widget(&world).await;
    object["status"] = json!({"replicas": 3});
    let main = world.put(&path, &object).await.expect(200);
    assert!(main.get("status").is_none());
    assert_eq!(version_of(&main), version_of(&object), "nothing is left to write");
    object["spec"]["replicas"] = 9.into();
    object["metadata"]["labels"] = json!({"a": "b"});
    let status = world.put(&format!("{path}/status"), &object).await.expect(200);
    assert_eq!(status["status"], json!({"replicas": 3}));
    assert_eq!(status["spec"]["replicas"], 1);
    assert!(status["metadata"].get("labels").is_none());
    assert_eq!(status["metadata"]["generation"], 1);
    let entries = status["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries.last().unwrap()["subresource"], "status");
    let stale = world.put(&format!("{path}/status"), &object).await;
    assert_eq!(stale.refused(409).0, "Conflict");
    let mut fresh = status.clone();
    fresh["spec"]["replicas"] = 2.into();
    fresh["status"] = json!({});
    let main = world.put(&path, &fresh).await.expect(200);
    assert_eq!(
        main["status"],
        json!({"replicas": 3}),
        "a PUT of the object keeps the status"
    );
    assert_eq!(main["metadata"]["generation"], 2);
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_not_written() {
    let world = World::new().await;
    let (path, object) = widget(&world).await;
    let mut watch = world
        .watch(&format!("{WIDGETS}?watch=1&resourceVersion={}", version_of(&object)))
        .await;
    assert_eq!(world.put(&path, &object).await.expect(200), object);
    assert_eq!(
        world.merge(&path, &json!({"spec": {"replicas": 1}})).await.expect(200),
        object
    );
    assert_eq!(world.merge(&path, &json!({})).await.expect(200), object);
    assert_eq!(world.get(&path).await.expect(200), object);
    world.widget("b").await;
    assert_eq!(watch.next_line().await, "ADDED b");
}

#[tokio::test]
async fn a_dry_run_leaves_the_object() {
    let world = World::new().await;
    let (path, mut object) = widget(&world).await;
    object["spec"]["replicas"] = 4.into();
    let shown = world.put(&format!("{path}?dryRun=All"), &object).await.expect(200);
    assert_eq!(
        (&shown["spec"]["replicas"], &shown["metadata"]["generation"]),
        (&json!(4), &json!(2))
    );
    assert_eq!(world.get(&path).await.expect(200)["spec"]["replicas"], 1);
    object["spec"]["replicas"] = (-4).into();
    world.put(&format!("{path}?dryRun=All"), &object).await.refused(422);
}

#[tokio::test]
async fn built_in_kinds_may_be_put_without_a_revision_or_an_object() {
    let world = World::new().await;
    let path = format!("{GADGETS}/g");
    let body = json!({"metadata": {"name": "g"}, "data": {"a": "1"}});
    let created = world.put(&path, &body).await.expect(201);
    assert!(created["metadata"].get("generation").is_none());
    let body = json!({"metadata": {"name": "g"}, "data": {"a": "2"}});
    let updated = world.put(&path, &body).await.expect(200);
    assert_eq!(updated["data"]["a"], "2");
    assert_eq!(updated["metadata"]["uid"], created["metadata"]["uid"]);
    let world = World::without_create().await;
    let refused = world.put(&path, &body).await.refused(403);
    assert!(
        refused.1.contains("User \"alice\" cannot create resource \"gadgets\""),
        "{}",
        refused.1
    );
}

#[tokio::test]
async fn writers_of_one_object_all_succeed() {
    let world = World::new().await;
    let (path, _) = widget(&world).await;
    let writes = (0..40).map(|n| {
        let (world, path) = (&world, &path);
        async move {
            let patch = json!({"metadata": {"annotations": {format!("n{n}"): "x"}}});
            world.merge(path, &patch).await.expect(200);
        }
    });
    futures::future::join_all(writes).await;
    let annotations = &world.get(&path).await.expect(200)["metadata"]["annotations"];
    assert_eq!(annotations.as_object().unwrap().len(), 40);
}

#[tokio::test]
async fn an_old_object_that_breaks_a_newer_schema_can_still_change_elsewhere() {
    let world = World::new().await;
    let stored = json!({
        "apiVersion": "demo.example.io/v1", "kind": "Widget", "spec": {"replicas": -5},
        "metadata": {"name": "old", "namespace": "ns", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"},
    });
    let resource = world.registry.resource("demo.example.io", "widgets").unwrap();
    let key = resource.definition().names.key("ns", "old");
    let write = crate::storage::Write::Put(key, stored.to_string().into());
    let transaction = crate::storage::Transaction {
        compare: vec![],
        write: vec![write],
    };
    let outcome = resource.store.transact(transaction).await.unwrap();
    let crate::storage::Outcome::Committed(revision) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        resource
            .cache
            .wait_for(revision, std::time::Duration::from_secs(5))
            .await
    );
    let path = format!("{WIDGETS}/old");
    world
        .merge(&path, &json!({"metadata": {"labels": {"a": "b"}}}))
        .await
        .expect(200);
    world
        .merge(&path, &json!({"spec": {"replicas": -6}}))
        .await
        .refused(422);
    world
        .merge(&path, &json!({"spec": {"color": "pink"}}))
        .await
        .refused(422);
}

#[tokio::test]
async fn an_update_subresource_changes_what_a_put_may() {
    let world = World::new().await;
    let created = world
        .post(GADGETS, &json!({"metadata": {"name": "g"}, "data": {"a": "1"}}))
        .await
        .expect(201);
    let mut object = created.clone();
    object["metadata"]["labels"] = json!({"a": "b"});
    object["metadata"]["generation"] = 7.into();
    object["data"] = json!({"a": "2"});
    let finalized = world.put(&format!("{GADGETS}/g/finalize"), &object).await.expect(200);
    assert_eq!(finalized["metadata"]["labels"], json!({"a": "b"}));
    assert_eq!(finalized["metadata"]["generation"], created["metadata"]["generation"]);
    assert_eq!(finalized["data"]["a"], "2");
}
