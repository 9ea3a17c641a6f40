use serde_json::{Value, json};

use super::{WIDGETS, World, version_of, widget};

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

async fn world_of_five() -> World {
    let world = World::new().await;
    for name in ["e", "b", "a", "d", "c"] {
        let mut object = widget(name);
        object["metadata"]["labels"] = json!({"letter": name, "vowel": if "ae".contains(name) { "yes" } else { "no" }});
        object["spec"]["color"] = if name == "b" { "blue" } else { "red" }.into();
        world.post(WIDGETS, &object).await.expect(201);
    }
    world
}

#[tokio::test]
async fn an_empty_list_has_items_and_a_revision() {
    let world = World::new().await;
    let fresh = world.get(WIDGETS).await.expect(200);
    assert!(version_of(&fresh) > 0, "clients take 0 for any revision");
    world.widget("elsewhere").await;
    let list = world
        .get("/apis/demo.example.io/v1/namespaces/none/widgets")
        .await
        .expect(200);
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (&json!("WidgetList"), &json!("demo.example.io/v1"))
    );
    assert_eq!(list["items"], json!([]));
    assert!(version_of(&list) > 0);
}

#[tokio::test]
async fn lists_are_in_key_order_and_read_their_writes() {
    let world = world_of_five().await;
    let list = world.get(WIDGETS).await.expect(200);
    assert_eq!(names(&list), ["a", "b", "c", "d", "e"]);
    let single = world.get(&format!("{WIDGETS}/c")).await.expect(200);
    assert_eq!(list["items"][2], single);
    assert!(list["metadata"]["continue"] == "");
    let mut elsewhere = widget("a");
    elsewhere["metadata"]["namespace"] = "ns-b".into();
    world
        .post("/apis/demo.example.io/v1/namespaces/ns-b/widgets", &elsewhere)
        .await
        .expect(201);
    let everywhere = world.get("/apis/demo.example.io/v1/widgets").await.expect(200);
    // "ns-b/a" sorts before "ns/a", as the bytes of the keys do.
    assert_eq!(names(&everywhere), ["a", "a", "b", "c", "d", "e"]);
    assert_eq!(everywhere["items"][0]["metadata"]["namespace"], "ns-b");
    assert_eq!(names(&world.get(WIDGETS).await.expect(200)).len(), 5);
}

