use std::time::Duration;

use serde_json::json;

use super::{WIDGETS, World, version_of, widget};
use crate::serve::Resources as _;

#[tokio::test]
async fn a_watch_shows_what_comes_after_its_revision() {
    let world = World::new().await;
    let first = world.widget("a").await;
    world.widget("b").await;
    let mut watch = world
        .watch(&format!("{WIDGETS}?watch=true&resourceVersion={}", version_of(&first)))
        .await;
    assert_eq!(watch.next_line().await, "ADDED b");
    let patched = world
        .merge(&format!("{WIDGETS}/a"), &json!({"spec": {"replicas": 2}}))
        .await
        .expect(200);
    let event = watch.next().await.unwrap();
    assert_eq!(event, json!({"type": "MODIFIED", "object": patched}));
    world.delete(&format!("{WIDGETS}/a")).await.expect(200);
    let event = watch.next().await.unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["spec"]["replicas"]),
        (&json!("DELETED"), &json!(2))
    );
    assert!(version_of(&event["object"]) > version_of(&patched));
}

#[tokio::test]
async fn without_a_revision_it_begins_with_what_exists() {
    let world = World::new().await;
    world.widget("a").await;
    world.widget("b").await;
    for query in ["watch=1", "watch=1&resourceVersion=0"] {
        let mut watch = world.watch(&format!("{WIDGETS}?{query}")).await;
        assert_eq!(watch.next_line().await, "ADDED a");
        assert_eq!(watch.next_line().await, "ADDED b");
        let path = format!("{WIDGETS}/a");
        let patched = world
            .merge(&path, &json!({"metadata": {"annotations": {"q": query}}}))
            .await
            .expect(200);
        assert_eq!(
            watch.next().await.unwrap()["object"],
            patched,
            "no bookmark unless asked for"
        );
    }
}

