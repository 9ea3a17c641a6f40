//! Virtual resources, create-only subresources, and access within the process.

use serde_json::json;

use super::{WIDGETS, World, widget};
use crate::{
    authn::User,
    registry::{DeleteOptions, Deleted, Preconditions},
};

const REVIEWS: &str = "/apis/builtin.example.io/v1/namespaces/ns/reviews";

#[tokio::test]
async fn a_virtual_resource_answers_and_stores_nothing() {
    let world = World::new().await;
    let review = json!({"kind": "Review", "apiVersion": "builtin.example.io/v1", "spec": {"who": "bob"}});
    let answered = world.post(REVIEWS, &review).await.expect(201);
    assert_eq!(
        answered["status"],
        json!({"user": "alice", "parent": null, "namespace": "ns"})
    );
    assert_eq!(answered["spec"]["who"], "bob");
    assert!(
        world
            .registry
            .resource("builtin.example.io", "reviews")
            .unwrap()
            .cache()
            .is_none()
    );
    assert_eq!(world.get(REVIEWS).await.refused(405).0, "MethodNotAllowed");
}

#[tokio::test]
async fn a_create_subresource_gets_its_parent() {
    let world = World::new().await;
    let path = format!("{WIDGETS}/a/ticket");
    let answered = world.post(&path, &json!({"spec": {"who": "bob"}})).await.expect(201);
    assert_eq!(answered["status"]["parent"], "a");
    assert_eq!(
        (&answered["kind"], &answered["apiVersion"]),
        (&json!("TicketRequest"), &json!("demo.example.io/v1"))
    );
    let refused = world.post(&path, &json!({"spec": {}})).await.refused(422);
    assert!(refused.1.contains("spec.who: Required value"), "{}", refused.1);
    let strict = world
        .post(
            &format!("{path}?fieldValidation=Strict"),
            &json!({"spec": {"who": "x", "b": 1}}),
        )
        .await;
    assert!(strict.refused(400).1.contains("unknown field \"spec.b\""));
    assert_eq!(
        world
            .post(&format!("{WIDGETS}/a/nope"), &json!({}))
            .await
            .refused(404)
            .0,
        "NotFound"
    );
}

#[tokio::test]
async fn code_in_the_process_writes_through_the_same_rules() {
    let world = World::new().await;
    let user = User {
        name: "controller".into(),
        ..User::default()
    };
    let widgets = world.registry.resource("demo.example.io", "widgets").unwrap();
    let created = widgets
        .create(&user, "ns", json!({"metadata": {"name": "a"}, "spec": {"replicas": 1}}))
        .await
        .unwrap();
    assert_eq!(
        (&created["kind"], &created["spec"]["size"]),
        (&json!("Widget"), &json!("medium"))
    );
    let set = |path: &'static str, value: i64| {
        move |object: &mut serde_json::Value| {
            object[path]["replicas"] = value.into();
            Ok(())
        }
    };
    let updated = widgets.update(&user, "ns", "a", set("spec", 2)).await.unwrap();
    assert_eq!(updated["metadata"]["generation"], 2);
    let refused = widgets.update(&user, "ns", "a", set("spec", -2)).await.unwrap_err();
    assert_eq!(refused.code, 422);
    let updated = widgets.update_status(&user, "ns", "a", set("status", 2)).await.unwrap();
    assert_eq!(updated["status"]["replicas"], 2);
    assert_eq!(widgets.get("ns", "a").unwrap(), updated);
    let wrong = Preconditions {
        uid: Some("x".into()),
        ..Preconditions::default()
    };
    let options = DeleteOptions {
        preconditions: wrong,
        ..DeleteOptions::default()
    };
    assert_eq!(widgets.delete(&user, "ns", "a", options).await.unwrap_err().code, 409);
    let gone = widgets
        .delete(&user, "ns", "a", DeleteOptions::default())
        .await
        .unwrap();
    assert!(matches!(gone, Deleted::Gone { revision: Some(_), .. }), "{gone:?}");
    assert_eq!(
        widgets.update(&user, "ns", "a", set("spec", 1)).await.unwrap_err().code,
        404
    );
}

#[tokio::test]
async fn what_is_stored_carries_no_revision() {
    let world = World::new().await;
    world.post(WIDGETS, &widget("a")).await.expect(201);
    let widgets = world.registry.resource("demo.example.io", "widgets").unwrap();
    let item = widgets
        .store
        .get("demo.example.io/widgets/ns/a")
        .await
        .unwrap()
        .unwrap();
    let stored: serde_json::Value = serde_json::from_slice(&item.value).unwrap();
    assert!(stored["metadata"].get("resourceVersion").is_none());
    assert_eq!(stored["metadata"]["name"], "a");
}