#[tokio::test]
async fn selectors_select() {
    let world = world_of_five().await;
    let cases = [
        ("labelSelector=vowel%3Dyes", vec!["a", "e"]),
        ("labelSelector=vowel!=yes,letter+notin+(b)", vec!["c", "d"]),
        ("labelSelector=missing", vec![]),
        ("fieldSelector=metadata.name=c", vec!["c"]),
        (
            "fieldSelector=metadata.name!=c,metadata.namespace=ns",
            vec!["a", "b", "d", "e"],
        ),
        ("fieldSelector=spec.color=blue", vec!["b"]),
        ("fieldSelector=spec.color=blue&labelSelector=vowel=yes", vec![]),
    ];
    for (query, expected) in cases {
        let list = world.get(&format!("{WIDGETS}?{query}")).await.expect(200);
        assert_eq!(names(&list), expected, "{query}");
    }
    let unknown = world.get(&format!("{WIDGETS}?fieldSelector=spec.replicas=1")).await;
    assert_eq!(unknown.refused(400).1, "field label not supported: spec.replicas");
    let builtin = world.get(&format!("{}?fieldSelector=spec.x=1", super::GADGETS)).await;
    assert_eq!(
        builtin.refused(400).1,
        "\"spec.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    );
    let bad = world.get(&format!("{WIDGETS}?labelSelector=a+b")).await;
    assert!(
        bad.refused(400)
            .1
            .starts_with("unable to parse requirement: found 'b', expected: ")
    );
}

#[tokio::test]
async fn pages_show_one_snapshot() {
    let world = world_of_five().await;
    let first = world.get(&format!("{WIDGETS}?limit=2")).await.expect(200);
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    let token = first["metadata"]["continue"].as_str().unwrap();
    world.delete(&format!("{WIDGETS}/c")).await.expect(200);
    world.widget("bb").await;
    let second = world
        .get(&format!("{WIDGETS}?limit=2&continue={token}"))
        .await
        .expect(200);
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(version_of(&second), version_of(&first));
    assert_eq!(second["metadata"]["remainingItemCount"], 1);
    let token = second["metadata"]["continue"].as_str().unwrap();
    let third = world
        .get(&format!("{WIDGETS}?limit=2&continue={token}"))
        .await
        .expect(200);
    assert_eq!(names(&third), ["e"]);
    assert_eq!(version_of(&third), version_of(&first));
    assert!(third["metadata"]["continue"] == "");
    assert!(third["metadata"].get("remainingItemCount").is_none());
    let selected = world
        .get(&format!("{WIDGETS}?limit=1&labelSelector=vowel=no"))
        .await
        .expect(200);
    assert!(selected["metadata"]["continue"].is_string());
    assert!(selected["metadata"].get("remainingItemCount").is_none());
    let exact = world.get(&format!("{WIDGETS}?limit=5")).await.expect(200);
    assert_eq!(exact["metadata"]["continue"], "", "five objects on a page of five");
}

#[tokio::test]
async fn an_expired_page_says_how_to_go_on() {
    let world = World::forgetful().await;
    for name in ["a", "b", "c"] {
        world.widget(name).await;
    }
    let first = world.get(&format!("{WIDGETS}?limit=1")).await.expect(200);
    let token = first["metadata"]["continue"].as_str().unwrap();
    world.widget("d").await;
    let expired = world.get(&format!("{WIDGETS}?limit=1&continue={token}")).await;
    let (reason, message) = expired.refused(410);
    assert_eq!(reason, "Expired");
    assert!(message.starts_with("The provided continue parameter is too old to display a consistent list result."));
    let inconsistent = expired.json()["metadata"]["continue"].as_str().unwrap().to_owned();
    let rest = world
        .get(&format!("{WIDGETS}?continue={inconsistent}"))
        .await
        .expect(200);
    assert_eq!(names(&rest), ["b", "c", "d"]);
    let old = version_of(&first);
    let exact = world
        .get(&format!("{WIDGETS}?resourceVersion={old}&resourceVersionMatch=Exact"))
        .await;
    let message = "The resourceVersion for the provided list is too old.".to_owned();
    assert_eq!(exact.refused(410), ("Expired".into(), message));
}

#[tokio::test]
async fn revisions_bind_as_asked() {
    let world = World::new().await;
    let old = version_of(&world.widget("a").await);
    world.widget("b").await;
    let list = |query: String| {
        let world = &world;
        async move { world.get(&format!("{WIDGETS}?{query}")).await.expect(200) }
    };
    let exact = list(format!("resourceVersion={old}&resourceVersionMatch=Exact")).await;
    assert_eq!((names(&exact), version_of(&exact)), (vec!["a"], old));
    let legacy = list(format!("resourceVersion={old}&limit=10")).await;
    assert_eq!(names(&legacy), ["a"]);
    let newer = list(format!(
        "resourceVersion={old}&resourceVersionMatch=NotOlderThan&limit=10"
    ))
    .await;
    assert_eq!(names(&newer), ["a", "b"]);
    let not_older = list(format!("resourceVersion={old}")).await;
    assert_eq!(names(&not_older), ["a", "b"]);
    let any = list("resourceVersion=0&limit=1".into()).await;
    assert_eq!(names(&any), ["a", "b"], "a list from any state is not chunked");
    let refused = world.get(&format!("{WIDGETS}?continue=x&resourceVersion=4")).await;
    assert_eq!(
        refused.refused(400).1,
        "specifying resource version is not allowed when using continue"
    );
    let refused = world.get(&format!("{WIDGETS}?continue=x")).await;
    assert!(
        refused
            .refused(400)
            .1
            .starts_with("invalid continue token: continue key is not valid")
    );
}
