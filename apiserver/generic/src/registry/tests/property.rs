//! Whatever is written: a list and the watch from its revision give the final list, and pages give one snapshot.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{WIDGETS, World, version_of, widget};

#[derive(Clone, Debug)]
enum Action {
    Create(u8),
    Patch(u8, i64),
    Status(u8, i64),
    Label(u8, bool),
    Delete(u8),
    Hold(u8),
    Release(u8),
}

fn action() -> impl Strategy<Value = Action> {
    let name = 0..6u8;
    prop_oneof![
        3 => name.clone().prop_map(Action::Create),
        3 => (name.clone(), 0..5i64).prop_map(|(name, replicas)| Action::Patch(name, replicas)),
        1 => (name.clone(), 0..5i64).prop_map(|(name, replicas)| Action::Status(name, replicas)),
        2 => (name.clone(), any::<bool>()).prop_map(|(name, on)| Action::Label(name, on)),
        2 => name.clone().prop_map(Action::Delete),
        1 => name.clone().prop_map(Action::Hold),
        1 => name.prop_map(Action::Release),
    ]
}

async fn perform(world: &World, action: &Action) {
    let path = |name: &u8| format!("{WIDGETS}/w{name}");
    let reply = match action {
        Action::Create(name) => world.post(WIDGETS, &widget(&format!("w{name}"))).await,
        Action::Patch(name, replicas) => world.merge(&path(name), &json!({"spec": {"replicas": replicas}})).await,
        Action::Status(name, replicas) => {
            world
                .merge(
                    &format!("{}/status", path(name)),
                    &json!({"status": {"replicas": replicas}}),
                )
                .await
        }
        Action::Label(name, on) => {
            world
                .merge(&path(name), &json!({"metadata": {"labels": {"on": on.to_string()}}}))
                .await
        }
        Action::Delete(name) => world.delete(&path(name)).await,
        Action::Hold(name) => {
            world
                .merge(&path(name), &json!({"metadata": {"finalizers": ["example.io/hold"]}}))
                .await
        }
        Action::Release(name) => {
            world
                .merge(&path(name), &json!({"metadata": {"finalizers": null}}))
                .await
        }
    };
    // Absent, present or terminating objects refuse some actions; nothing else goes wrong.
    assert!(
        [200, 201, 404, 409, 422].contains(&reply.code),
        "{action:?}: {}",
        String::from_utf8_lossy(&reply.bytes)
    );
}

/// Objects by name, as a client's informer keeps them.
type Known = BTreeMap<String, Value>;

fn known(list: &Value) -> Known {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (name(item), item.clone()))
        .collect()
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

fn take(known: &mut Known, event: &Value) {
    let object = &event["object"];
    match event["type"].as_str().unwrap() {
        "ADDED" => assert!(
            known.insert(name(object), object.clone()).is_none(),
            "added twice: {object}"
        ),
        "MODIFIED" => assert!(
            known.insert(name(object), object.clone()).is_some(),
            "modified unseen: {object}"
        ),
        "DELETED" => assert!(known.remove(&name(object)).is_some(), "deleted unseen: {object}"),
        other => panic!("{other}"),
    }
}

/// The token of the next page; of the last one it is empty.
fn more(page: &Value) -> Option<String> {
    page["metadata"]["continue"]
        .as_str()
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
}

async fn check(before: Vec<Action>, after: Vec<Action>) {
    let world = World::new().await;
    for action in &before {
        perform(&world, action).await;
    }
    for selector in ["", "&labelSelector=on%3Dtrue"] {
        let list = world.get(&format!("{WIDGETS}?x=1{selector}")).await.expect(200);
        let version = version_of(&list);
        let mut informer = known(&list);
        let mut watch = world
            .watch(&format!("{WIDGETS}?watch=1&resourceVersion={version}{selector}"))
            .await;
        let page = world.get(&format!("{WIDGETS}?limit=2{selector}")).await.expect(200);
        for action in &after {
            perform(&world, action).await;
        }
        let last = world.get(&format!("{WIDGETS}?x=1{selector}")).await.expect(200);

        // A last object in the selection says that everything before it was seen.
        let mut end = widget("end");
        end["metadata"]["labels"] = json!({"on": "true"});
        world.post(WIDGETS, &end).await.expect(201);
        let mut newest = version;
        loop {
            let event = watch.next().await.unwrap();
            let event_version = version_of(&event["object"]);
            assert!(event_version > newest, "revisions grow");
            newest = event_version;
            if name(&event["object"]) == "end" {
                break;
            }
            take(&mut informer, &event);
        }
        assert_eq!(informer, known(&last));
        world.delete(&format!("{WIDGETS}/end")).await.expect(200);

        let mut pages = known(&page);
        let mut token = more(&page);
        while let Some(next) = token {
            let page = world
                .get(&format!("{WIDGETS}?limit=2{selector}&continue={next}"))
                .await
                .expect(200);
            assert_eq!(version_of(&page), version);
            pages.extend(known(&page));
            token = more(&page);
        }
        assert_eq!(pages, known(&list));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn list_and_watch_agree(
        before in prop::collection::vec(action(), 0..25),
        after in prop::collection::vec(action(), 0..25),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(check(before, after));
    }
}
