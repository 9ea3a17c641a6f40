//! Tables, metadata only, YAML.

use serde_json::{Value, json};

use super::{GADGETS, WIDGETS, World};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const PARTIAL: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
const PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

async fn read(world: &World, path: &str, accept: &str) -> Value {
    world
        .call(&format!("GET {path}"), &[("accept", accept)], b"")
        .await
        .expect(200)
}

#[tokio::test]
async fn a_table_has_declared_columns() {
    let world = World::new().await;
    world.widget("a").await;
    let conditions =
        json!({"status": {"conditions": [{"type": "X", "status": "False"}, {"type": "Ready", "status": "True"}]}});
    world
        .merge(&format!("{WIDGETS}/a/status"), &conditions)
        .await
        .expect(200);
    let table = read(&world, WIDGETS, TABLE).await;
    assert_eq!(
        (&table["kind"], &table["apiVersion"]),
        (&json!("Table"), &json!("meta.k8s.io/v1"))
    );
    let columns = table["columnDefinitions"].as_array().unwrap();
    let names: Vec<_> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Name", "Replicas", "Ready", "Color", "Age"]);
    assert_eq!(
        (&columns[0]["type"], &columns[0]["format"]),
        (&json!("string"), &json!("name"))
    );
    assert_eq!(columns[3]["priority"], 1);
    let row = &table["rows"][0];
    let cells = row["cells"].as_array().unwrap();
    assert_eq!(cells[..4], [json!("a"), json!(1), json!("True"), Value::Null]);
    let age = cells[4].as_str().unwrap();
    assert!(
        age.ends_with('s') && age[..age.len() - 1].parse::<u32>().unwrap() < 60,
        "{age}"
    );
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(row["object"]["metadata"]["name"], "a");
    assert!(table["metadata"]["resourceVersion"].is_string());
    let one = read(&world, &format!("{WIDGETS}/a"), TABLE).await;
    assert_eq!(one["rows"].as_array().unwrap().len(), 1);
    assert_eq!(
        one["metadata"]["resourceVersion"],
        row["object"]["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn rows_include_what_is_asked_for() {
    let world = World::new().await;
    let created = world
        .post(GADGETS, &json!({"metadata": {"name": "g"}}))
        .await
        .expect(201);
    let table = read(&world, GADGETS, TABLE).await;
    let names: Vec<_> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["name"])
        .collect();
    assert_eq!(names, ["Name", "Age"]);
    let whole = read(&world, &format!("{GADGETS}?includeObject=Object"), TABLE).await;
    assert_eq!(whole["rows"][0]["object"], created);
    let none = read(&world, &format!("{GADGETS}?includeObject=None"), TABLE).await;
    assert_eq!(none["rows"][0]["object"], Value::Null);
    let bad = world
        .call(&format!("GET {GADGETS}?includeObject=x"), &[("accept", TABLE)], b"")
        .await;
    assert!(
        bad.refused(400)
            .1
            .starts_with("Unable to convert to Table as requested: includeObject")
    );
}

#[tokio::test]
async fn tables_come_in_pages() {
    let world = World::new().await;
    for name in ["a", "b", "c"] {
        world.widget(name).await;
    }
    let first = read(&world, &format!("{WIDGETS}?limit=2"), TABLE).await;
    assert_eq!(first["rows"].as_array().unwrap().len(), 2);
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let rest = read(&world, &format!("{WIDGETS}?limit=2&continue={token}"), TABLE).await;
    assert_eq!(rest["rows"][0]["cells"][0], "c");
}

#[tokio::test]
async fn metadata_alone() {
    let world = World::new().await;
    let created = world.widget("a").await;
    let one = read(&world, &format!("{WIDGETS}/a"), PARTIAL).await;
    assert_eq!(
        one,
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": created["metadata"]})
    );
    let list = read(&world, WIDGETS, PARTIAL_LIST).await;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"], json!([one]));
    let mismatch = world.call(&format!("GET {WIDGETS}"), &[("accept", PARTIAL)], b"").await;
    assert_eq!(mismatch.refused(406).0, "NotAcceptable");
    let headers = [("accept", PARTIAL), ("content-type", "application/merge-patch+json")];
    let patch = json!({"metadata": {"labels": {"a": "b"}}}).to_string();
    let patched = world
        .call(&format!("PATCH {WIDGETS}/a"), &headers, patch.as_bytes())
        .await
        .expect(200);
    assert_eq!(
        (&patched["kind"], &patched["metadata"]["labels"]["a"]),
        (&json!("PartialObjectMetadata"), &json!("b"))
    );
}

#[tokio::test]
async fn yaml_and_nothing_else() {
    let world = World::new().await;
    world.widget("a").await;
    for path in [format!("{WIDGETS}/a"), WIDGETS.to_owned()] {
        let reply = world
            .call(&format!("GET {path}"), &[("accept", "application/yaml")], b"")
            .await;
        assert_eq!(
            (reply.code, &reply.headers["content-type"]),
            (200, &"application/yaml".parse().unwrap())
        );
        let text = String::from_utf8(reply.bytes.to_vec()).unwrap();
        assert!(text.contains("kind: Widget"), "{text}");
        let decoded = crate::schema::decode::yaml(text.as_bytes()).unwrap().value;
        assert_eq!(decoded, world.get(&path).await.expect(200));
    }
    let refused = world
        .call(
            &format!("GET {WIDGETS}"),
            &[("accept", "application/vnd.kubernetes.protobuf")],
            b"",
        )
        .await;
    assert_eq!(
        refused.refused(406).1,
        "only the following media types are accepted: application/json, application/yaml"
    );
    let refused = world
        .call(
            &format!("GET {WIDGETS}?watch=1"),
            &[("accept", "application/yaml")],
            b"",
        )
        .await;
    assert_eq!(refused.code, 406);
}
