use serde_json::json;

use super::{GADGETS, WIDGETS, World, version_of};

#[tokio::test]
async fn a_scale_is_a_view_of_the_object() {
    let world = World::new().await;
    let created = world.widget("a").await;
    world
        .merge(
            &format!("{WIDGETS}/a/status"),
            &json!({"status": {"replicas": 4, "selector": "app=x"}}),
        )
        .await
        .expect(200);
    let scale = world.get(&format!("{WIDGETS}/a/scale")).await.expect(200);
    assert_eq!(
        (&scale["kind"], &scale["apiVersion"]),
        (&json!("Scale"), &json!("autoscaling/v1"))
    );
    assert_eq!(scale["spec"], json!({"replicas": 1}));
    assert_eq!(scale["status"], json!({"replicas": 4, "selector": "app=x"}));
    assert_eq!(scale["metadata"]["uid"], created["metadata"]["uid"]);
    world.get(&format!("{WIDGETS}/none/scale")).await.refused(404);
}

#[tokio::test]
async fn a_scale_is_put_and_patched() {
    let world = World::new().await;
    world.widget("a").await;
    let path = format!("{WIDGETS}/a/scale");
    let mut scale = world.get(&path).await.expect(200);
    let stale = scale.clone();
    scale["spec"]["replicas"] = 3.into();
    let put = world.put(&path, &scale).await.expect(200);
    assert_eq!((&put["kind"], &put["spec"]["replicas"]), (&json!("Scale"), &json!(3)));
    let object = world.get(&format!("{WIDGETS}/a")).await.expect(200);
    assert_eq!(
        (&object["spec"]["replicas"], &object["metadata"]["generation"]),
        (&json!(3), &json!(2))
    );
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let scaled: Vec<_> = entries.iter().filter(|entry| entry["subresource"] == "scale").collect();
    assert_eq!(scaled.len(), 1, "{entries:?}");
    assert_eq!(scaled[0]["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    assert_eq!(world.put(&path, &stale).await.refused(409).0, "Conflict");
    assert_eq!(
        world.merge(&path, &json!({"spec": {"replicas": 5}})).await.expect(200)["spec"]["replicas"],
        5
    );
    let refused = world.merge(&path, &json!({"spec": {"replicas": -1}})).await;
    assert_eq!(
        refused.refused(422).1,
        "Widget.demo.example.io \"a\" is invalid: [spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or \
         equal to 0, .spec.replicas: Invalid value: -1: should be a non-negative integer]"
    );
    let unconditional =
        json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "a"}, "spec": {"replicas": 6}});
    assert_eq!(
        world.put(&path, &unconditional).await.expect(200)["spec"]["replicas"],
        6
    );
}

#[tokio::test]
async fn a_scale_is_applied_as_the_objects_field() {
    let world = World::new().await;
    let created = world.widget("a").await;
    let path = format!("{WIDGETS}/a/scale?fieldManager=hpa&force=true");
    let config =
        json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "a"}, "spec": {"replicas": 8}});
    let scale = world.apply(&path, &config).await.expect(200);
    assert_eq!(scale["spec"]["replicas"], 8);
    assert!(version_of(&scale) > version_of(&created));
    let object = world.get(&format!("{WIDGETS}/a")).await.expect(200);
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["manager"] == "hpa").unwrap();
    assert_eq!(
        (&entry["operation"], &entry["subresource"]),
        (&json!("Apply"), &json!("scale"))
    );
    assert!(entry["fieldsV1"]["f:spec"]["f:replicas"].is_object());
}

#[tokio::test]
async fn a_strategy_can_scale() {
    let world = World::new().await;
    world
        .post(GADGETS, &json!({"metadata": {"name": "g"}, "replicas": 2}))
        .await
        .expect(201);
    let path = format!("{GADGETS}/g/scale");
    assert_eq!(world.get(&path).await.expect(200)["spec"]["replicas"], 2);
    world.merge(&path, &json!({"spec": {"replicas": 7}})).await.expect(200);
    assert_eq!(world.get(&format!("{GADGETS}/g")).await.expect(200)["replicas"], 7);
}