#[tokio::test]
async fn a_watch_list_ends_its_initial_events_exactly_once() {
    let world = World::new().await;
    let created = world.widget("a").await;
    let query =
        "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=90";
    let mut watch = world.watch(&format!("{WIDGETS}?{query}")).await;
    assert_eq!(watch.next_line().await, "ADDED a");
    let end = watch.next().await.unwrap();
    assert_eq!(end["type"], "BOOKMARK");
    assert_eq!(
        (&end["object"]["kind"], &end["object"]["apiVersion"]),
        (&json!("Widget"), &json!("demo.example.io/v1"))
    );
    assert_eq!(
        end["object"]["metadata"]["annotations"],
        json!({"k8s.io/initial-events-end": "true"})
    );
    assert!(version_of(&end["object"]) >= version_of(&created));
    let newest = version_of(&world.widget("b").await);
    tokio::time::pause();
    let mut bookmarks = 0;
    let mut seen = Vec::new();
    while let Some(event) = watch.next().await {
        if event["type"] == "BOOKMARK" {
            bookmarks += 1;
            assert!(event["object"]["metadata"].get("annotations").is_none());
            assert!(version_of(&event["object"]) >= newest);
        } else {
            seen.push(event["object"]["metadata"]["name"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(seen, ["b"]);
    assert_eq!(bookmarks, 2, "one a minute, one before the end");
}

#[tokio::test]
async fn an_old_watch_also_ends_its_initial_events() {
    let world = World::new().await;
    let mut watch = world
        .watch(&format!("{WIDGETS}?watch=1&allowWatchBookmarks=true"))
        .await;
    let end = watch.next().await.unwrap();
    assert_eq!(
        end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
    let created = world.widget("a").await;
    let query = format!(
        "watch=1&allowWatchBookmarks=true&resourceVersion={}",
        version_of(&created) - 1
    );
    let mut resumed = world.watch(&format!("{WIDGETS}?{query}")).await;
    assert_eq!(
        resumed.next_line().await,
        "ADDED a",
        "a resumed watch is not initialized again"
    );
}

#[tokio::test]
async fn bookmarks_move_on_without_matching_events() {
    let world = World::new().await;
    let created = world.widget("a").await;
    let query = format!(
        "watch=1&allowWatchBookmarks=true&resourceVersion={}&labelSelector=x",
        version_of(&created)
    );
    let mut watch = world.watch(&format!("{WIDGETS}?{query}")).await;
    let other = world.widget("b").await;
    tokio::time::pause();
    let bookmark = watch.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert!(version_of(&bookmark["object"]) >= version_of(&other));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_ends_the_stream_cleanly() {
    let world = World::new().await;
    let mut watch = world.watch(&format!("{WIDGETS}?watch=1&timeoutSeconds=5")).await;
    let started = tokio::time::Instant::now();
    assert_eq!(watch.next().await, None);
    assert_eq!(started.elapsed(), Duration::from_secs(5));
}

#[tokio::test]
async fn objects_enter_and_leave_a_selection() {
    let world = World::new().await;
    let mut object = widget("a");
    object["metadata"]["labels"] = json!({"on": "yes"});
    let start = version_of(&world.widget("start").await);
    let created = world.post(WIDGETS, &object).await.expect(201);
    let mut watch = world
        .watch(&format!(
            "{WIDGETS}?watch=1&resourceVersion={start}&labelSelector=on%3Dyes"
        ))
        .await;
    assert_eq!(watch.next_line().await, "ADDED a");
    let path = format!("{WIDGETS}/a");
    let off = world
        .merge(&path, &json!({"metadata": {"labels": {"on": "no"}}}))
        .await
        .expect(200);
    let left = watch.next().await.unwrap();
    assert_eq!(left["type"], "DELETED");
    assert_eq!(
        left["object"]["metadata"]["labels"]["on"], "yes",
        "the last state in the selection"
    );
    assert_eq!(version_of(&left["object"]), version_of(&off));
    assert_eq!(left["object"]["metadata"]["uid"], created["metadata"]["uid"]);
    world.merge(&path, &json!({"spec": {"replicas": 9}})).await.expect(200);
    let on = world
        .merge(&path, &json!({"metadata": {"labels": {"on": "yes"}}}))
        .await
        .expect(200);
    assert_eq!(watch.next().await.unwrap(), json!({"type": "ADDED", "object": on}));
    world
        .merge(&path, &json!({"metadata": {"labels": null}}))
        .await
        .expect(200);
    assert_eq!(watch.next_line().await, "DELETED a");
    world.delete(&path).await.expect(200);
    world
        .post(WIDGETS, &{
            object["metadata"]["name"] = "b".into();
            object
        })
        .await
        .expect(201);
    assert_eq!(
        watch.next_line().await,
        "ADDED b",
        "a deletion outside the selection is not shown"
    );
}

#[tokio::test]
async fn one_name_and_one_namespace() {
    let world = World::new().await;
    let start = version_of(&world.widget("start").await);
    for (namespace, name) in [("ns", "a"), ("ns", "b"), ("other", "b")] {
        let path = format!("/apis/demo.example.io/v1/namespaces/{namespace}/widgets");
        world.post(&path, &widget(name)).await.expect(201);
    }
    let named = format!("{WIDGETS}?watch=1&resourceVersion={start}&fieldSelector=metadata.name%3Db");
    let legacy = format!("/apis/demo.example.io/v1/watch/namespaces/ns/widgets/b?resourceVersion={start}");
    for path in [named, legacy] {
        let mut watch = world.watch(&path).await;
        let event = watch.next().await.unwrap();
        assert_eq!(
            (
                &event["object"]["metadata"]["name"],
                &event["object"]["metadata"]["namespace"]
            ),
            (&json!("b"), &json!("ns"))
        );
    }
    let mut all = world
        .watch(&format!(
            "/apis/demo.example.io/v1/widgets?watch=1&resourceVersion={start}"
        ))
        .await;
    for expected in ["ADDED a", "ADDED b", "ADDED b"] {
        assert_eq!(all.next_line().await, expected);
    }
}

#[tokio::test]
async fn a_revision_that_is_no_longer_kept_is_an_error_event() {
    let world = World::forgetful().await;
    let old = version_of(&world.widget("a").await);
    for name in ["b", "c"] {
        world.widget(name).await;
    }
    let mut watch = world.watch(&format!("{WIDGETS}?watch=1&resourceVersion={old}")).await;
    let event = watch.next().await.unwrap();
    assert_eq!(event["type"], "ERROR");
    let status = &event["object"];
    assert_eq!(
        (&status["kind"], &status["code"], &status["reason"]),
        (&json!("Status"), &json!(410), &json!("Expired"))
    );
    let message = status["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!("too old resource version: {old} (")),
        "{message}"
    );
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn the_future_is_waited_for_by_a_plain_watch_only() {
    let world = World::new().await;
    let now = version_of(&world.widget("a").await);
    tokio::time::pause();
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let mut watch = world
        .watch(&format!("{WIDGETS}?watch=1&{query}&resourceVersion={}", now + 50))
        .await;
    let event = watch.next().await.unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["code"]),
        (&json!("ERROR"), &json!(504))
    );
    assert_eq!(
        event["object"]["details"]["causes"][0]["reason"],
        "ResourceVersionTooLarge"
    );
    assert_eq!(watch.next().await, None);
    tokio::time::resume();
    let mut plain = world
        .watch(&format!("{WIDGETS}?watch=1&resourceVersion={}", now + 1))
        .await;
    world.widget("b").await;
    world.widget("c").await;
    assert_eq!(plain.next_line().await, "ADDED c");
}

#[tokio::test]
async fn options_are_checked_before_the_stream() {
    let world = World::new().await;
    let refused = world.get(&format!("{WIDGETS}?watch=1&sendInitialEvents=true")).await;
    assert!(
        refused
            .refused(422)
            .1
            .contains("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
    );
    assert_eq!(
        world.get(&format!("{WIDGETS}?watch=1&resourceVersion=x")).await.code,
        400
    );
}

#[tokio::test]
async fn tables_and_metadata_are_watched() {
    let world = World::new().await;
    world.widget("a").await;
    world.widget("b").await;
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let mut watch = world
        .watch_as(&format!("{WIDGETS}?watch=1&allowWatchBookmarks=true"), table)
        .await;
    let first = watch.next().await.unwrap();
    assert_eq!(
        (&first["type"], &first["object"]["kind"]),
        (&json!("ADDED"), &json!("Table"))
    );
    assert_eq!(first["object"]["columnDefinitions"].as_array().unwrap().len(), 5);
    assert_eq!(first["object"]["rows"][0]["cells"][0], "a");
    let second = watch.next().await.unwrap();
    assert_eq!(second["object"]["columnDefinitions"], json!(null));
    let end = watch.next().await.unwrap();
    let annotations = &end["object"]["rows"][0]["object"]["metadata"]["annotations"];
    assert_eq!(
        (&end["type"], &annotations["k8s.io/initial-events-end"]),
        (&json!("BOOKMARK"), &json!("true"))
    );

    let partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    let mut watch = world.watch_as(&format!("{WIDGETS}?watch=1"), partial).await;
    let event = watch.next().await.unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["kind"]),
        (&json!("ADDED"), &json!("PartialObjectMetadata"))
    );
    assert!(event["object"].get("spec").is_none());
}

#[tokio::test]
async fn a_closed_server_ends_its_watches() {
    let world = World::new().await;
    let mut watch = world.watch(&format!("{WIDGETS}?watch=1")).await;
    drop(world);
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn what_watches_send_is_counted() {
    let world = World::new().await;
    world.widget("a").await;
    let query = "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = world.watch(&format!("{WIDGETS}{query}")).await;
    assert_eq!(watch.next_line().await, "ADDED a");
    assert_eq!(watch.next_line().await, "BOOKMARK -");
    world.widget("b").await;
    assert_eq!(watch.next_line().await, "ADDED b");
    drop(watch);
    let mut page = String::new();
    world.registry.append_metrics(&mut page);
    let widgets = "group=\"demo.example.io\",resource=\"widgets\"";
    let versioned = "group=\"demo.example.io\",version=\"v1\",resource=\"widgets\"";
    for line in [
        format!("apiserver_watch_events_total{{{versioned}}} 3"),
        format!("apiserver_watch_events_sizes_count{{{versioned}}} 3"),
        format!("apiserver_watch_list_duration_seconds_count{{{versioned},scope=\"namespace\"}} 1"),
        format!("apiserver_init_events_total{{{widgets}}} 1"),
        format!("apiserver_resource_objects{{{widgets}}} 2"),
        format!("apiserver_watch_cache_events_received_total{{{widgets}}} 2"),
        "apiserver_storage_objects{resource=\"widgets.demo.example.io\"} 2".to_owned(),
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
}
