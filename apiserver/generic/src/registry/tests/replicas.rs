//! Two servers over one store: each may lag behind the other's writes, and neither answers by what it does not know yet.

use std::sync::Arc;

use serde_json::json;

use super::{WIDGETS, World, version_of, widget};
use crate::storage::redb::Engine;

async fn two_worlds() -> (World, World) {
    let store = Engine::in_memory().unwrap().keyspace("test/");
    (World::over(Arc::clone(&store)).await, World::over(store).await)
}

#[tokio::test]
async fn a_write_through_one_is_known_to_the_other() {
    let (one, two) = two_worlds().await;
    let mut object = one.post(WIDGETS, &widget("a")).await.expect(201);
    let path = format!("{WIDGETS}/a");
    for round in 0..100 {
        let (writer, reader) = if round % 2 == 0 { (&two, &one) } else { (&one, &two) };
        // The revision is right, though this server may not have seen it yet.
        object["spec"]["replicas"] = (round + 2).into();
        object = writer.put(&path, &object).await.expect(200);
        let read = reader.get(&path).await.expect(200);
        assert_eq!(version_of(&read), version_of(&object), "a read is consistent");
    }
}

#[tokio::test]
async fn nothing_is_denied_on_the_word_of_a_lagging_cache() {
    let (one, two) = two_worlds().await;
    for round in 0..50 {
        let name = format!("w{round}");
        let created = one.post(WIDGETS, &widget(&name)).await.expect(201);
        let path = format!("{WIDGETS}/{name}");
        let version = &created["metadata"]["resourceVersion"];
        let patch = json!({"metadata": {"resourceVersion": version, "labels": {"a": "b"}}});
        two.merge(&path, &patch).await.expect(200);
        let config = json!({
            "apiVersion": "demo.example.io/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"color": "red"},
        });
        one.apply(&format!("{path}?fieldManager=m"), &config).await.expect(200);
        two.delete(&path).await.expect(200);
        one.delete(&path).await.refused(404);
    }
}

#[tokio::test]
async fn both_may_write_one_object_at_one_time() {
    let (one, two) = two_worlds().await;
    one.post(WIDGETS, &widget("a")).await.expect(201);
    let path = format!("{WIDGETS}/a");
    let writes = (0..40).map(|n| {
        let (world, path) = (if n % 2 == 0 { &one } else { &two }, &path);
        async move {
            let patch = json!({"metadata": {"annotations": {format!("n{n}"): "x"}}});
            world.merge(path, &patch).await.expect(200);
        }
    });
    futures::future::join_all(writes).await;
    let annotations = &two.get(&path).await.expect(200)["metadata"]["annotations"];
    assert_eq!(annotations.as_object().unwrap().len(), 40);
}
